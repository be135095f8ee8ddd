import { NodeError } from './errors.ts'
import { type Waiter, withoutExpired } from './waiters.ts'

interface IndexWaiter extends Waiter {
  readonly index: number
  readonly resolve: (value?: undefined) => void
}

/** Who waits until an index is applied. */
export class IndexWaiters {
  #appliedIndex: number
  #waiters: IndexWaiter[] = []

  /** @param appliedIndex what the state held when the member started */
  constructor(appliedIndex: number) {
    this.#appliedIndex = appliedIndex
  }

  add(waiter: IndexWaiter): void {
    if (waiter.index <= this.#appliedIndex) waiter.resolve()
    else this.#waiters.push(waiter)
  }

  /** Everything up to `index` is applied. */
  release(index: number): void {
    if (index <= this.#appliedIndex) return
    this.#appliedIndex = index
    if (this.#waiters.length === 0) return
    const due = this.#waiters.filter((waiter) => waiter.index <= index)
    if (due.length === 0) return
    this.#waiters = this.#waiters.filter((waiter) => waiter.index > index)
    for (const { resolve } of due) resolve()
  }

  expire(nowMs: number): void {
    this.#waiters = withoutExpired(
      this.#waiters,
      nowMs,
      () => new NodeError('NODE_TIMED_OUT', 'the state did not come so far in time'),
    )
  }

  rejectAll(error: Error): void {
    for (const { reject } of this.#waiters.splice(0)) reject(error)
  }
}
