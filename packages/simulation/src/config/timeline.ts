/** What something was at which revision. */
export class Timeline<Value> {
  readonly #revisions: number[] = []
  readonly #values: Value[] = []

  /** From this revision on, it is this. @param revision above all before */
  push(revision: number, value: Value): void {
    this.#revisions.push(revision)
    this.#values.push(value)
  }

  get last(): Value | undefined {
    return this.#values.at(-1)
  }

  /** What it was at a revision. Undefined: nothing was known of it. */
  at(revision: number): Value | undefined {
    return this.#values[this.#placeOf(revision)]
  }

  /** What it was at some time between two revisions, both included. Undefined: nothing was known of it. */
  between(from: number, to: number): readonly (Value | undefined)[] {
    const first = this.#placeOf(from)
    const last = this.#placeOf(to)
    const values = this.#values.slice(Math.max(0, first), last + 1)
    return first < 0 ? [undefined, ...values] : values
  }

  /** Of the last that is not above a revision; -1: there is none. */
  #placeOf(revision: number): number {
    let [low, high] = [0, this.#revisions.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#revisions[middle] ?? 0) <= revision) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}
