/** Texts, or what stands for one, that are kept for sharing, in each of two halves. */
const halfMaxItems = 2_048
/** Longer texts are rarely equal. */
const textMaxChars = 64

/**
 * Gives equal values only once, as far as it remembers: when one half of its memory is full, it forgets the other one,
 * but for what was asked for meanwhile. So what many have in common stays, however much there is that only one has.
 */
export class Interning<T> {
  readonly #nameMaxChars: number
  #young = new Map<string, T>()
  #old = new Map<string, T>()

  /** @param nameMaxChars what has a longer name is not remembered. Unit: UTF-16 code units */
  constructor(nameMaxChars = textMaxChars) {
    this.#nameMaxChars = nameMaxChars
  }

  /** What is remembered under a name. */
  find(name: string): T | undefined {
    const young = this.#young.get(name)
    if (young !== undefined) return young
    const old = this.#old.get(name)
    return old === undefined ? undefined : this.remember(name, old)
  }

  /** What is remembered under a name, or else what is made for it. */
  get(name: string, make: () => T): T {
    return this.find(name) ?? this.remember(name, make())
  }

  /** @returns the value */
  remember(name: string, value: T): T {
    if (name.length > this.#nameMaxChars) return value
    if (this.#young.size >= halfMaxItems) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(name, value)
    return value
  }
}
