import type { Clock, Timer } from '@orrery/environment'
import { createTimerWheel, type TimerWheel, WheelEntry } from '@orrery/timer-wheel'

/** How late a timeout may be. Unit: ms. */
const tickMs = 5

/** Something that may run out of time. It is its own list node: to arm and disarm it allocates nothing. */
export abstract class Timeout extends WheelEntry {
  /** Its time is over. It is not armed any more. */
  abstract expire(): void
}

/** A timeout that calls a function. */
export class CallbackTimeout extends Timeout {
  readonly #callback: () => void

  constructor(callback: () => void) {
    super()
    this.#callback = callback
  }

  expire(): void {
    this.#callback()
  }
}

/** The timeouts of a server: one timer of the clock for any number of them. */
export class Timers {
  readonly #clock: Clock
  readonly #wheel: TimerWheel<Timeout>
  #timer: Timer | undefined
  #timerAtMs = Infinity

  constructor(clock: Clock) {
    this.#clock = clock
    this.#wheel = createTimerWheel<Timeout>({ tickMs, nowMs: clock.nowMs() })
  }

  /** Arms a timeout, or moves an armed one. */
  start(timeout: Timeout, delayMs: number): void {
    const atMs = this.#clock.nowMs() + delayMs
    this.#wheel.schedule(timeout, atMs)
    if (atMs < this.#timerAtMs) this.#arm(atMs)
  }

  cancel(timeout: Timeout): void {
    this.#wheel.cancel(timeout)
  }

  #arm(atMs: number): void {
    this.#timer?.cancel()
    this.#timerAtMs = atMs
    this.#timer = this.#clock.setTimer(atMs - this.#clock.nowMs(), () => {
      this.#advance()
    })
  }

  #advance(): void {
    this.#timerAtMs = Infinity
    for (const timeout of this.#wheel.advance(this.#clock.nowMs())) timeout.expire()
    const nextMs = this.#wheel.nextDeadlineMs()
    if (nextMs !== undefined && nextMs < this.#timerAtMs) this.#arm(nextMs)
  }
}
