import { type Clock, InvariantError, type Timer } from '@orrery/environment'
import { BatchEntry, type BatchQueue, createBatchQueue } from './batch-queue.ts'
import { BatchingError } from './errors.ts'
import type { BatchingOptions } from './options.ts'

/** What {@link Batcher.submit} uses of an `AbortSignal`. */
export interface CancelSignal {
  readonly aborted: boolean
  readonly reason: unknown
  addEventListener(type: 'abort', listener: () => void): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/** What a batcher needs. */
export interface BatcherParts<Item, Result> {
  readonly clock: Clock
  /**
   * Does the work of one batch. Its results are those of the items, in the same order; an
   * {@link ItemFailure} among them fails its item alone. A rejection fails all items of the batch.
   */
  readonly run: (items: readonly Item[]) => PromiseLike<readonly (Result | ItemFailure)[]>
  /** Size of an item, for the limits in bytes. Unit: bytes. @defaultValue items have no size */
  readonly sizeOf?: (item: Item) => number
}

/** In place of a result: this item failed, and the others of its batch did not. */
export class ItemFailure {
  readonly error: unknown

  constructor(error: unknown) {
    this.error = error
  }
}

/** What a batcher holds, and what has become of everything before. */
export interface BatcherStats {
  /** Items that wait. */
  readonly queued: number
  /** Unit: bytes. */
  readonly queuedBytes: number
  /** Items in batches that run. */
  readonly running: number
  readonly runningBatches: number
  /** Batches that were handed to `run`. */
  readonly batches: number
  /** Items that got a result. */
  readonly succeeded: number
  /** Items whose batch failed, or they in it. */
  readonly failed: number
  /** Items that were never handed to `run`. */
  readonly dropped: {
    /** The queue was full, or could never hold them. */
    readonly full: number
    readonly expired: number
    /** Their signal fired before or while they waited. */
    readonly aborted: number
    /** They came after `close`. */
    readonly closed: number
  }
}

/** Turns single items into batches, and the results of batches into those of items. */
export interface Batcher<Item, Result> {
  /**
   * Queues an item. Resolves with its result. A signal that fires takes it out of the queue; when it is in a
   * batch already, the batch goes on and only the waiting ends.
   *
   * @throws BatchingError `BATCHING_QUEUE_FULL`, `BATCHING_ITEM_TOO_LARGE`, `BATCHING_EXPIRED`,
   * `BATCHING_CLOSED`; the failure of its batch, its own failure in it, or the reason of the signal
   */
  submit(item: Item, options?: { readonly signal?: CancelSignal }): Promise<Result>
  /** Nothing that waits now lingers any longer. */
  flush(): void
  stats(): BatcherStats
  /**
   * Takes no more items, hands what waits to `run` without lingering, and resolves when all batches have
   * finished. Safe to call twice.
   */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** An item, and who waits for its result. */
class Task<Item, Result> extends BatchEntry<Task<Item, Result>> {
  readonly item: Item
  resolve: ((result: Result) => void) | undefined
  reject: ((error: unknown) => void) | undefined
  /** Stops listening to the signal. */
  release: (() => void) | undefined

  constructor(item: Item) {
    super()
    this.item = item
  }
}

class PromiseBatcher<Item, Result> implements Batcher<Item, Result> {
  readonly #parts: BatcherParts<Item, Result>
  readonly #queue: BatchQueue<Task<Item, Result>>
  #timer: Timer | undefined
  #timerMs = 0
  /** The time that all items of a turn share, from the first of them until the batches are made. */
  #turnMs: number | undefined
  /** One for all items of a turn: who has too much to do already should not make an error for each of them. */
  #fullError: BatchingError | undefined
  #closed: Promise<void> | undefined
  #onDrained: (() => void) | undefined
  #running = 0
  #batches = 0
  #succeeded = 0
  #failed = 0
  readonly #dropped = { full: 0, expired: 0, aborted: 0, closed: 0 }

  constructor(parts: BatcherParts<Item, Result>, options: BatchingOptions) {
    this.#parts = parts
    this.#queue = createBatchQueue(options)
  }

  submit(item: Item, options?: { readonly signal?: CancelSignal }): Promise<Result> {
    const task = new Task<Item, Result>(item)
    const result = new Promise<Result>((resolve, reject) => {
      task.resolve = resolve
      task.reject = reject
    })
    const error = this.#enqueue(task, options?.signal)
    if (error !== undefined) task.reject?.(error.reason)
    return result
  }

  flush(): void {
    this.#queue.flush()
    this.#pump()
  }

