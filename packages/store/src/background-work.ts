import type { Clock, Timer } from '@orrery/environment'

/** One slice of some work: returns whether there is more of it. */
export type WorkStep = () => boolean

/**
 * Work that may take long and can wait: in each turn of the event loop a few slices of it, until nothing is
 * left to do.
 */
export class BackgroundWork {
  readonly #clock: Clock
  readonly #turnMaxMs: number
  readonly #steps: readonly WorkStep[]
  #scheduled: Timer | undefined
  #stopped = false

  constructor(parts: {
    readonly clock: Clock
    readonly turnMaxMs: number
    readonly steps: readonly WorkStep[]
  }) {
    this.#clock = parts.clock
    this.#turnMaxMs = parts.turnMaxMs
    this.#steps = parts.steps
  }

  /** There may be something to do. */
  kick(): void {
    if (this.#stopped || this.#scheduled !== undefined) return
    this.#scheduled = this.#clock.defer(() => this.#turn())
  }

  stop(): void {
    this.#stopped = true
    this.#scheduled?.cancel()
  }

  #turn(): void {
    this.#scheduled = undefined
    const endMs = this.#clock.nowMs() + this.#turnMaxMs
    let left = [...this.#steps]
    // Kinds of work take turns, so that none of them starves.
    while (left.length > 0) {
      left = left.filter((step) => step())
      if (this.#clock.nowMs() >= endMs) break
    }
    if (left.length > 0) this.kick()
  }
}
