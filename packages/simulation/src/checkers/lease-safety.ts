import type { Checker } from './checker.ts'

/**
 * What happened to a lease, in the order in which it was applied or answered. Times are those of one clock.
 * Unit: ms.
 *
 * - `granted`, `renewed`: answered with success; the client counts from its call
 * - `attached`, `detached`: a key belongs to the lease, or not any more
 * - `revoked`: applied from the log, because its time was over or a client asked for it, with the keys that
 *   were deleted in that revision
 */
export type LeaseObservation =
  | {
      readonly type: 'granted'
      readonly leaseId: string
      readonly calledAtMs: number
      readonly ttlMs: number
    }
  | {
      readonly type: 'renewed'
      readonly leaseId: string
      readonly calledAtMs: number
      readonly ttlMs: number
    }
  | { readonly type: 'attached' | 'detached'; readonly leaseId: string; readonly key: string }
  | {
      readonly type: 'revoked'
      readonly leaseId: string
      readonly cause: 'expired' | 'client'
      readonly atMs: number
      readonly deletedKeys: readonly string[]
    }

/** What clocks do. */
export interface LeaseSafetyOptions {
  /** How much faster than the observer's clock the clock of a member may go. @defaultValue `0` */
  readonly driftMax?: number
}

interface LeaseLife {
  liveUntilMs: number
  readonly keys: Set<string>
}

/**
 * A lease lives as long as its clients were told, and dies once: it does not expire before its last
 * acknowledged renewal ends, no renewal succeeds that is called after it was revoked, and all its keys go with
 * it in one revision.
 */
export function createLeaseSafetyChecker(options: LeaseSafetyOptions = {}): Checker<LeaseObservation> {
  const leases = new Map<string, LeaseLife>()
  const revoked = new Map<string, number>()
  const trusted = 1 - (options.driftMax ?? 0)
  const extend = (lease: LeaseLife, calledAtMs: number, ttlMs: number): void => {
    lease.liveUntilMs = Math.max(lease.liveUntilMs, calledAtMs + ttlMs * trusted)
  }

  return {
    observe: (observation) => {
      const { leaseId } = observation
      const lease = leases.get(leaseId)
      switch (observation.type) {
        case 'granted': {
          if (lease !== undefined) return `lease ${leaseId} was granted twice`
          const granted = { liveUntilMs: 0, keys: new Set<string>() }
          extend(granted, observation.calledAtMs, observation.ttlMs)
          leases.set(leaseId, granted)
          revoked.delete(leaseId)
          return undefined
        }
        case 'renewed': {
          const revokedAtMs = revoked.get(leaseId)
          if (revokedAtMs !== undefined && observation.calledAtMs > revokedAtMs) {
            return `lease ${leaseId} was renewed at ${observation.calledAtMs} after it was revoked at ${revokedAtMs}`
          }
          if (lease !== undefined) extend(lease, observation.calledAtMs, observation.ttlMs)
          else if (revokedAtMs === undefined) return `lease ${leaseId} was renewed and never granted`
          return undefined
        }
        case 'attached':
          if (lease === undefined)
            return `${observation.key} was attached to lease ${leaseId}, which is not there`
          lease.keys.add(observation.key)
          return undefined
        case 'detached':
          lease?.keys.delete(observation.key)
          return undefined
        case 'revoked':
          if (lease === undefined) return `lease ${leaseId} was revoked, and is not there`
          leases.delete(leaseId)
          revoked.set(leaseId, observation.atMs)
          return revocationFlaw(lease, observation)
      }
    },
  }
}

function revocationFlaw(
  { liveUntilMs, keys }: LeaseLife,
  { leaseId, cause, atMs, deletedKeys }: Extract<LeaseObservation, { type: 'revoked' }>,
): string | undefined {
  if (cause === 'expired' && atMs < liveUntilMs) {
    return `lease ${leaseId} expired at ${atMs}, but was promised until ${liveUntilMs}`
  }
  const expected = [...keys].sort().join()
  const deleted = [...deletedKeys].sort().join()
  return expected === deleted ? undefined : `lease ${leaseId} went with keys ${deleted}, not ${expected}`
}
