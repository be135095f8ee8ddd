import { invariant } from '@orrery/environment'
import type { WatcherRequest, WatchEvent, WatchResponse } from './watch.ts'
import { Watcher } from './watcher.ts'
import type { WatcherGroup } from './watcher-group.ts'

/** Limits of each {@link MvccWatchStream}. Above one of them, its watchers fall back to reading history. */
export interface WatchOptions {
  /** Unit: responses. @defaultValue `100_000` */
  readonly pendingMaxResponses?: number
  /**
   * Unit: bytes of keys and values, counted for each watcher that gets them.
   * @defaultValue `33_554_432`
   */
  readonly pendingMaxBytes?: number
}

/** What a stream needs of the hub that it belongs to. */
export interface StreamHost {
  readonly source: { readonly revision: number; readonly compactRevision: number }
  readonly options: Required<WatchOptions>
  /** Watchers that new changes go to at once. */
  readonly synced: WatcherGroup<Watcher>
  /** Watchers of all streams. */
  watchers: number
  /** The stream has its first pending response. */
  ready(stream: MvccWatchStream): void
  /** The watcher needs revisions from history. */
  resync(watcher: Watcher): void
  /** The watcher is gone. */
  forget(watcher: Watcher): void
  removeStream(stream: MvccWatchStream): void
}

/** Why a watcher cannot be created. */
export type CreateRefusal = 'watchIdInUse'

/**
 * A set of watchers with one queue of responses, which its host takes. When the queue is full, watchers
 * stop using it: they remember where they are, and read history once there is room. So a slow reader costs
 * a bounded amount of memory, and loses nothing that is not compacted meanwhile.
 */
export class MvccWatchStream {
  /** For the hub: whether the stream is among those that its host will ask for. */
  listed = false
  #hub: StreamHost
  readonly #watchers = new Map<number, Watcher>()
  #parked: Set<Watcher> | undefined
  /** Watchers that are gone, but whose `compacted` response is pending: until then their ids are in use. */
  #compacted: Set<number> | undefined
  #pending: WatchResponse[] = []
  #pendingBytes = 0
  #nextId = 0
  #unsynced = 0
  #progressRequested = false
  #closed = false

  /** Only the hub creates streams. */
  constructor(hub: StreamHost) {
    this.#hub = hub
  }

  get size(): number {
    return this.#watchers.size
  }

  /** Responses that wait to be taken. */
  get pending(): number {
    return this.#pending.length
  }

