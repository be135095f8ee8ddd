import { hasCode } from '@orrery/environment'
import type { WatchResponse as StoreResponse } from '@orrery/mvcc'
import type { WatcherRequest, WatchStream } from '@orrery/store'
import { toSafeInteger, type Int64 } from '../codec/int64.ts'
import { EtcdError, etcdErrors } from '../errors.ts'
import type { etcdserverpb } from '../generated/messages.js'
import type { Event, ResponseHeader, WatchResponse } from '../messages.ts'
import { onAbort } from './call-abort.ts'
import { Outbox } from './outbox.ts'
import { PullStream } from './pull-stream.ts'
import type { Server } from './server.ts'
import type { CallContext, WatchService } from './services.ts'
import { fragments } from './watch-fragments.ts'
import { toEvent, WatchFrames } from './watch-frames.ts'
import { ProgressTicker } from './watch-progress.ts'

/** Answers to requests that may wait to be sent before further requests are read. */
const answersMax = 128

/** In place of a watcher's id: the whole stream, or a watcher that does not exist. */
const noWatcher = -1

const zeroByte = Uint8Array.of(0)
const noEvents: readonly Event[] = []

/** Creates the service that follows changes. */
export function watchService(server: Server): WatchService {
  const frames = new WatchFrames()
  return {
    watch: server.pullStream((requests, context) => new WatchCall(server, frames, { requests, context })),
  }
}

/**
 * One stream of watchers. Answers to requests and events leave through one queue, so that a watcher's frames
 * are in order: created, events, canceled. The store is asked for events only when that queue is empty: while
 * the client does not read, they stay in the store, whose memory is bounded.
 */
class WatchCall extends PullStream<WatchResponse> {
  readonly #server: Server
  readonly #frames: WatchFrames
  readonly #stopListening: () => void
  readonly #events: AsyncIterator<readonly StoreResponse[]>
  readonly #stream: WatchStream
  readonly #outbox = new Outbox<WatchResponse>()
  /** Watchers that take responses in parts, if there are any. */
  #fragmented: Set<number> | undefined
  /** Watchers that want to know that nothing happened, if there are any. */
  #progress: ProgressTicker | undefined
  /** Whether the store has been asked for events and has not answered. */
  #pulling = false
  /** Whether a watcher of older revisions was created since then. */
  #olderCreated = false

