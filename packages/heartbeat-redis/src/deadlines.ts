import type { Clock, Timer } from '@orrery/environment'

interface Deadline {
  readonly atMs: number
  readonly onMissed: () => void
}

/** Ends what takes too long. All may take equally long, so that one timer and no order is enough for any number. */
export class Deadlines {
  readonly #clock: Clock
  readonly #afterMs: number
  /** Invariant: in the order of their times, since that is the order in which they come. */
  readonly #open = new Set<Deadline>()
  #timer: Timer | undefined

  constructor(clock: Clock, afterMs: number) {
    this.#clock = clock
    this.#afterMs = afterMs
  }

  /** Calls `onMissed` when the time is over, unless the function that is returned was called before. */
  add(onMissed: () => void): () => void {
    const deadline = { atMs: this.#clock.nowMs() + this.#afterMs, onMissed }
    this.#open.add(deadline)
    this.#timer ??= this.#clock.setTimer(this.#afterMs, this.#onTimer)
    return () => {
      this.#open.delete(deadline)
    }
  }

  /** Nothing is missed any more. */
  close(): void {
    this.#open.clear()
    this.#timer?.cancel()
    this.#timer = undefined
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined
    const nowMs = this.#clock.nowMs()
    for (const deadline of this.#open) {
      if (deadline.atMs > nowMs) {
        this.#timer ??= this.#clock.setTimer(deadline.atMs - nowMs, this.#onTimer)
        return
      }
      this.#open.delete(deadline)
      deadline.onMissed()
    }
  }
}
