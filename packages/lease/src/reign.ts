import { invariant } from '@orrery/environment'
import { createTimerWheel, type TimerWheel } from '@orrery/timer-wheel'
import { CheckpointSchedule } from './checkpoint-schedule.ts'
import type { LeaseEntry } from './lease-entry.ts'
import type { Checkpoint, LeaseId } from './lessor.ts'
import type { LessorOptions } from './options.ts'
import { Promotion } from './promotion.ts'

interface ReignStart {
  readonly leases: Iterator<LeaseEntry, undefined>
  readonly nowMs: number
  readonly extendMs: number
}

/**
 * What a primary knows beyond the replicated leases: when each of them is due. It begins with a promotion, and a
 * demotion drops it as a whole. A lease names the reign that armed it; to any other, its deadline means nothing.
 *
 * Deadlines are kept in *lease time*: the host's clock less all gaps that were granted, so that granting one more
 * moves every deadline at once. Only lease time passes beyond the methods that take `nowMs`.
 */
export class Reign {
  readonly #options: Required<LessorOptions>
  readonly #wheel: TimerWheel<LeaseEntry>
  readonly #checkpoints: CheckpointSchedule
  /** Leases that still wait for their first deadline; `undefined` when all have one. */
  #promotion: Promotion | undefined
  #gapsMs = 0
  /** Latest lease time that was seen, for methods that are applied from the log and have no time. */
  #latestMs: number
  #promotionSteps = 0

  constructor(options: Required<LessorOptions>, start: ReignStart) {
    const { nowMs } = start
    this.#options = options
    this.#latestMs = nowMs
    this.#wheel = createTimerWheel({ tickMs: options.tickMs, nowMs })
    this.#checkpoints = new CheckpointSchedule({ ...options, nowMs })
    this.#promotion = new Promotion({ ...options, ...start })
  }

  get promoting(): boolean {
    return this.#promotion !== undefined
  }

  get steps(): number {
    return this.#promotionSteps + this.#wheel.steps + this.#checkpoints.steps
  }

  /** Arms the next leases of the promotion and tells whether all are. */
  promoteStep(maxLeases: number): boolean {
    invariant(maxLeases >= 1, 'a step arms at least one lease')
    for (let count = 0; count < maxLeases && this.#promotion !== undefined; count += 1) {
      const lease = this.#promotion.next()
      if (lease === undefined) {
        this.#promotion = undefined
        break
      }
      this.#promotionSteps += 1
      // One that was renewed, granted or begun to be revoked meanwhile has its deadline.
      if (lease.reign !== this) this.#arm(lease, this.#promotion.startMs, this.#promotion.deadlineOf(lease))
    }
    return this.#promotion === undefined
  }

  /** Gives a lease its full time to live. */
  renew(lease: LeaseEntry, nowMs: number): void {
    const timeMs = this.#observe(nowMs)
    this.#arm(lease, timeMs, timeMs + lease.ttlMs)
  }

  /** Whether nothing saves the lease any more. */
  isOver(lease: LeaseEntry, nowMs: number): boolean {
    if (lease.phase === 'revoking') return true
    return lease.reign === this && (lease.phase === 'overdue' || lease.deadlineMs <= nowMs - this.#gapsMs)
  }

  /** `undefined` when the promotion has not come to this lease yet. */
  remainingMs(lease: LeaseEntry, nowMs: number): number | undefined {
    if (this.isOver(lease, nowMs)) return 0
    return lease.reign === this ? lease.deadlineMs - (nowMs - this.#gapsMs) : undefined
  }

  /** Its revocation has been proposed or makes progress: nobody needs to propose another one for a while. */
  revocationProgressed(lease: LeaseEntry): void {
    lease.reign = this
    this.#checkpoints.stop(lease)
    this.#wheel.schedule(lease, this.#latestMs + this.#options.expiredRetryMs)
  }

  expired(nowMs: number): readonly LeaseId[] {
    const timeMs = this.#observe(nowMs)
    if (this.promoting) return []
    const { expiredMaxLeases, sweepMaxLeases } = this.#options
    const overdue = this.#wheel.advance(timeMs, { maxExpired: expiredMaxLeases, maxSteps: sweepMaxLeases })
    return overdue.map((lease) => {
      if (lease.phase === 'live') lease.phase = 'overdue'
      this.revocationProgressed(lease)
      return lease.id
    })
  }

  checkpointsDue(nowMs: number): readonly Checkpoint[] {
    const timeMs = this.#observe(nowMs)
    return this.promoting ? [] : this.#checkpoints.due(timeMs)
  }

  /** A checkpoint was applied. If the lease was renewed after it was taken, the log needs another one. */
  checkpointed(lease: LeaseEntry): void {
    if (lease.reign !== this || lease.phase !== 'live' || lease.checkpointMs === 0) return
    const remainingMs = lease.deadlineMs - this.#latestMs
    if (remainingMs > lease.checkpointMs) this.#checkpoints.correct(lease, this.#latestMs)
  }

  nextDeadlineMs(): number | undefined {
    if (this.promoting) return undefined
    const expiryMs = this.#wheel.nextDeadlineMs() ?? Infinity
    const checkpointMs = this.#checkpoints.nextDeadlineMs() ?? Infinity
    const nextMs = Math.min(expiryMs, checkpointMs)
    return nextMs === Infinity ? undefined : nextMs + this.#gapsMs
  }

  extendAll(gapMs: number): void {
    invariant(gapMs >= 0, 'a gap is not negative')
    this.#gapsMs += gapMs
  }

  /** The lease is gone. */
  forget(lease: LeaseEntry): void {
    this.#wheel.cancel(lease)
    this.#checkpoints.stop(lease)
  }

  #arm(lease: LeaseEntry, startMs: number, deadlineMs: number): void {
    if (lease.reign === this) {
      this.#wheel.postpone(lease, deadlineMs)
      this.#checkpoints.renewed(lease, startMs)
      return
    }
    lease.reign = this
    this.#wheel.schedule(lease, deadlineMs)
    if (lease.phase === 'revoking') return
    lease.phase = 'live'
    this.#checkpoints.start(lease, startMs)
  }

  #observe(nowMs: number): number {
    invariant(nowMs <= Number.MAX_SAFE_INTEGER, 'the time is a number of milliseconds')
    const timeMs = nowMs - this.#gapsMs
    if (timeMs > this.#latestMs) this.#latestMs = timeMs
    return timeMs
  }
}