  constructor(
    server: Server,
    frames: WatchFrames,
    call: { readonly requests: AsyncIterable<etcdserverpb.WatchRequest>; readonly context: CallContext },
  ) {
    super()
    this.#server = server
    this.#frames = frames
    this.#stream = server.store.openWatchStream()
    this.#events = this.#stream[Symbol.asyncIterator]()
    this.#stopListening = onAbort(call.context, () => {
      this.#outbox.fail(new EtcdError('ETCD_WATCH_CANCELED'))
    })
    void this.#serve(call.requests)
  }

  take(): WatchResponse | undefined {
    const frame = this.#outbox.take()
    if (frame === undefined) this.#outbox.throwIfFailed()
    return frame
  }

  get done(): boolean {
    return this.#outbox.ended
  }

  whenReady(callback: () => void): void {
    this.#outbox.whenFilled(callback)
    this.#pull()
  }

  close(): void {
    this.#stopListening()
    this.#progress?.close()
    this.#outbox.end()
    this.#stream.close()
  }

  /** Handles requests in order. The stream goes on after the last one. */
  async #serve(requests: AsyncIterable<etcdserverpb.WatchRequest>): Promise<void> {
    try {
      for await (const request of requests) {
        await this.#outbox.drained(answersMax)
        if (request.createRequest) this.#create(request.createRequest)
        else if (request.cancelRequest) this.#cancel(request.cancelRequest)
        else if (request.progressRequest) this.#stream.requestProgress()
        // Anything else is ignored, as etcd does.
      }
    } catch (error) {
      this.#outbox.fail(error)
    }
  }

  #create(request: etcdserverpb.WatchCreateRequest): void {
    const { watchersMaxPerStream } = this.#server.options
    if (this.#stream.size >= watchersMaxPerStream) {
      this.#refuse(`too many watchers on this stream, at most ${watchersMaxPerStream} are allowed`)
      return
    }
    const startRevision = toSafeInteger(request.startRevision)
    if (startRevision < 0) {
      this.#refuse(etcdErrors.ETCD_COMPACTED.details)
      return
    }
    if (!isSafeWatchId(request.watchId)) {
      this.#refuse('mvcc: watch ID is out of range')
      return
    }
    try {
      const { watchId, revision } = this.#stream.create(toWatcherRequest(request, startRevision))
      if (request.fragment) (this.#fragmented ??= new Set()).add(watchId)
      if (request.progressNotify) (this.#progress ??= this.#createTicker()).add(watchId)
      if (startRevision !== 0 && startRevision <= revision) this.#olderCreated = true
      const header = this.#server.header(revision)
      this.#outbox.put({ header, watchId, created: true, events: noEvents })
    } catch (error) {
      this.#refuse(refusalReason(error))
    }
  }

  #createTicker(): ProgressTicker {
    const { environment, options } = this.#server
    return new ProgressTicker(environment, options.watchProgressNotifyIntervalMs, (watchId) => {
      this.#stream.progress(watchId)
    })
  }

  #refuse(cancelReason: string): void {
    const header = this.#server.header()
    const ended = { created: true, canceled: true, cancelReason }
    this.#outbox.put({ header, watchId: noWatcher, ...ended, events: noEvents })
  }

  #cancel(request: etcdserverpb.WatchCancelRequest): void {
    const watchId = toSafeInteger(request.watchId)
    if (!this.#stream.cancel(watchId)) return
    this.#forget(watchId)
    this.#outbox.put({ header: this.#server.header(), watchId, canceled: true, events: noEvents })
  }

  #forget(watchId: number): void {
    this.#fragmented?.delete(watchId)
    this.#progress?.remove(watchId)
  }

  /** Moves the store's next responses to the queue, once at a time. */
  #pull(): void {
    if (this.#pulling || !this.#wantsEvents()) return
    this.#pulling = true
    this.#olderCreated = false
    this.#events.next().then(this.#onTurn, this.#onFailure)
  }

  readonly #onTurn = (turn: IteratorResult<readonly StoreResponse[], unknown>): void => {
    this.#pulling = false
    if (turn.done === true) {
      this.#outbox.fail(new EtcdError('ETCD_STOPPED'))
      return
    }
    try {
      for (const response of turn.value) this.#deliver(response)
    } catch (error) {
      this.#outbox.fail(error)
    }
    // Not every turn of the store puts something there.
    this.#pull()
  }

  readonly #onFailure = (error: unknown): void => {
    this.#pulling = false
    this.#outbox.fail(error)
  }

  #wantsEvents(): boolean {
    return this.#outbox.size === 0 && !this.#outbox.ended
  }

  #deliver(response: StoreResponse): void {
    switch (response.type) {
      case 'events':
        this.#deliverEvents(response)
        return
      case 'progress':
        this.#deliverProgress(response)
        return
      case 'compacted': {
        const { watchId, compactRevision } = response
        this.#forget(watchId)
        const header = this.#server.header(0)
        this.#outbox.put({ header, watchId, canceled: true, compactRevision, events: noEvents })
      }
    }
  }

  #deliverEvents(response: StoreResponse & { type: 'events' }): void {
    const { watchId, revision, events } = response
    this.#progress?.eventSent(watchId)
    if (this.#fragmented?.has(watchId) !== true) {
      this.#outbox.put(this.#frames.of(response, this.#headerOf))
      return
    }
    const frame = { header: this.#headerOf(revision), watchId, events: events.map(toEvent) }
    for (const fragment of fragments(frame, this.#server.options.requestMaxBytes)) this.#outbox.put(fragment)
  }

  readonly #headerOf = (revision: number): ResponseHeader => this.#server.header(revision)

  #deliverProgress({ watchId, revision }: StoreResponse & { type: 'progress' }): void {
    if (watchId === undefined && this.#olderCreated) {
      // The store spoke for the watchers it had; one has since been created, and announced, that is behind.
      this.#stream.requestProgress()
      return
    }
    const header = this.#server.header(revision)
    this.#outbox.put({ header, watchId: watchId ?? noWatcher, events: noEvents })
  }
}

function isSafeWatchId(watchId: Int64): boolean {
  return Number.isSafeInteger(Number(watchId ?? 0))
}

function toWatcherRequest(request: etcdserverpb.WatchCreateRequest, startRevision: number): WatcherRequest {
  const watchId = toSafeInteger(request.watchId)
  const filters = new Set(request.filters ?? [])
  return {
    // Without a key, from the smallest one on.
    key: request.key?.length ? request.key : zeroByte,
    rangeEnd: request.rangeEnd?.length ? request.rangeEnd : undefined,
    startRevision,
    filters: [...(filters.has(0) ? ['put' as const] : []), ...(filters.has(1) ? ['delete' as const] : [])],
    prevKv: request.prevKv ?? false,
    watchId: watchId === 0 ? undefined : watchId,
  }
}

/** In etcd's words. */
function refusalReason(error: unknown): string {
  if (hasCode(error, 'STORE_WATCH_ID_IN_USE')) return 'mvcc: duplicate watch ID provided on the WatchStream'
  if (hasCode(error, 'STORE_WATCH_RANGE_EMPTY')) return 'mvcc: watcher range is empty'
  throw error
}
