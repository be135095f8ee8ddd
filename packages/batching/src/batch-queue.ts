import { invariant } from '@orrery/environment'
import { type BatchingOptions, resolveOptions } from './options.ts'

/**
 * Something that waits to be in a batch. Extend it with what it stands for, as `class Task extends
 * BatchEntry<Task>`; an entry is its own list node.
 */
export class BatchEntry<Self> {
  /** Neighbours in the queue. Written by the queue only. @internal */
  next: Self | undefined = undefined
  /** @internal */
  previous: Self | undefined = undefined
  /** Position among all that were ever added, from 1; 0: does not wait. Written by the queue only. @internal */
  ordinal = 0
  /** When it was added. Unit: ms. Written by the queue only. */
  sinceMs = 0
  /** Its size. Unit: bytes. Written by the queue only. */
  bytes = 0

  /** Whether it waits in a queue. */
  get isQueued(): boolean {
    return this.ordinal > 0
  }
}

/** - `queued`: it waits
 *  - `full`: there is no place for it now
 *  - `tooLarge`: there never will be */
export type AddResult = 'queued' | 'full' | 'tooLarge'

/**
 * Decides which items make up a batch, and when it goes: a queue that is told the time and has no promises.
 * Entries leave it in the order in which they came.
 */
export interface BatchQueue<E extends BatchEntry<E>> {
  /** Entries that wait. */
  readonly length: number
  /** Their sizes. Unit: bytes. */
  readonly bytes: number
  /** Batches that were taken and have not finished. */
  readonly runningBatches: number
  add(entry: E, bytes: number, nowMs: number): AddResult
  /** Takes an entry out and tells whether it waited. */
  remove(entry: E): boolean
  /** Nothing that waits now lingers any longer. */
  flush(): void
  /** Whether {@link BatchQueue.takeBatch} would give a batch. */
  isDue(nowMs: number): boolean
  /** The next batch, the oldest entry first, if one is due and may run. Its end must be told by `finished`. */
  takeBatch(nowMs: number): E[] | undefined
  /** A batch that was taken has run. */
  finished(): void
  /** What has waited too long, the oldest first. */
  takeExpired(nowMs: number): E[]
  /** When `takeBatch` or `takeExpired` has something if nothing else happens before; undefined: never. */
  nextDueMs(): number | undefined
}

class Queue<E extends BatchEntry<E>> implements BatchQueue<E> {
  readonly #options: Required<BatchingOptions>
  #head: E | undefined
  #tail: E | undefined
  #length = 0
  #bytes = 0
  #runningBatches = 0
  #lastOrdinal = 0
  /** Entries up to here do not linger. */
  #flushedOrdinal = 0

  constructor(options: Required<BatchingOptions>) {
    this.#options = options
  }

  get length(): number {
    return this.#length
  }

  get bytes(): number {
    return this.#bytes
  }

  get runningBatches(): number {
    return this.#runningBatches
  }

  add(entry: E, bytes: number, nowMs: number): AddResult {
    const { queueMaxItems, queueMaxBytes } = this.#options
    invariant(entry.ordinal === 0, 'an entry waits once')
    invariant(bytes >= 0, 'a size is not negative')
    if (bytes > queueMaxBytes) return 'tooLarge'
    if (this.#length >= queueMaxItems || this.#bytes + bytes > queueMaxBytes) return 'full'
    entry.ordinal = ++this.#lastOrdinal
    entry.sinceMs = nowMs
    entry.bytes = bytes
    entry.previous = this.#tail
    if (this.#tail === undefined) this.#head = entry
    else this.#tail.next = entry
    this.#tail = entry
    this.#length++
    this.#bytes += bytes
    return 'queued'
  }

  remove(entry: E): boolean {
    if (entry.ordinal === 0) return false
    const { previous, next } = entry
    if (previous === undefined) this.#head = next
    else previous.next = next
    if (next === undefined) this.#tail = previous
    else next.previous = previous
    entry.ordinal = 0
    entry.previous = undefined
    entry.next = undefined
    this.#length--
    this.#bytes -= entry.bytes
    return true
  }

  flush(): void {
    this.#flushedOrdinal = this.#lastOrdinal
  }

  isDue(nowMs: number): boolean {
    const head = this.#head
    const { concurrencyMaxBatches, lingerMaxMs, batchMaxItems, batchMaxBytes } = this.#options
    if (head === undefined || this.#runningBatches >= concurrencyMaxBatches) return false
    return (
      nowMs >= head.sinceMs + lingerMaxMs ||
      this.#length >= batchMaxItems ||
      this.#bytes >= batchMaxBytes ||
      head.ordinal <= this.#flushedOrdinal
    )
  }

  takeBatch(nowMs: number): E[] | undefined {
    if (!this.isDue(nowMs)) return undefined
    const { batchMaxItems, batchMaxBytes } = this.#options
    const batch: E[] = []
    let bytes = 0
    for (let entry = this.#head; entry !== undefined && batch.length < batchMaxItems; entry = this.#head) {
      bytes += entry.bytes
      if (bytes > batchMaxBytes && batch.length > 0) break
      this.remove(entry)
      batch.push(entry)
    }
    this.#runningBatches++
    return batch
  }

  finished(): void {
    invariant(this.#runningBatches > 0, 'no batch finishes that was not taken')
    this.#runningBatches--
  }

  takeExpired(nowMs: number): E[] {
    const expired: E[] = []
    for (let entry = this.#head; entry !== undefined && nowMs >= this.#expiryMs(entry); entry = this.#head) {
      this.remove(entry)
      expired.push(entry)
    }
    return expired
  }

  nextDueMs(): number | undefined {
    const head = this.#head
    if (head === undefined) return undefined
    const { concurrencyMaxBatches, lingerMaxMs } = this.#options
    if (this.isDue(head.sinceMs)) return head.sinceMs
    if (this.#runningBatches < concurrencyMaxBatches) return head.sinceMs + lingerMaxMs
    const expiryMs = this.#expiryMs(head)
    return expiryMs === Infinity ? undefined : expiryMs
  }

  #expiryMs(entry: E): number {
    return entry.sinceMs + this.#options.taskLifeMaxMs
  }
}

/**
 * Creates an empty queue.
 *
 * @throws BatchingError `BATCHING_INVALID_OPTION`
 */
export function createBatchQueue<E extends BatchEntry<E>>(options: BatchingOptions = {}): BatchQueue<E> {
  return new Queue<E>(resolveOptions(options))
}
