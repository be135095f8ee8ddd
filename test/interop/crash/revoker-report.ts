/** Keys of the lease. */
export const leaseKeys = 100

/** What the revoker tells, one line each. */
export type RevokerReport =
  /** What it was told when it attached a key to a lease that an earlier process has begun to revoke. */
  | { readonly type: 'refused'; readonly code: string }
  /** The lease's keys at the opening; leases, and keys of any kind, after what was begun has ended. */
  | { readonly type: 'found'; readonly leaseKeys: number; readonly leases: number; readonly keys: number }
  | { readonly type: 'revoking' }
  | { readonly type: 'revoked' }
