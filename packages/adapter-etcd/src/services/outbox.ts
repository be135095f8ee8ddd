/**
 * A queue between several writers and one reader, which are all asynchronous. Writers that can wait do so
 * until it is {@link drained}: that bounds it.
 */
export class Outbox<Item> {
  #items: Item[] = []
  #taken = 0
  #ended = false
  #failure: { readonly error: unknown } | undefined
  #wakeReader: (() => void) | undefined
  #wakeWriters: (() => void)[] = []

  /** Items that wait to be taken. */
  get size(): number {
    return this.#items.length - this.#taken
  }

  put(item: Item): void {
    this.#items.push(item)
    this.#wakeReader?.()
  }

  /** The reader gets what is queued, then `error`. */
  fail(error: unknown): void {
    this.#failure ??= { error }
    this.end()
  }

  /** The reader gets what is queued, then nothing. Waiting writers go on; what they put is not read. */
  end(): void {
    this.#ended = true
    this.#wakeReader?.()
    this.#resumeWriters()
  }

  /** The next item, if there is one now. */
  take(): Item | undefined {
    const item = this.#items[this.#taken]
    if (item === undefined) return undefined
    this.#taken++
    if (this.#taken === this.#items.length) {
      this.#items = []
      this.#taken = 0
      this.#resumeWriters()
    }
    return item
  }

  /**
   * Waits for an item. False: there will be none.
   *
   * @throws what {@link fail} was given
   */
  async filled(): Promise<boolean> {
    while (this.size === 0) {
      if (this.#failure !== undefined) throw this.#failure.error
      if (this.#ended) return false
      await new Promise<void>((resolve) => (this.#wakeReader = resolve))
      this.#wakeReader = undefined
    }
    return true
  }

  /** Waits until everything was taken, if there are `items` or more. */
  async drained(items: number): Promise<void> {
    if (this.#ended || this.size < items) return
    await new Promise<void>((resolve) => this.#wakeWriters.push(resolve))
  }

  #resumeWriters(): void {
    const writers = this.#wakeWriters
    this.#wakeWriters = []
    for (const wake of writers) wake()
  }
}
