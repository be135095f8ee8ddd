import type { Clock, Timer } from '@orrery/environment'

/** What a {@link Ticker} moves. */
export interface TickerParts {
  readonly clock: Clock
  /** Unit: ms. */
  readonly tickMs: number
  readonly tick: () => void
}

/** Turns of the event loop that let input in, after a pause, before time counts. */
const turnsAfterPause = 2

/**
 * Counts time for the core. A process that stood still has not listened: when it goes on, timers run before the
 * messages that waited meanwhile are read, and would decide an election that nobody asked for. So a late wake-up
 * counts as one tick, however long the pause was, and only after waiting input has been read.
 */
export class Ticker {
  readonly #parts: TickerParts
  #timer: Timer | undefined
  #dueMs = 0
  #stopped = false

  constructor(parts: TickerParts) {
    this.#parts = parts
  }

  start(): void {
    this.#dueMs = this.#parts.clock.nowMs() + this.#parts.tickMs
    this.#arm()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  #arm(): void {
    const { clock } = this.#parts
    this.#timer = clock.setTimer(Math.max(0, this.#dueMs - clock.nowMs()), () => this.#wake())
  }

  #wake(): void {
    const { clock, tickMs } = this.#parts
    const lateMs = clock.nowMs() - this.#dueMs
    if (lateMs > 2 * tickMs) this.#defer(turnsAfterPause)
    else this.#tick(this.#dueMs + tickMs)
  }

  #defer(turns: number): void {
    const { clock, tickMs } = this.#parts
    this.#timer = clock.defer(() => {
      if (turns > 1) this.#defer(turns - 1)
      else this.#tick(clock.nowMs() + tickMs)
    })
  }

  #tick(nextMs: number): void {
    this.#parts.tick()
    if (this.#stopped) return
    this.#dueMs = nextMs
    this.#arm()
  }
}