  stats(): BatcherStats {
    return {
      queued: this.#queue.length,
      queuedBytes: this.#queue.bytes,
      running: this.#running,
      runningBatches: this.#queue.runningBatches,
      batches: this.#batches,
      succeeded: this.#succeeded,
      failed: this.#failed,
      dropped: { ...this.#dropped },
    }
  }

  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#onDrained = resolve
    })
    this.flush()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** @returns why the item is not queued */
  #enqueue(
    task: Task<Item, Result>,
    signal: CancelSignal | undefined,
  ): { readonly reason: unknown } | undefined {
    if (this.#closed !== undefined) {
      this.#dropped.closed++
      return { reason: new BatchingError('BATCHING_CLOSED', 'the batcher is closed') }
    }
    if (signal?.aborted === true) {
      this.#dropped.aborted++
      return { reason: signal.reason }
    }
    const bytes = this.#parts.sizeOf?.(task.item) ?? 0
    const isFirst = this.#turnMs === undefined
    const nowMs = (this.#turnMs ??= this.#parts.clock.nowMs())
    const added = this.#queue.add(task, bytes, nowMs)
    if (isFirst) void turnEnd.then(this.#pump)
    if (added !== 'queued') {
      this.#dropped.full++
      return { reason: added === 'full' ? this.#full() : tooLarge(bytes) }
    }
    if (signal !== undefined) this.#listen(task, signal)
    return undefined
  }

  /** Makes batches of what is due, and sees to it that this happens again in time. */
  readonly #pump = (): void => {
    const nowMs = this.#parts.clock.nowMs()
    this.#turnMs = undefined
    this.#fullError = undefined
    this.#dropExpired(nowMs)
    let batch = this.#queue.takeBatch(nowMs)
    while (batch !== undefined) {
      this.#run(batch)
      batch = this.#queue.takeBatch(nowMs)
    }
    this.#arm(this.#queue.nextDueMs() ?? Infinity, nowMs)
    if (this.#onDrained === undefined || this.#queue.length + this.#queue.runningBatches > 0) return
    this.#timer?.cancel()
    this.#onDrained()
  }

  #full(): BatchingError {
    return (this.#fullError ??= new BatchingError('BATCHING_QUEUE_FULL', 'too much waits already'))
  }

  #dropExpired(nowMs: number): void {
    const expired = this.#queue.takeExpired(nowMs)
    const [oldest] = expired
    if (oldest === undefined) return
    this.#dropped.expired += expired.length
    const waitedMs = Math.round(nowMs - oldest.sinceMs)
    const error = new BatchingError('BATCHING_EXPIRED', `it waited for ${waitedMs} ms`)
    for (const task of expired) settle(task)?.(error)
  }

  /** One timer, for what is due next. One that is early enough stays: it finds out that there is nothing. */
  #arm(dueMs: number, nowMs: number): void {
    if (dueMs === Infinity || (this.#timer !== undefined && this.#timerMs <= dueMs)) return
    this.#timer?.cancel()
    this.#timerMs = dueMs
    this.#timer = this.#parts.clock.setTimer(dueMs - nowMs, () => {
      this.#timer = undefined
      this.#pump()
    })
  }

  #run(batch: readonly Task<Item, Result>[]): void {
    this.#batches++
    this.#running += batch.length
    const items = batch.map(({ item }) => item)
    // Inside of a promise, what `run` throws is a rejection.
    const results = new Promise<readonly (Result | ItemFailure)[]>((resolve) =>
      resolve(this.#parts.run(items)),
    )
    void results
      .then(
        (each) => this.#resolve(batch, each),
        (error: unknown) => this.#reject(batch, error),
      )
      .then(() => {
        this.#running -= batch.length
        this.#queue.finished()
        this.#pump()
      })
  }

  #resolve(batch: readonly Task<Item, Result>[], results: readonly (Result | ItemFailure)[]): void {
    if (results.length !== batch.length) {
      const counts = `${results.length} results of ${batch.length} items`
      this.#reject(batch, new InvariantError(`a batch gave ${counts}`))
      return
    }
    let index = 0
    for (const result of results) {
      const task = batch[index++]
      if (task === undefined) return
      if (result instanceof ItemFailure) {
        this.#failed++
        settle(task)?.(result.error)
        continue
      }
      this.#succeeded++
      task.release?.()
      task.resolve?.(result)
    }
  }

  #reject(batch: readonly Task<Item, Result>[], error: unknown): void {
    this.#failed += batch.length
    for (const task of batch) settle(task)?.(error)
  }

  #listen(task: Task<Item, Result>, signal: CancelSignal): void {
    const onAbort = (): void => {
      if (this.#queue.remove(task)) this.#dropped.aborted++
      settle(task)?.(signal.reason)
    }
    task.release = () => signal.removeEventListener('abort', onAbort)
    signal.addEventListener('abort', onAbort)
  }
}

/** What is chained to it runs when the present turn of the host is over, before the host does anything else. */
const turnEnd = Promise.resolve()

/** How to fail a task. */
function settle<Item, Result>(task: Task<Item, Result>): ((error: unknown) => void) | undefined {
  task.release?.()
  return task.reject
}

function tooLarge(bytes: number): BatchingError {
  return new BatchingError('BATCHING_ITEM_TOO_LARGE', `an item of ${bytes} bytes is more than may wait`)
}

/**
 * Creates a batcher.
 *
 * @throws BatchingError `BATCHING_INVALID_OPTION`
 */
export function createBatcher<Item, Result>(
  parts: BatcherParts<Item, Result>,
  options: BatchingOptions = {},
): Batcher<Item, Result> {
  return new PromiseBatcher(parts, options)
}
