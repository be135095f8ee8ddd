import type { Clock } from '@orrery/environment'

/** How much of something a client may do: a burst, and then a rate. */
export class Budget {
  readonly #clock: Pick<Clock, 'nowMs'>
  readonly #maxBurst: number
  readonly #perMs: number
  #left: number
  #refilledMs: number

  constructor(clock: Pick<Clock, 'nowMs'>, maxBurst: number, perSecond: number) {
    this.#clock = clock
    this.#maxBurst = maxBurst
    this.#perMs = perSecond / 1_000
    this.#left = maxBurst
    this.#refilledMs = clock.nowMs()
  }

  /** Takes `amount`, or tells that there is too little left. The clock is read only then. */
  spend(amount: number): boolean {
    this.#left -= amount
    if (this.#left >= 0) return true
    const nowMs = this.#clock.nowMs()
    this.earn((nowMs - this.#refilledMs) * this.#perMs)
    this.#refilledMs = nowMs
    return this.#left >= 0
  }

  /** Gives some back, up to the burst. */
  earn(amount: number): void {
    this.#left = Math.min(this.#maxBurst, this.#left + amount)
  }
}
