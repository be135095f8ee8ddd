import type { WatchResponse } from '@orrery/mvcc'
import { StoreError } from '../errors.ts'
import type { FieldReader } from '../field-reader.ts'
import { toWatcher } from '../requests.ts'
import type { CallOptions, Watch, WatchBatch, WatcherRequest, WatchRequest, WatchStream } from '../store.ts'
import { requireKeys } from '../stream-reader.ts'
import { ConnectedReader, type ReaderHost } from './connected-reader.ts'
import { readBatch, readResponses } from './results.ts'
import type { WireWatcher } from './wire.ts'

/** Many watchers behind one reader, in another thread. */
export class ConnectedWatchStream extends ConnectedReader<readonly WatchResponse[]> implements WatchStream {
  /** On the wire, every watcher has an id that none had before: what is on its way to a cancelled one is known by it. */
  readonly #wireIds = new Map<number, number>()
  readonly #watchIds = new Map<number, number>()
  #nextId = 0
  #nextWireId = 0

  constructor(host: ReaderHost) {
    super(host)
    host.command({ type: 'openWatchStream', reader: this.number })
  }

  get size(): number {
    return this.#wireIds.size
  }

  create(request: WatcherRequest): { readonly watchId: number; readonly revision: number } {
    this.requireOpen()
    const revision = this.host.revision()
    const watcher = toWireWatcher(request, revision)
    const watchId = request.watchId ?? this.#freeId()
    if (this.#wireIds.has(watchId)) {
      throw new StoreError('STORE_WATCH_ID_IN_USE', `the stream has a watcher ${String(watchId)}`)
    }
    const wireId = this.#nextWireId++
    this.#wireIds.set(watchId, wireId)
    this.#watchIds.set(wireId, watchId)
    this.host.watchersChanged(1)
    this.host.command({ type: 'create', reader: this.number, watchId: wireId, watcher })
    return { watchId, revision }
  }

  cancel(watchId: number): boolean {
    const wireId = this.#wireIds.get(watchId)
    if (wireId === undefined) return false
    this.#forget(watchId, wireId)
    this.host.command({ type: 'cancel', reader: this.number, watchId: wireId })
    return true
  }

  requestProgress(): void {
    this.host.command({ type: 'requestProgress', reader: this.number })
  }

  progress(watchId: number): void {
    const wireId = this.#wireIds.get(watchId)
    if (wireId !== undefined) this.host.command({ type: 'progress', reader: this.number, watchId: wireId })
  }

  protected release(): void {
    for (const [watchId, wireId] of this.#wireIds) this.#forget(watchId, wireId)
  }

  protected read(from: FieldReader): readonly WatchResponse[] | undefined {
    const responses = readResponses(from).flatMap((response) => this.#toResponse(response))
    return responses.length === 0 ? undefined : responses
  }

  /** With the id that the host knows; nothing when the watcher was cancelled. */
  #toResponse(response: WatchResponse): WatchResponse | [] {
    if (response.watchId === undefined) return response
    const watchId = this.#watchIds.get(response.watchId)
    if (watchId === undefined) return []
    if (response.type === 'compacted') this.#forget(watchId, response.watchId)
    return { ...response, watchId }
  }

  #forget(watchId: number, wireId: number): void {
    this.#wireIds.delete(watchId)
    this.#watchIds.delete(wireId)
    this.host.watchersChanged(-1)
  }

  #freeId(): number {
    while (this.#wireIds.has(this.#nextId)) this.#nextId++
    return this.#nextId++
  }
}

/** One watcher with a reader of its own, in another thread. */
class ConnectedWatch extends ConnectedReader<WatchBatch> implements Watch {
  readonly createdRevision: number
  readonly #stopListening: () => void

  constructor(host: ReaderHost, watch: OneWatch) {
    super(host)
    const { watcher, progressIntervalMs, signal } = watch
    this.createdRevision = watcher.seenRevision
    const onAbort = (): void => this.end(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#stopListening = () => signal?.removeEventListener('abort', onAbort)
    host.watchersChanged(1)
    host.command({ type: 'openWatch', reader: this.number, watcher, progressIntervalMs })
    if (signal?.aborted === true) onAbort()
  }

  protected release(): void {
    this.#stopListening()
    this.host.watchersChanged(-1)
  }

  protected read(from: FieldReader): WatchBatch {
    return readBatch(from)
  }
}

/** What a {@link ConnectedWatch} is opened with. */
interface OneWatch {
  readonly watcher: WireWatcher
  readonly progressIntervalMs: number | undefined
  readonly signal: AbortSignal | undefined
}

/** @throws StoreError `STORE_WATCH_RANGE_EMPTY` */
export function openWatch(host: ReaderHost, request: WatchRequest, { signal }: CallOptions): Watch {
  const watcher = toWireWatcher(request, host.revision())
  return new ConnectedWatch(host, { watcher, progressIntervalMs: request.progressIntervalMs, signal })
}

function toWireWatcher(request: WatcherRequest, seenRevision: number): WireWatcher {
  const { key, rangeEnd, startRevision, filters, prevKv } = toWatcher(request)
  requireKeys({ key, rangeEnd })
  return { key, rangeEnd, startRevision, filters, prevKv, seenRevision }
}
