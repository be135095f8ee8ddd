/** Something with output that waits to be written. */
export interface Flushable {
  flush(): void
}

/**
 * Lets every connection write once in a turn of the event loop, after all that came in has been answered: a call
 * to the kernel costs as much as many small answers.
 */
export class Flusher {
  #waiting: Flushable[] = []
  #scheduled = false

  /** Has `connection` flushed at the end of this turn. It says so once. */
  add(connection: Flushable): void {
    this.#waiting.push(connection)
    if (this.#scheduled) return
    this.#scheduled = true
    // Not a matter of time, so not of the clock: the sockets are real.
    setImmediate(this.#flushAll)
  }

  readonly #flushAll = (): void => {
    this.#scheduled = false
    const waiting = this.#waiting
    this.#waiting = []
    for (const connection of waiting) connection.flush()
  }
}
