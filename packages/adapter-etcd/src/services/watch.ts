import { hasCode } from '@orrery/environment'
import type { WatchResponse as StoreResponse } from '@orrery/mvcc'
import type { WatcherRequest, WatchStream } from '@orrery/store'
import { toSafeInteger, type Int64 } from '../codec/int64.ts'
import { EtcdError, etcdErrors } from '../errors.ts'
import type { etcdserverpb } from '../generated/messages.js'
import type { Event, WatchResponse } from '../messages.ts'
import { Outbox } from './outbox.ts'
import type { Server } from './server.ts'
import type { CallContext, WatchService } from './services.ts'
import { fragments } from './watch-fragments.ts'
import { ProgressTicker } from './watch-progress.ts'

/** Answers to requests that may wait to be sent before further requests are read. */
const answersMax = 128

/** In place of a watcher's id: the whole stream, or a watcher that does not exist. */
const noWatcher = -1

const zeroByte = Uint8Array.of(0)
const noEvents: readonly Event[] = []

/** Creates the service that follows changes. */
export function watchService(server: Server): WatchService {
  return { watch: server.bidiStream((requests, context) => new WatchCall(server, context).run(requests)) }
}

/**
 * One stream of watchers. Answers to requests and events leave through one queue, so that a watcher's frames
 * are in order: created, events, canceled. The store is asked for events only when that queue is empty: while
 * the client does not read, they stay in the store, whose memory is bounded.
 */
class WatchCall {
  readonly #server: Server
  readonly #signal: AbortSignal
  readonly #stream: WatchStream
  readonly #outbox = new Outbox<WatchResponse>()
  readonly #fragmented = new Set<number>()
  readonly #progress: ProgressTicker
  /** Whether the store has been asked for events and has not answered. */
  #pulling = false
  /** Whether a watcher of older revisions was created since then. */
  #olderCreated = false

  constructor(server: Server, context: CallContext) {
    this.#server = server
    this.#signal = context.signal
    this.#stream = server.store.openWatchStream()
    const { watchProgressNotifyIntervalMs } = server.options
    this.#progress = new ProgressTicker(server.environment, watchProgressNotifyIntervalMs, (watchId) => {
      this.#stream.progress(watchId)
    })
  }

  async *run(requests: AsyncIterable<etcdserverpb.WatchRequest>): AsyncGenerator<WatchResponse, void> {
    const cancel = (): void => {
      this.#outbox.fail(new EtcdError('ETCD_WATCH_CANCELED'))
    }
    this.#signal.addEventListener('abort', cancel)
    try {
      if (this.#signal.aborted) cancel()
      void this.#serve(requests)
      const events = this.#stream[Symbol.asyncIterator]()
      do {
        for (let frame = this.#outbox.take(); frame !== undefined; frame = this.#outbox.take()) yield frame
        void this.#pull(events)
      } while (await this.#outbox.filled())
    } finally {
      this.#signal.removeEventListener('abort', cancel)
      this.#progress.close()
      this.#outbox.end()
      this.#stream.close()
    }
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
      if (request.fragment) this.#fragmented.add(watchId)
      if (request.progressNotify) this.#progress.add(watchId)
      if (startRevision !== 0 && startRevision <= revision) this.#olderCreated = true
      const header = this.#server.header(revision)
      this.#outbox.put({ header, watchId, created: true, events: noEvents })
    } catch (error) {
      this.#refuse(refusalReason(error))
    }
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
    this.#fragmented.delete(watchId)
    this.#progress.remove(watchId)
  }

  /** Moves the store's next responses to the queue, once at a time. */
  async #pull(events: AsyncIterator<readonly StoreResponse[]>): Promise<void> {
    if (this.#pulling) return
    this.#pulling = true
    try {
      // Not every turn of the store puts something there.
      while (this.#outbox.size === 0) {
        this.#olderCreated = false
        const turn = await events.next()
        if (turn.done === true) throw new EtcdError('ETCD_STOPPED')
        for (const response of turn.value) this.#deliver(response)
      }
    } catch (error) {
      this.#outbox.fail(error)
    } finally {
      this.#pulling = false
    }
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

  #deliverEvents({ watchId, revision, events }: StoreResponse & { type: 'events' }): void {
    this.#progress.eventSent(watchId)
    const frame = { header: this.#server.header(revision), watchId, events: events.map(toEvent) }
    if (!this.#fragmented.has(watchId)) {
      this.#outbox.put(frame)
      return
    }
    for (const fragment of fragments(frame, this.#server.options.requestMaxBytes)) this.#outbox.put(fragment)
  }

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

function toEvent({ type, kv, prevKv }: (StoreResponse & { type: 'events' })['events'][number]): Event {
  return { type: type === 'put' ? 0 : 1, kv, prevKv }
}

/** In etcd's words. */
function refusalReason(error: unknown): string {
  if (hasCode(error, 'STORE_WATCH_ID_IN_USE')) return 'mvcc: duplicate watch ID provided on the WatchStream'
  if (hasCode(error, 'STORE_WATCH_RANGE_EMPTY')) return 'mvcc: watcher range is empty'
  throw error
}
