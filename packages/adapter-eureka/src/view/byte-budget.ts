/** Something that is kept for speed. */
export interface Holding {
  /** What it takes. Unit: bytes, roughly. */
  readonly bytes: number
  /** Lets go of it: it is made anew when somebody asks. Its bytes are 0 afterwards. */
  drop(): void
}

/** Keeps caches together below a bound: what has not been asked for the longest is dropped first. */
export class ByteBudget {
  readonly #maxBytes: number
  /** The one that was asked for last is the last. */
  readonly #holdings = new Set<Holding>()
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
    this.#holdings.delete(holding)
    this.#holdings.add(holding)
  }

  /** It takes so much more now, or less. Others may have to go; the one alone may be larger than the bound. */
  grow(holding: Holding, bytes: number): void {
    this.#total += bytes
    if (bytes > 0) this.touch(holding)
    if (this.#total <= this.#maxBytes) return
    for (const oldest of this.#holdings) {
      if (oldest === holding) continue
      this.remove(oldest)
      if (this.#total <= this.#maxBytes) return
    }
  }

  remove(holding: Holding): void {
    if (!this.#holdings.delete(holding)) return
    this.#total -= holding.bytes
    holding.drop()
  }
}
