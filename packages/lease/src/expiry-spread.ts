/**
 * Moves deadlines apart, so that no more of them than a rate fall into the same second. After a failover all
 * leases of a fleet may otherwise run out together, and their revocation would fill the log.
 *
 * Deadlines are counted in short windows. One that does not fit into its window goes to the start of the first
 * later window with room, found in nearly constant time: full windows form a disjoint-set forest in which each
 * points towards the next free one (Tarjan, "Efficiency of a Good But Not Linear Set Union Algorithm", 1975).
 */
export class ExpirySpread {
  readonly #windowMs: number
  readonly #capacity: number
  /** Deadlines in the windows that have some and are not full. */
  readonly #counts = new Map<number, number>()
  /** From a full window to a later one. */
  readonly #later = new Map<number, number>()

  constructor(limits: { readonly maxPerSecond: number; readonly windowMinMs: number }) {
    this.#windowMs = Math.max(limits.windowMinMs, Math.ceil(1_000 / limits.maxPerSecond))
    this.#capacity = Math.max(1, Math.floor((limits.maxPerSecond * this.#windowMs) / 1_000))
  }

  /** Takes a place for a deadline and returns it: never before `deadlineMs`. */
  place(deadlineMs: number): number {
    const wanted = Math.floor(deadlineMs / this.#windowMs)
    const window = this.#firstFree(wanted)
    const count = (this.#counts.get(window) ?? 0) + 1
    if (count < this.#capacity) {
      this.#counts.set(window, count)
    } else {
      this.#counts.delete(window)
      this.#later.set(window, window + 1)
    }
    return window === wanted ? deadlineMs : window * this.#windowMs
  }

  #firstFree(wanted: number): number {
    let free = wanted
    for (let later = this.#later.get(free); later !== undefined; later = this.#later.get(free)) free = later
    // Shortens the path for whoever comes this way again.
    for (let window = wanted; window !== free; ) {
      const later = this.#later.get(window) ?? free
      this.#later.set(window, free)
      window = later
    }
    return free
  }
}
