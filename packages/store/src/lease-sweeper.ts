import type { Environment, Timer } from '@orrery/environment'
import type { Checkpoint, Lessor } from '@orrery/lease'

/** What a {@link LeaseSweeper} needs. */
export interface LeaseSweeperParts {
  readonly environment: Environment
  readonly lessor: Lessor
  /** Whether overdue leases should wait: {@link LeaseSweeper.rearm} is called when they need not any more. */
  readonly isBusy: () => boolean
  readonly onExpired: (ids: readonly bigint[]) => void
  readonly onCheckpointsDue: (checkpoints: readonly Checkpoint[]) => void
  /** There is background work: {@link LeaseSweeper.promoteStep}. */
  readonly kick: () => void
}

/** How often overdue leases are looked for at least. Unit: ms. */
const sweepMaxMs = 500
/** A sweep that is later than this follows a pause of the process, in which nobody could renew. Unit: ms. */
const pauseMinMs = 500
const promoteStepLeases = 5_000

/** Looks, in time, for leases that are overdue or due for a checkpoint, where the lessor is to decide that. */
export class LeaseSweeper {
  readonly #parts: LeaseSweeperParts
  #timer: Timer | undefined
  #dueMs = Infinity
  /** When the timer is to run. */
  #wakeMs = Infinity
  #stopped = false

  constructor(parts: LeaseSweeperParts) {
    this.#parts = parts
  }

  /**
   * This member leads from now on: begins to decide who is overdue.
   *
   * @param extendMs more time for every lease, since nobody could renew while there was no leader
   */
  promote(extendMs: number): void {
    const { lessor, environment } = this.#parts
    lessor.promote({ nowMs: environment.clock.nowMs(), extendMs })
    this.#parts.kick()
    this.rearm()
  }

  /** This member leads no more: another one decides, and renews. What was proposed may still take effect. */
  demote(): void {
    this.#disarm()
    this.#parts.lessor.demote()
  }

  /** A slice of background work: returns whether there is more. */
  promoteStep(): boolean {
    if (this.#parts.lessor.state !== 'promoting') return false
    const more = !this.#parts.lessor.promoteStep(promoteStepLeases)
    if (!more) this.rearm()
    return more
  }

  /** A deadline may have become earlier. */
  rearm(): void {
    if (this.#stopped || this.#parts.isBusy()) return
    const nextMs = this.#parts.lessor.nextDeadlineMs()
    if (nextMs === undefined || nextMs >= this.#dueMs) return
    const { clock } = this.#parts.environment
    const nowMs = clock.nowMs()
    this.#timer?.cancel()
    this.#dueMs = nextMs
    const delayMs = Math.min(Math.max(0, nextMs - nowMs), sweepMaxMs)
    this.#wakeMs = nowMs + delayMs
    this.#timer = clock.setTimer(delayMs, () => this.#sweep())
  }

  /**
   * When the timer is late, the process stood still and clients could not renew. What they had left then, they
   * have now. Input that waited is read before timers run, so each renewal asks this, too.
   */
  noticePause(): void {
    const nowMs = this.#parts.environment.clock.nowMs()
    const lateMs = nowMs - this.#wakeMs
    if (lateMs <= pauseMinMs) return
    this.#wakeMs = nowMs
    this.#parts.lessor.extendAll(lateMs)
  }

  stop(): void {
    this.#stopped = true
    this.#disarm()
  }

  #disarm(): void {
    this.#timer?.cancel()
    this.#dueMs = Infinity
    this.#wakeMs = Infinity
  }

  #sweep(): void {
    const { lessor, environment, onExpired, onCheckpointsDue } = this.#parts
    this.noticePause()
    const nowMs = environment.clock.nowMs()
    this.#dueMs = Infinity
    this.#wakeMs = Infinity
    const overdue = lessor.expired(nowMs)
    if (overdue.length > 0) onExpired(overdue)
    const checkpoints = lessor.checkpointsDue(nowMs)
    if (checkpoints.length > 0) onCheckpointsDue(checkpoints)
    this.rearm()
  }
}
