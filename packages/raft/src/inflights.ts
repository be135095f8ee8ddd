/** Bounds of an {@link Inflights} window. */
export interface InflightLimits {
  readonly inflightMaxMessages: number
  readonly inflightMaxBytes: number
}

/**
 * The appends on their way to one follower: which entry each ends with, and how many bytes it carries. An
 * answer for an entry frees all appends that end there or before.
 */
export class Inflights {
  readonly #limits: InflightLimits
  readonly #lastIndexes: number[] = []
  readonly #sizes: number[] = []
  #head = 0
  #count = 0
  #bytes = 0

  constructor(limits: InflightLimits) {
    this.#limits = limits
  }

  get count(): number {
    return this.#count
  }

  /** The window takes one message of any size when it is empty. */
  get isFull(): boolean {
    return this.#count >= this.#limits.inflightMaxMessages || this.#bytes >= this.#limits.inflightMaxBytes
  }

  add(lastIndex: number, bytes: number): void {
    // The arrays become a ring once they have grown to the window.
    const slot = (this.#head + this.#count) % this.#limits.inflightMaxMessages
    this.#lastIndexes[slot] = lastIndex
    this.#sizes[slot] = bytes
    this.#count++
    this.#bytes += bytes
  }

  /** All appends that end with `index` or before have arrived. */
  freeTo(index: number): void {
    while (this.#count > 0 && (this.#lastIndexes[this.#head] ?? 0) <= index) {
      this.#bytes -= this.#sizes[this.#head] ?? 0
      this.#head = (this.#head + 1) % this.#limits.inflightMaxMessages
      this.#count--
    }
  }

  clear(): void {
    this.#head = 0
    this.#count = 0
    this.#bytes = 0
  }
}
