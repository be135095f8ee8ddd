import type { Clock } from '@orrery/environment'
import { MvccError, type MvccWatchStream, type WatchResponse } from '@orrery/mvcc'
import type { CallOptions, Watch, WatchBatch, WatchRequest, WatchStream } from './store.ts'
import { StreamReader, type WatchStreamsHost } from './stream-reader.ts'

/** The watch streams of one store, each with at most one reader that waits. */
export class WatchStreams {
  readonly #host: WatchStreamsHost & { readonly clock: Clock }
  readonly #open = new Map<MvccWatchStream, { wake(): void; end(error: unknown): void }>()
  #closed: Error | undefined

  constructor(host: WatchStreamsHost & { readonly clock: Clock }) {
    this.#host = host
  }

  open(): WatchStream {
    const core = this.#openCore()
    const stream = new ManyWatchers(core, this.#host, () => this.#open.delete(core))
    this.#open.set(core, stream)
    return stream
  }

  watch(request: WatchRequest, { signal }: CallOptions = {}): Watch {
    const core = this.#openCore()
    const watch = new OneWatcher(core, this.#host, () => this.#open.delete(core))
    this.#open.set(core, watch)
    watch.start(request, { clock: this.#host.clock, signal })
    return watch
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

  #openCore(): MvccWatchStream {
    if (this.#closed !== undefined) throw this.#closed
    return this.#host.openStream()
  }
}

/** Many watchers behind one reader. */
class ManyWatchers extends StreamReader<readonly WatchResponse[]> implements WatchStream {
  get size(): number {
    return this.core.size
  }

  cancel(watchId: number): boolean {
    const existed = this.core.cancel(watchId)
    this.kick()
    return existed
  }

  requestProgress(): void {
    this.core.requestProgress()
    this.kick()
  }

  progress(watchId: number): void {
    this.core.progress(watchId)
    this.kick()
  }

  protected convert(responses: readonly WatchResponse[]): readonly WatchResponse[] {
    return responses
  }
}

/** One watcher with a reader of its own. */
class OneWatcher extends StreamReader<WatchBatch> implements Watch {
  #createdRevision = 0
  #watchId = 0
  #clock: Clock | undefined
  #progressIntervalMs: number | undefined
  #stopProgress = (): void => {}
  #stopListening = (): void => {}

  get createdRevision(): number {
    return this.#createdRevision
  }

  start(
    request: WatchRequest,
    { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal | undefined },
  ): void {
    this.#clock = clock
    this.#progressIntervalMs = request.progressIntervalMs
    try {
      signal?.throwIfAborted()
      const { watchId, revision } = this.create(request)
      this.#watchId = watchId
      this.#createdRevision = revision
    } catch (error) {
      this.end(error)
      if (signal?.aborted !== true) throw error
      return
    }
    const onAbort = (): void => this.end(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#stopListening = () => signal?.removeEventListener('abort', onAbort)
    this.#armProgress()
  }

  override end(error: unknown): void {
    this.#stopProgress()
    this.#stopListening()
    super.end(error)
  }

  protected convert(responses: readonly WatchResponse[]): WatchBatch {
    this.#armProgress()
    const [only] = responses
    if (only !== undefined && responses.length === 1) return toBatch(only)
    const compactedAt = responses.findIndex(({ type }) => type === 'compacted')
    const compacted = responses[compactedAt]
    const readable = compacted === undefined ? responses : responses.slice(0, compactedAt)
    const batches = readable.map(toBatch)
    const last = batches.at(-1)
    // What came before the compaction is delivered; the step after it fails.
    if (compacted !== undefined) this.end(compactedError(compacted))
    if (last === undefined) throw compactedError(compacted)
    return { revision: last.revision, events: batches.flatMap(({ events }) => events) }
  }

  #armProgress(): void {
    const intervalMs = this.#progressIntervalMs
    if (intervalMs === undefined) return
    this.#stopProgress()
    const timer = this.#clock?.setTimer(intervalMs, () => {
      this.core.progress(this.#watchId)
      this.kick()
      this.#armProgress()
    })
    this.#stopProgress = () => timer?.cancel()
  }
}

/** @throws MvccError `MVCC_COMPACTED` */
function toBatch(response: WatchResponse): WatchBatch {
  switch (response.type) {
    case 'events':
      return response
    case 'progress':
      return { revision: response.revision, events: [] }
    case 'compacted':
      throw compactedError(response)
  }
}

function compactedError(response: WatchResponse | undefined): MvccError {
  const revision = response?.type === 'compacted' ? response.compactRevision : 0
  return new MvccError('MVCC_COMPACTED', `what the watch needs is compacted up to ${revision}`)
}
