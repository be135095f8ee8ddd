import { type Batcher, BatchingError, createBatcher, ItemFailure } from '@orrery/batching'
import type { Clock } from '@orrery/environment'
import { StoreError, type StoreErrorCode } from '../errors.ts'
import type { CallOptions } from '../store.ts'
import type { Renewed } from './peer-requests.ts'

export interface LeaseRenewalsParts {
  readonly clock: Clock
  /** Renews these, at whoever leads. The answers are in the same order. */
  readonly renew: (ids: readonly bigint[]) => Promise<readonly Renewed[]>
  /** How long a renewal may wait for its turn. Unit: ms. */
  readonly requestTimeoutMs: number
}

/** Questions to the leader that are on their way at the same time. */
const concurrencyMaxBatches = 4

/**
 * Renewals of leases, on their way to whoever leads. Clients renew often and all at once; those of one turn, and those
 * that come while others are on their way, share one question and one proof that the leader still leads.
 */
export class LeaseRenewals {
  readonly #batcher: Batcher<bigint, number>

  constructor({ clock, renew, requestTimeoutMs }: LeaseRenewalsParts) {
    this.#batcher = createBatcher<bigint, number>(
      {
        clock,
        run: async (ids) => {
          const renewed = await renew(ids)
          return renewed.map((one) => (one instanceof Error ? new ItemFailure(one) : one.ttlMs))
        },
      },
      { concurrencyMaxBatches, taskLifeMaxMs: requestTimeoutMs },
    )
  }

  /**
   * @throws LeaseError `LEASE_NOT_FOUND`
   * @throws StoreError `STORE_TOO_MANY_REQUESTS`, `STORE_TIMED_OUT`, `STORE_CLOSED`
   */
  async renew(id: bigint, { signal }: CallOptions): Promise<{ ttlMs: number }> {
    try {
      return { ttlMs: await this.#batcher.submit(id, signal === undefined ? {} : { signal }) }
    } catch (error) {
      throw error instanceof BatchingError ? toStoreError(error) : error
    }
  }

  /** Resolves when everything that waited is answered. */
  close(): Promise<void> {
    return this.#batcher.close()
  }
}

const codes: Partial<Record<BatchingError['code'], StoreErrorCode>> = {
  BATCHING_QUEUE_FULL: 'STORE_TOO_MANY_REQUESTS',
  BATCHING_EXPIRED: 'STORE_TIMED_OUT',
  BATCHING_CLOSED: 'STORE_CLOSED',
}

function toStoreError(error: BatchingError): StoreError {
  return new StoreError(codes[error.code] ?? 'STORE_FAILED', `the lease was not renewed: ${error.message}`, {
    cause: error,
  })
}
