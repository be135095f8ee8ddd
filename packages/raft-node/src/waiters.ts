import type { NodeError } from './errors.ts'

/** Somebody who waits, until a time. */
export interface Waiter {
  readonly expiresMs: number
  readonly reject: (error: Error) => void
}

/** Answers those who have waited too long, and returns the others. */
export function withoutExpired<W extends Waiter>(
  waiters: readonly W[],
  nowMs: number,
  late: () => NodeError,
): W[] {
  return waiters.filter(({ expiresMs, reject }) => {
    if (expiresMs > nowMs) return true
    reject(late())
    return false
  })
}
