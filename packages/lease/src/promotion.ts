import { ExpirySpread } from './expiry-spread.ts'
import type { LeaseEntry } from './lease-entry.ts'

interface PromotionOptions {
  readonly leases: Iterator<LeaseEntry, undefined>
  readonly nowMs: number
  readonly extendMs: number
  readonly revokeMaxPerSecond: number
  readonly tickMs: number
}

/** Work that a promotion has left: leases whose deadline is not known yet. */
export class Promotion {
  /** When it began, from which all deadlines count however long its steps take. Unit: ms of lease time. */
  readonly startMs: number
  readonly #leases: Iterator<LeaseEntry, undefined>
  readonly #extendMs: number
  readonly #spread: ExpirySpread

  constructor(options: PromotionOptions) {
    this.#leases = options.leases
    this.startMs = options.nowMs
    this.#extendMs = options.extendMs
    this.#spread = new ExpirySpread({
      maxPerSecond: options.revokeMaxPerSecond,
      windowMinMs: options.tickMs,
    })
  }

  /** The next lease to look at, or `undefined` when all have been. */
  next(): LeaseEntry | undefined {
    const next = this.#leases.next()
    return next.done === true ? undefined : next.value
  }

  /** When a lease that nobody has renewed since the promotion is due. A revocation that stalled is due at once. */
  deadlineOf(lease: LeaseEntry): number {
    const aliveMs = lease.phase === 'revoking' ? 0 : lease.carriedMs + this.#extendMs
    return this.#spread.place(this.startMs + aliveMs)
  }
}
