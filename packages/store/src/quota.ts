import type { PutRequest, TxnOp, TxnRequest } from '@orrery/mvcc'
import { StoreError } from './errors.ts'
import type { StoreBackend } from './ports.ts'

/** What a change costs beside key and value, as etcd reckons it. Unit: bytes. */
const putOverheadBytes = 256
const leaseBytes = 64

/** What a {@link Quota} watches, and what it does when it is exhausted. */
export interface QuotaParts {
  /** 0: no limit. Unit: bytes. */
  readonly quotaBytes: number
  /** Its data counts, not its extent: a file does not shrink when a compaction gives its pages free. */
  readonly backend: () => Pick<StoreBackend, 'sizeInUseBytes' | 'pendingBytes'>
  readonly isExhausted: () => boolean
  /** Raises the alarm. */
  readonly exhaust: () => Promise<unknown>
}

/** Keeps the backend below its quota: the write that would exceed it is refused, and raises the alarm. */
export class Quota {
  readonly #parts: QuotaParts
  /** The alarm is on its way through the log. */
  #raising = false

  constructor(parts: QuotaParts) {
    this.#parts = parts
  }

  /** @throws StoreError `STORE_NO_SPACE` */
  requirePut(request: PutRequest): void {
    this.#require(costOfPut(request))
  }

  /** @throws StoreError `STORE_NO_SPACE` */
  requireTxn(request: TxnRequest): void {
    this.#require(costOfTxn(request))
  }

  /** @throws StoreError `STORE_NO_SPACE` */
  requireLease(): void {
    this.#require(leaseBytes)
  }

  #require(bytes: number): void {
    const { quotaBytes } = this.#parts
    if (quotaBytes === 0 || bytes === 0) return
    const backend = this.#parts.backend()
    if (backend.sizeInUseBytes + backend.pendingBytes + bytes <= quotaBytes) return
    this.#raise()
    throw new StoreError('STORE_NO_SPACE', `the quota of ${quotaBytes} bytes is exhausted`)
  }

  #raise(): void {
    if (this.#raising || this.#parts.isExhausted()) return
    this.#raising = true
    const done = (): void => {
      this.#raising = false
    }
    // It is a write of its own; when even that fails, the store has failed.
    this.#parts.exhaust().then(done, done)
  }
}

function costOfPut({ key, value }: PutRequest): number {
  return putOverheadBytes + key.length + (value?.length ?? 0)
}

/** A txn costs what its dearer branch does. */
function costOfTxn({ success = [], failure = [] }: TxnRequest): number {
  return Math.max(costOfOps(success), costOfOps(failure))
}

function costOfOps(ops: readonly TxnOp[]): number {
  let bytes = 0
  for (const op of ops) {
    if (op.type === 'put') bytes += costOfPut(op)
    else if (op.type === 'txn') bytes += costOfTxn(op)
  }
  return bytes
}
