import type { Clock, Timer } from '@orrery/environment'
import { createTimerWheel, type TimerWheel, WheelEntry } from '@orrery/timer-wheel'

/** How late a poll may be answered that nothing has happened. Unit: ms. */
const tickMs = 10
/** Polls that are answered in one turn of the event loop. */
const expiredMaxItems = 2_000

/** Something that waits only for so long. It is its own list node: to arm and disarm it allocates nothing. */
export abstract class PollTimeout extends WheelEntry {
  /** Its time is up. It is not armed any more. */
  abstract expire(): void
}

/** One timer of the clock for all polls of a hub. */
export class PollTimers {
  readonly #clock: Clock
  readonly #wheel: TimerWheel<PollTimeout>
  #timer: Timer | undefined
  #timerAtMs = Infinity

  constructor(clock: Clock) {
    this.#clock = clock
    this.#wheel = createTimerWheel<PollTimeout>({ tickMs, nowMs: clock.nowMs() })
  }

  start(poll: PollTimeout, timeoutMs: number): void {
    const atMs = this.#clock.nowMs() + timeoutMs
    this.#wheel.schedule(poll, atMs)
    if (atMs < this.#timerAtMs) this.#arm(atMs)
  }

  cancel(poll: PollTimeout): void {
    this.#wheel.cancel(poll)
  }

  close(): void {
    this.#timer?.cancel()
  }

  #arm(atMs: number): void {
    this.#timer?.cancel()
    this.#timerAtMs = atMs
    this.#timer = this.#clock.setTimer(atMs - this.#clock.nowMs(), this.#advance)
  }

  readonly #advance = (): void => {
    this.#timerAtMs = Infinity
    const nowMs = this.#clock.nowMs()
    for (const poll of this.#wheel.advance(nowMs, { maxExpired: expiredMaxItems })) poll.expire()
    const nextMs = this.#wheel.nextDeadlineMs()
    if (nextMs === undefined || nextMs >= this.#timerAtMs) return
    if (nextMs > nowMs) this.#arm(nextMs)
    else {
      this.#timerAtMs = nowMs
      this.#timer = this.#clock.defer(this.#advance)
    }
  }
}
