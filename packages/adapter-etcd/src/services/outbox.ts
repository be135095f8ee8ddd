/**
 * A queue between several writers and one reader, which are all asynchronous. Writers that can wait do so
 * until it is {@link drained}: that bounds it.
 */
export class Outbox<Item> {
  /** The oldest one: rarely is there another. */
  #first: Item | undefined
  #rest: Item[] = []
  #taken = 0
  #ended = false
  #failure: { readonly error: unknown } | undefined
  #wakeReader: (() => void) | undefined
  #wakeWriters: (() => void)[] = []

  /** Items that wait to be taken. */
  get size(): number {
    return (this.#first === undefined ? 0 : 1) + this.#rest.length - this.#taken
  }

  put(item: Item): void {
    if (this.size === 0) this.#first = item
    else this.#rest.push(item)
    this.#wake()
  }

  /** The reader gets what is queued, then `error`. */
  fail(error: unknown): void {
    this.#failure ??= { error }
    this.end()
  }

  /** The reader gets what is queued, then nothing. Waiting writers go on; what they put is not read. */
  end(): void {
    this.#ended = true
    this.#wake()
    this.#resumeWriters()
  }

  /** The next item, if there is one now. */
  take(): Item | undefined {
    const item = this.#first ?? this.#rest[this.#taken++]
    this.#first = undefined
    if (this.#taken >= this.#rest.length) {
      if (this.#taken > 0) this.#rest = []
      this.#taken = 0
      this.#resumeWriters()
    }
    return item
  }

  /** There will be no more items, or a failure comes after those that there are. */
  get ended(): boolean {
    return this.#ended
  }

  /** @throws what {@link fail} was given */
  throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** Calls back once, when there is an item or the end. At once, if that is so already. */
  whenFilled(callback: () => void): void {
    if (this.size > 0 || this.#ended) callback()
    else this.#wakeReader = callback
  }

  /** Waits until everything was taken, if there are `items` or more. */
  async drained(items: number): Promise<void> {
    if (this.#ended || this.size < items) return
    await new Promise<void>((resolve) => this.#wakeWriters.push(resolve))
  }

  #wake(): void {
    const wakeReader = this.#wakeReader
    this.#wakeReader = undefined
    wakeReader?.()
  }

  #resumeWriters(): void {
    if (this.#wakeWriters.length === 0) return
    const writers = this.#wakeWriters
    this.#wakeWriters = []
    for (const wake of writers) wake()
  }
}