  /**
   * Adds a watcher. One whose start is compacted is added too, and gone after its `compacted` response.
   *
   * @returns the watcher's id, or `watchIdInUse`
   */
  create(request: WatcherRequest): number | CreateRefusal {
    invariant(!this.#closed, 'a closed watch stream takes no watchers')
    const id = request.watchId ?? this.#freeId()
    if (this.#inUse(id)) return 'watchIdInUse'
    const { revision, compactRevision } = this.#hub.source
    const start = request.startRevision ?? 0
    const watcher = new Watcher(id, this, request, start > 0 ? start : revision + 1)
    if (start > 0 && start < compactRevision) {
      this.#tellCompacted(id, compactRevision)
      return id
    }
    this.#watchers.set(id, watcher)
    this.#hub.watchers++
    if (watcher.next > revision) {
      watcher.state = 'synced'
      this.#hub.synced.add(watcher)
    } else {
      this.#unsynced++
      this.#hub.resync(watcher)
    }
    return id
  }

  /** Removes a watcher and what is pending of it. Returns whether it existed, for all its reader could know. */
  cancel(watchId: number): boolean {
    if (!this.#inUse(watchId)) return false
    const watcher = this.#watchers.get(watchId)
    if (watcher !== undefined) this.#forget(watcher)
    this.#compacted?.delete(watchId)
    this.#discard(watchId)
    return true
  }

  /**
   * Asks for one `progress` response for the stream, when all its watchers are synced and there is room. There
   * is no answer when one of them then still waits for its start.
   */
  requestProgress(): void {
    this.#progressRequested = true
    this.#answerProgress()
  }

  /** Adds a `progress` response for one watcher, if it is synced, has reached its start, and there is room. */
  progress(watchId: number): void {
    const watcher = this.#watchers.get(watchId)
    const { revision } = this.#hub.source
    if (watcher?.state !== 'synced' || revision < watcher.startRevision || this.#full) return
    this.push({ type: 'progress', watchId, revision }, 0)
  }

  /** Everything that is pending, in order. The caller owns it. */
  take(): readonly WatchResponse[] {
    const taken = this.#pending
    this.#pending = []
    this.#pendingBytes = 0
    this.#compacted = undefined
    this.#unpark()
    if (this.#progressRequested) this.#answerProgress()
    return taken
  }

  /** Removes all watchers. Nothing more can be taken. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const watcher of this.#watchers.values()) this.#forget(watcher)
    this.#pending = []
    this.#hub.removeStream(this)
  }

  /** For the hub: the stream belongs to another one from now on, and has had everything up to `revision`. */
  moveTo(hub: StreamHost, revision: number): void {
    this.#hub = hub
    for (const watcher of this.#watchers.values()) {
      if (watcher.state === 'parked') continue
      if (watcher.state === 'synced') {
        this.#unsynced++
        // It was not told of revisions in which there was nothing for it.
        watcher.next = Math.max(watcher.next, revision + 1)
      }
      watcher.state = 'unsynced'
      hub.resync(watcher)
    }
  }

  /** For the hub: delivers whole revisions to a watcher, or parks it. */
  offer(watcher: Watcher, events: readonly WatchEvent[], firstRevision: number, revision: number): void {
    const bytes = sizeOf(events)
    const tooLarge = this.#pendingBytes + bytes > this.#hub.options.pendingMaxBytes
    // An empty queue takes anything, or a revision above the limit could never be delivered.
    if (this.#pending.length > 0 && (this.#full || tooLarge)) {
      if (watcher.state === 'synced') {
        this.#hub.synced.delete(watcher)
        this.#unsynced++
      }
      watcher.state = 'parked'
      watcher.next = Math.max(watcher.next, firstRevision)
      ;(this.#parked ??= new Set()).add(watcher)
      return
    }
    watcher.next = revision + 1
    this.push({ type: 'events', watchId: watcher.id, revision, events }, bytes)
  }

  /** For the hub: a watcher has caught up. */
  synced(watcher: Watcher): void {
    watcher.state = 'synced'
    this.#unsynced--
    this.#answerProgress()
  }

  /** For the hub: what a watcher needs next is gone. */
  compacted(watcher: Watcher, compactRevision: number): void {
    // In this order: progress of the stream that waited for this watcher must not speak for it.
    this.#tellCompacted(watcher.id, compactRevision)
    this.#forget(watcher)
  }

  push(response: WatchResponse, bytes: number): void {
    if (this.#closed) return
    if (this.#pending.length === 0) this.#hub.ready(this)
    this.#pending.push(response)
    this.#pendingBytes += bytes
  }

  #forget(watcher: Watcher): void {
    this.#watchers.delete(watcher.id)
    this.#hub.watchers--
    if (watcher.state === 'synced') this.#hub.synced.delete(watcher)
    else this.#unsynced--
    this.#parked?.delete(watcher)
    this.#hub.forget(watcher)
    this.#answerProgress()
  }

  get #full(): boolean {
    return this.#pending.length >= this.#hub.options.pendingMaxResponses
  }

  /** Drops what is pending of a watcher that is gone. */
  #discard(watchId: number): void {
    const rest = this.#pending.filter((response) => response.watchId !== watchId)
    if (rest.length === this.#pending.length) return
    this.#pending = rest
    this.#pendingBytes = 0
    for (const response of rest) if (response.type === 'events') this.#pendingBytes += sizeOf(response.events)
    // A reader may not come as long as there is nothing to take.
    if (rest.length === 0) this.#unpark()
  }

  /** There is room again. */
  #unpark(): void {
    const parked = this.#parked
    if (parked === undefined) return
    this.#parked = undefined
    for (const watcher of parked) {
      watcher.state = 'unsynced'
      this.#hub.resync(watcher)
    }
  }

  #answerProgress(): void {
    if (!this.#progressRequested || this.#unsynced > 0 || this.#full) return
    this.#progressRequested = false
    const { revision } = this.#hub.source
    for (const watcher of this.#watchers.values()) if (revision < watcher.startRevision) return
    this.push({ type: 'progress', watchId: undefined, revision }, 0)
  }

  #tellCompacted(watchId: number, compactRevision: number): void {
    ;(this.#compacted ??= new Set()).add(watchId)
    this.push({ type: 'compacted', watchId, compactRevision }, 0)
  }

  #inUse(id: number): boolean {
    return this.#watchers.has(id) || this.#compacted?.has(id) === true
  }

  #freeId(): number {
    while (this.#inUse(this.#nextId)) this.#nextId++
    return this.#nextId++
  }
}

/** Bytes of keys and values, or nearly so. */
function sizeOf(events: readonly WatchEvent[]): number {
  let bytes = 0
  for (const { kv, prevKv } of events) bytes += kv.record.length + (prevKv?.record.length ?? 0)
  return bytes
}
