/** Names whose last value is remembered; the one that came first makes room. */
const namesMax = 64
/** Longer values are not remembered. Unit: bytes. */
const valueMaxBytes = 256
/** Longer names are not remembered. Unit: bytes. */
const nameMaxBytes = 256

/**
 * Tells a field that is the same call after call from one that is not: only the former is worth an entry of the
 * dynamic table, as the latter would push everything else out of it.
 */
export class RepeatedFields {
  readonly #lastValues = new Map<string, string>()

  /** Whether the last field of that name had that value, too. Remembers the field for the next one. */
  isRepeated(name: string, value: string): boolean {
    if (value.length > valueMaxBytes || name.length > nameMaxBytes) {
      this.#lastValues.delete(name)
      return false
    }
    const last = this.#lastValues.get(name)
    if (last === value) return true
    if (last === undefined) this.#makeRoom()
    this.#lastValues.set(name, value)
    return false
  }

  #makeRoom(): void {
    if (this.#lastValues.size < namesMax) return
    for (const oldest of this.#lastValues.keys()) {
      this.#lastValues.delete(oldest)
      return
    }
  }
}
