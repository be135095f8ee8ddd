import type { Clock } from '@orrery/environment'
import { fromKeyEnd, MvccError, type MvccWatchStream, type WatchResponse } from '@orrery/mvcc'
import { StoreError } from './errors.ts'
import { toWatcher } from './requests.ts'
import type { CallOptions, Watch, WatchBatch, WatcherRequest, WatchRequest, WatchStream } from './store.ts'

/** What the streams of one store share. */
export interface WatchStreamsHost {
  openStream(): MvccWatchStream
  revision(): number
  clock: Clock
  /** Watchers may have become due for a read of history. */
  kick(): void
}

/** The watch streams of one store, each with at most one reader that waits. */
export class WatchStreams {
  readonly #host: WatchStreamsHost
  readonly #open = new Map<MvccWatchStream, PulledStream>()
  #closed: Error | undefined

  constructor(host: WatchStreamsHost) {
    this.#host = host
  }

  open(): WatchStream {
    if (this.#closed !== undefined) throw this.#closed
    const core = this.#host.openStream()
    const stream = new PulledStream(core, this.#host, () => this.#open.delete(core))
    this.#open.set(core, stream)
    return stream
  }

  watch(request: WatchRequest, { signal }: CallOptions = {}): Watch {
    return new SingleWatch(this.open(), request, { clock: this.#host.clock, signal })
  }

  /** Lets readers go on whose streams have something for them. */
  wake(ready: readonly MvccWatchStream[]): void {
    for (const core of ready) this.#open.get(core)?.wake()
  }

  /** Ends every stream. Readers that wait get `error`; later reads too. */
  close(error: Error): void {
    this.#closed = error
    for (const stream of [...this.#open.values()]) stream.end(error)
  }
}

class PulledStream implements WatchStream {
  readonly #core: MvccWatchStream
  readonly #host: WatchStreamsHost
  readonly #release: () => void
  #reader:
    | { resolve: (result: IteratorResult<readonly WatchResponse[]>) => void; reject: (error: Error) => void }
    | undefined
  #ended: { readonly error: Error | undefined } | undefined

  constructor(core: MvccWatchStream, host: WatchStreamsHost, release: () => void) {
    this.#core = core
    this.#host = host
    this.#release = release
  }

  get size(): number {
    return this.#core.size
  }

  create(request: WatcherRequest): { watchId: number; revision: number } {
    if (this.#ended !== undefined) {
      throw this.#ended.error ?? new StoreError('STORE_CLOSED', 'the watch stream is closed')
    }
    const watcher = toWatcher(request)
    const { key, rangeEnd = '' } = watcher
    if (rangeEnd !== '' && rangeEnd !== fromKeyEnd && rangeEnd <= key) {
      throw new StoreError('STORE_WATCH_RANGE_EMPTY', 'the end of the range is not above its key')
    }
    const created = this.#core.create(watcher)
    if (created === 'watchIdInUse') {
      throw new StoreError('STORE_WATCH_ID_IN_USE', `the stream has a watcher ${String(request.watchId)}`)
    }
    this.#host.kick()
    return { watchId: created, revision: this.#host.revision() }
  }

  cancel(watchId: number): boolean {
    const existed = this.#core.cancel(watchId)
    this.#host.kick()
    return existed
  }

  requestProgress(): void {
    this.#core.requestProgress()
    this.#host.kick()
  }

  progress(watchId: number): void {
    this.#core.progress(watchId)
    this.#host.kick()
  }

  [Symbol.asyncIterator](): AsyncIterator<readonly WatchResponse[]> {
    return {
      next: () => this.#next(),
      return: () => {
        this.close()
        return Promise.resolve({ done: true, value: undefined })
      },
    }
  }

  close(): void {
    this.end(undefined)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close()
    return Promise.resolve()
  }

  /** Something is pending. */
  wake(): void {
    const reader = this.#reader
    if (reader === undefined || this.#core.pending === 0) return
    this.#reader = undefined
    reader.resolve({ done: false, value: this.#take() })
  }

  end(error: Error | undefined): void {
    if (this.#ended !== undefined) return
    this.#ended = { error }
    this.#core.close()
    this.#release()
    const reader = this.#reader
    this.#reader = undefined
    if (error === undefined) reader?.resolve({ done: true, value: undefined })
    else reader?.reject(error)
  }

  #next(): Promise<IteratorResult<readonly WatchResponse[]>> {
    if (this.#ended !== undefined) {
      const { error } = this.#ended
      return error === undefined ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(error)
    }
    if (this.#reader !== undefined) {
      return Promise.reject(new TypeError('a watch stream has one reader at a time'))
    }
    if (this.#core.pending > 0) return Promise.resolve({ done: false, value: this.#take() })
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject }
    })
  }

  #take(): readonly WatchResponse[] {
    const responses = this.#core.take()
    // There is room again: watchers that had none may go on.
    this.#host.kick()
    return responses
  }
}

class SingleWatch implements Watch {
  readonly createdRevision: number
  readonly #stream: WatchStream
  readonly #watchId: number
  readonly #signal: AbortSignal | undefined
  readonly #onAbort = (): void => this.close()
  readonly #clock: Clock
  readonly #progressIntervalMs: number | undefined
  #cancelProgress = (): void => {}

  constructor(
    stream: WatchStream,
    request: WatchRequest,
    { clock, signal }: { clock: Clock; signal: AbortSignal | undefined },
  ) {
    this.#stream = stream
    this.#clock = clock
    this.#signal = signal
    this.#progressIntervalMs = request.progressIntervalMs
    try {
      const { watchId, revision } = stream.create(request)
      this.#watchId = watchId
      this.createdRevision = revision
    } catch (error) {
      stream.close()
      throw error
    }
    if (signal?.aborted === true) this.close()
    else signal?.addEventListener('abort', this.#onAbort, { once: true })
    this.#armProgress()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WatchBatch> {
    try {
      for await (const responses of this.#stream) {
        this.#armProgress()
        for (const response of responses) {
          switch (response.type) {
            case 'events':
              yield { revision: response.revision, events: response.events }
              break
            case 'progress':
              yield { revision: response.revision, events: [] }
              break
            case 'compacted':
              throw new MvccError(
                'MVCC_COMPACTED',
                `what the watch needs is compacted up to ${response.compactRevision}`,
              )
          }
        }
      }
      this.#signal?.throwIfAborted()
    } finally {
      this.close()
    }
  }

  close(): void {
    this.#cancelProgress()
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#stream.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close()
    return Promise.resolve()
  }

  #armProgress(): void {
    this.#cancelProgress()
    const intervalMs = this.#progressIntervalMs
    if (intervalMs === undefined) return
    const timer = this.#clock.setTimer(intervalMs, () => {
      this.#stream.progress(this.#watchId)
      this.#armProgress()
    })
    this.#cancelProgress = () => {
      timer.cancel()
    }
  }
}
