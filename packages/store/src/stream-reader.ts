import { fromKeyEnd, type Key, type MvccWatchStream, type WatchResponse } from '@orrery/mvcc'
import { StoreError } from './errors.ts'
import { toWatcher } from './requests.ts'
import type { WatcherRequest } from './store.ts'

/** What the streams of one store share. */
export interface WatchStreamsHost {
  openStream(): MvccWatchStream
  revision(): number
  /** Watchers may have become due for a read of history, or readers for a response. */
  kick(): void
}

/**
 * The reading end of a watch stream: an iterator whose reader waits for one promise at a time. It takes from
 * the stream only when asked, so that what a slow reader leaves is the stream's to bound.
 *
 * @typeParam T what one step of the iteration gives
 */
export abstract class StreamReader<T> implements AsyncIterator<T, undefined>, AsyncDisposable {
  protected readonly core: MvccWatchStream
  readonly #host: WatchStreamsHost
  readonly #onEnd: (reader: StreamReader<T>) => void
  #waiting:
    | {
        readonly resolve: (result: IteratorResult<T, undefined>) => void
        readonly reject: (error: unknown) => void
      }
    | undefined
  #ended: { readonly error: unknown } | undefined

  constructor(core: MvccWatchStream, host: WatchStreamsHost, onEnd: (reader: StreamReader<T>) => void) {
    this.core = core
    this.#host = host
    this.#onEnd = onEnd
  }

  /** Makes of responses, of which there is at least one, what the reader gets. What it throws ends the stream. */
  protected abstract convert(responses: readonly WatchResponse[]): T

  /** @throws StoreError `STORE_WATCH_ID_IN_USE`, `STORE_WATCH_RANGE_EMPTY`, `STORE_CLOSED` */
  create(request: WatcherRequest): { watchId: number; revision: number } {
    if (this.#ended !== undefined) {
      throw this.#ended.error instanceof Error ? this.#ended.error : closedStream()
    }
    const watcher = toWatcher(request)
    requireKeys(watcher)
    const created = this.core.create(watcher)
    if (created === 'watchIdInUse') {
      throw new StoreError('STORE_WATCH_ID_IN_USE', `the stream has a watcher ${String(request.watchId)}`)
    }
    this.kick()
    return { watchId: created, revision: this.#host.revision() }
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#waiting !== undefined) {
      return Promise.reject(new TypeError('a watch has one reader at a time'))
    }
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      if (this.core.pending > 0) this.wake()
      else this.#answerEnd()
    })
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.end(undefined)
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  close(): void {
    this.end(undefined)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close()
    return Promise.resolve()
  }

  /** Something is pending: a reader that waits gets it. */
  wake(): void {
    const waiting = this.#waiting
    if (waiting === undefined || this.core.pending === 0) return
    this.#waiting = undefined
    const responses = this.core.take()
    try {
      waiting.resolve({ done: false, value: this.convert(responses) })
    } catch (error) {
      this.end(error)
      waiting.reject(error)
    }
    // There is room again: watchers that had none may go on.
    this.kick()
  }

  /** Ends the stream. Who waits, and who comes later, gets `error`, or the end when there is none. */
  end(error: unknown): void {
    if (this.#ended !== undefined) return
    this.#ended = { error }
    this.core.close()
    this.#onEnd(this)
    this.#answerEnd()
  }

  protected kick(): void {
    this.#host.kick()
  }

  #answerEnd(): void {
    const waiting = this.#waiting
    if (waiting === undefined || this.#ended === undefined) return
    this.#waiting = undefined
    const { error } = this.#ended
    if (error === undefined) waiting.resolve({ done: true, value: undefined })
    else waiting.reject(error)
  }
}

/** @throws StoreError `STORE_WATCH_RANGE_EMPTY` when the range of a watcher can have no keys */
export function requireKeys({ key, rangeEnd = '' }: { key: Key; rangeEnd?: Key | undefined }): void {
  if (rangeEnd === '' || rangeEnd === fromKeyEnd || rangeEnd > key) return
  throw new StoreError('STORE_WATCH_RANGE_EMPTY', 'the end of the range is not above its key')
}

/** The error of who adds a watcher to a stream that was closed. */
export function closedStream(): StoreError {
  return new StoreError('STORE_CLOSED', 'the watch stream is closed')
}
