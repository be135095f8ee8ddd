interface Waiter {
  readonly at: number
  readonly resolve: () => void
  readonly reject: (reason: Error) => void
}

/** Promises that wait for a counter to reach a value. */
export class Waiters {
  #waiting: Waiter[] = []

  /**
   * A promise for the moment when the counter reaches `at`.
   *
   * @param signal rejects the promise, with its reason
   */
  wait(at: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#waiting = this.#waiting.filter((other) => other !== waiter)
        resolve(Promise.resolve().then(() => signal?.throwIfAborted()))
      }
      const settle = (): void => signal?.removeEventListener('abort', abort)
      const waiter: Waiter = {
        at,
        resolve: () => {
          settle()
          resolve()
        },
        reject: (reason) => {
          settle()
          reject(reason)
        },
      }
      this.#waiting.push(waiter)
      if (signal?.aborted === true) abort()
      else signal?.addEventListener('abort', abort)
    })
  }

  /** The counter has reached `value`. */
  release(value: number): void {
    if (this.#waiting.length === 0) return
    const ready = this.#waiting.filter((waiter) => waiter.at <= value)
    this.#waiting = this.#waiting.filter((waiter) => waiter.at > value)
    for (const waiter of ready) waiter.resolve()
  }

  /** The counter will never go beyond `value` on its present course. */
  rejectAbove(value: number, reason: Error): void {
    const lost = this.#waiting.filter((waiter) => waiter.at > value)
    this.#waiting = this.#waiting.filter((waiter) => waiter.at <= value)
    for (const waiter of lost) waiter.reject(reason)
  }
}
