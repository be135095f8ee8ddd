/** Texts, or what stands for one, that are kept for sharing. Then it begins anew. */
const sharedMaxItems = 4_096
/** Longer texts are rarely equal. */
const sharedMaxChars = 64

/** Gives equal values only once, as far as it remembers. */
export class Interning<T> {
  readonly #known = new Map<string, T>()

  /** @param make called when the value is not known */
  get(name: string, make: () => T): T {
    if (name.length > sharedMaxChars) return make()
    const known = this.#known.get(name)
    if (known !== undefined) return known
    if (this.#known.size >= sharedMaxItems) this.#known.clear()
    const made = make()
    this.#known.set(name, made)
    return made
  }
}
