import type { DeleteRangeRequest, Key, PutRequest, TxnRequest } from '@orrery/mvcc'
import type { AlarmType } from './store.ts'

/**
 * One entry of the log: a change of the state that every member makes in the same way. Whatever a change
 * depends on that could differ between members, such as time or a random number, is in here.
 */
export type Command =
  | { readonly type: 'put'; readonly request: PutRequest }
  | { readonly type: 'deleteRange'; readonly request: DeleteRangeRequest }
  | { readonly type: 'txn'; readonly request: TxnRequest }
  | { readonly type: 'compact'; readonly revision: number }
  | { readonly type: 'leaseGrant'; readonly id: bigint; readonly ttlMs: number }
  /** Removes a lease and the keys that it still has. */
  | { readonly type: 'leaseRevoke'; readonly id: bigint }
  /** Begins to revoke a lease that has many keys: removes some, and lets no key be added. */
  | { readonly type: 'leaseRevokeKeys'; readonly id: bigint; readonly keys: readonly Key[] }
  /** Removes overdue leases with their keys, each in a revision of its own. Some may be gone already. */
  | { readonly type: 'leaseExpire'; readonly ids: readonly bigint[] }
  | {
      readonly type: 'leaseCheckpoint'
      readonly checkpoints: readonly { readonly id: bigint; readonly remainingMs: number }[]
    }
  | {
      readonly type: 'alarm'
      readonly action: 'activate' | 'deactivate'
      readonly alarm: AlarmType
      /** 0 with `deactivate`: every member. */
      readonly memberId: bigint
    }
