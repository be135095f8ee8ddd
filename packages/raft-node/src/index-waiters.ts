interface Waiter {
  readonly index: number
  readonly resolve: (value?: undefined) => void
  readonly reject: (error: Error) => void
}

/** Who waits until an index is applied. */
export class IndexWaiters {
  #appliedIndex = 0
  #waiters: Waiter[] = []

  add(index: number, { resolve, reject }: Pick<Waiter, 'resolve' | 'reject'>): void {
    if (index <= this.#appliedIndex) resolve()
    else this.#waiters.push({ index, resolve, reject })
  }

  /** Everything up to `index` is applied. */
  release(index: number): void {
    this.#appliedIndex = Math.max(this.#appliedIndex, index)
    if (this.#waiters.length === 0) return
    const due = this.#waiters.filter((waiter) => waiter.index <= index)
    if (due.length === 0) return
    this.#waiters = this.#waiters.filter((waiter) => waiter.index > index)
    for (const { resolve } of due) resolve()
  }

  rejectAll(error: Error): void {
    for (const { reject } of this.#waiters.splice(0)) reject(error)
  }
}
