/** Something that is kept for speed. */
export interface Holding {
  /** What it takes. Unit: bytes, roughly. */
  readonly bytes: number
  /** It is made of others in a moment, so it goes before them. */
  readonly isCheap: boolean
  /** Lets go of it: it is made anew when somebody asks. */
  drop(): void
}

/**
 * Keeps caches together below a bound: what is cheap is dropped before what is not, and then what has not been asked for
 * the longest.
 */
export class ByteBudget {
  readonly #maxBytes: number
  /** Each with the one that was asked for last at the end. */
  readonly #cheap = new Set<Holding>()
  readonly #costly = new Set<Holding>()
  #total = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Of all together. */
  get bytes(): number {
    return this.#total
  }

  /** It was asked for. */
  touch(holding: Holding): void {
    const holdings = this.#setOf(holding)
    holdings.delete(holding)
    holdings.add(holding)
  }

  /** It takes so much more now, or less. Something may have to go: a cheap one possibly at once, a costly one never for itself. */
  grow(holding: Holding, bytes: number): void {
    this.#total += bytes
    if (bytes > 0) this.touch(holding)
    for (const oldest of this.#cheap) {
      if (this.#total <= this.#maxBytes) return
      this.remove(oldest)
    }
    for (const oldest of this.#costly) {
      if (this.#total <= this.#maxBytes) return
      if (oldest !== holding) this.remove(oldest)
    }
  }

  remove(holding: Holding): void {
    if (!this.#setOf(holding).delete(holding)) return
    this.#total -= holding.bytes
    holding.drop()
  }

  #setOf({ isCheap }: Holding): Set<Holding> {
    return isCheap ? this.#cheap : this.#costly
  }
}
