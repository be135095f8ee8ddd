import { WheelEntry } from '@orrery/timer-wheel'
import type { AttachedKey } from './key-index.ts'
import type { LeaseId } from './lessor.ts'
import type { Reign } from './reign.ts'

/**
 * - `live`: can be renewed.
 * - `overdue`: was reported as expired in its reign; a promotion brings it back to life.
 * - `revoking`: its keys are being deleted. Replicated, and final.
 */
export type LeasePhase = 'live' | 'overdue' | 'revoking'

/** One lease, which is also its own node in the wheel of deadlines: a million of them should fit. */
export class LeaseEntry extends WheelEntry {
  readonly id: LeaseId
  /** Granted time to live. Unit: ms. */
  readonly ttlMs: number
  /** Remaining time to live in the log; 0: none, so a promotion grants the full one. Unit: ms. Replicated. */
  checkpointMs = 0
  phase: LeasePhase = 'live'
  /** Who armed `deadlineMs`: to any other reign, that deadline and `overdue` mean nothing. */
  reign: Reign | undefined = undefined
  /** Head of the list of attached keys. */
  firstKey: AttachedKey | undefined = undefined
  checkpointTimer: CheckpointTimer | undefined = undefined

  constructor(id: LeaseId, ttlMs: number) {
    super()
    this.id = id
    this.ttlMs = ttlMs
  }

  /** What a promotion grants, before its extension. Unit: ms. */
  get carriedMs(): number {
    return this.checkpointMs > 0 ? this.checkpointMs : this.ttlMs
  }
}

/** When the next checkpoint of a lease is due. Only leases that outlive the interval have one. */
export class CheckpointTimer extends WheelEntry {
  readonly lease: LeaseEntry

  constructor(lease: LeaseEntry) {
    super()
    this.lease = lease
  }
}
