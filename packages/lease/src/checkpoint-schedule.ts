import { createTimerWheel, type TimerWheel } from '@orrery/timer-wheel'
import { CheckpointTimer, type LeaseEntry } from './lease-entry.ts'
import type { Checkpoint } from './lessor.ts'

interface CheckpointScheduleOptions {
  readonly tickMs: number
  readonly nowMs: number
  readonly checkpointIntervalMs: number
  readonly checkpointMaxLeases: number
  readonly sweepMaxLeases: number
}

/**
 * Which leases are due for a checkpoint, during one reign.
 *
 * A renewal does not touch its timer, since renewals are hot: a timer that fires too early for the latest
 * renewal is simply armed again for what is left.
 */
export class CheckpointSchedule {
  readonly #wheel: TimerWheel<CheckpointTimer>
  readonly #intervalMs: number
  readonly #limits: { readonly maxExpired: number; readonly maxSteps: number }

  constructor(options: CheckpointScheduleOptions) {
    this.#wheel = createTimerWheel({ tickMs: options.tickMs, nowMs: options.nowMs })
    this.#intervalMs = options.checkpointIntervalMs
    this.#limits = { maxExpired: options.checkpointMaxLeases, maxSteps: options.sweepMaxLeases }
  }

  get steps(): number {
    return this.#wheel.steps
  }

  /** A lease was armed for the first time in this reign. */
  start(lease: LeaseEntry, nowMs: number): void {
    this.stop(lease)
    this.renewed(lease, nowMs)
  }

  /** A lease of this reign got its full time to live at `nowMs`, or has got it then. */
  renewed(lease: LeaseEntry, nowMs: number): void {
    if (lease.ttlMs <= this.#intervalMs) return
    if (lease.checkpointTimer?.scheduled !== true) this.#arm(lease, nowMs + this.#intervalMs)
  }

  /** Forgets a lease, also one that an earlier reign left armed. */
  stop(lease: LeaseEntry): void {
    if (lease.checkpointTimer !== undefined) this.#wheel.cancel(lease.checkpointTimer)
  }

  /** The checkpoint in the log says less than the lease has: it was renewed meanwhile. Puts that right. */
  correct(lease: LeaseEntry, nowMs: number): void {
    this.#arm(lease, nowMs)
  }

  due(nowMs: number): Checkpoint[] {
    const checkpoints: Checkpoint[] = []
    for (const { lease } of this.#wheel.advance(nowMs, this.#limits)) {
      if (lease.phase !== 'live') continue
      const remainingMs = Math.ceil(lease.deadlineMs - nowMs)
      const sinceRenewalMs = lease.ttlMs - remainingMs
      if (sinceRenewalMs < this.#intervalMs) {
        if (lease.checkpointMs > 0) checkpoints.push({ id: lease.id, remainingMs: 0 })
        this.renewed(lease, lease.deadlineMs - lease.ttlMs)
      } else if (remainingMs > 0) {
        checkpoints.push({ id: lease.id, remainingMs })
        if (remainingMs > this.#intervalMs) this.#arm(lease, nowMs + this.#intervalMs)
      }
    }
    return checkpoints
  }

  nextDeadlineMs(): number | undefined {
    return this.#wheel.nextDeadlineMs()
  }

  #arm(lease: LeaseEntry, dueMs: number): void {
    lease.checkpointTimer ??= new CheckpointTimer(lease)
    this.#wheel.schedule(lease.checkpointTimer, dueMs)
  }
}
