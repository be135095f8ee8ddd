import { StoreError } from './errors.ts'
import type { StoreStatus } from './store.ts'

/** Where a store stands between its opening and its end: what each call asks first. */
export class Lifecycle {
  #failure: StoreError | undefined
  /** Undefined until the store begins to close. */
  #closing: 'closing' | 'closed' | undefined

  get state(): StoreStatus['state'] {
    return this.#closing ?? (this.#failure === undefined ? 'open' : 'failed')
  }

  /** @throws StoreError `STORE_CLOSED` */
  requireOpen(): void {
    if (this.#closing !== undefined) throw closedError()
  }

  /** @throws StoreError `STORE_FAILED` */
  requireNoFailure(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  /** The first failure is the one that counts: undefined when this is a later one. */
  fail(cause: Error): StoreError | undefined {
    if (this.#failure !== undefined) return undefined
    this.#failure =
      cause instanceof StoreError
        ? cause
        : new StoreError('STORE_FAILED', `the disk has failed: ${cause.message}`, { cause })
    return this.#failure
  }

  close(): void {
    this.#closing = 'closing'
  }

  closed(): void {
    this.#closing = 'closed'
  }
}

/** The error of every call that comes when the store is closing, or waits then. */
export function closedError(): StoreError {
  return new StoreError('STORE_CLOSED', 'the store is closed')
}
