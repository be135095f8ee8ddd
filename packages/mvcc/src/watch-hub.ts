import { invariant } from '@orrery/environment'
import type { Key } from './key.ts'
import type { KeyIndex } from './key-index.ts'
import { KeyValue } from './key-value.ts'
import type { Backend } from './ports.ts'
import { RecordEncoder } from './record-encoder.ts'
import type { WatcherRequest, WatchEvent, WatchResponse } from './watch.ts'
import { WatcherGroup } from './watcher-group.ts'

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

/** Watchers that are brought up to date together, by one pass over history. */
const resyncMaxWatchers = 4_096

/** What the hub reads of the store it belongs to. */
export interface WatchSource {
  readonly index: KeyIndex
  readonly backend: Backend
  readonly revision: number
  readonly compactRevision: number
}

/**
 * One watcher.
 *
 * - `synced`: everything up to now is delivered or pending; new changes reach it as they happen
 * - `unsynced`: it needs revisions from history, and waits for the next pass over it
 * - `parked`: as `unsynced`, but its stream is full; the reader has to take something first
 */
class Watcher {
  readonly id: number
  readonly stream: MvccWatchStream
  readonly key: Key
  readonly rangeEnd: Key | undefined
  readonly puts: boolean
  readonly deletes: boolean
  readonly prevKv: boolean
  /** The start that was asked for, 0 when none was: nothing older is delivered, progress included. */
  readonly startRevision: number
  /** The first revision that was neither delivered nor is pending. */
  next: number
  state: 'synced' | 'unsynced' | 'parked' = 'unsynced'
  /** Events of the revision that is being delivered. */
  gathered: WatchEvent[] | undefined

  constructor(id: number, stream: MvccWatchStream, request: WatcherRequest, next: number) {
    this.id = id
    this.stream = stream
    this.key = request.key
    this.rangeEnd = request.rangeEnd
    this.puts = request.filters?.includes('put') !== true
    this.deletes = request.filters?.includes('delete') !== true
    this.prevKv = request.prevKv === true
    this.startRevision = request.startRevision ?? 0
    this.next = next
  }

  wants(event: WatchEvent): boolean {
    return event.type === 'put' ? this.puts : this.deletes
  }
}

/** Why a watcher cannot be created. */
export type CreateRefusal = 'watchIdInUse'

/**
 * A set of watchers with one queue of responses, which its host takes. When the queue is full, watchers
 * stop using it: they remember where they are, and read history once there is room. So a slow reader costs
 * a bounded amount of memory, and loses nothing that is not compacted meanwhile.
 */
export class MvccWatchStream {
  readonly #hub: WatchHub
  readonly #watchers = new Map<number, Watcher>()
  readonly #parked = new Set<Watcher>()
  /** Watchers that are gone, but whose `compacted` response is pending: until then their ids are in use. */
  readonly #compacted = new Set<number>()
  #pending: WatchResponse[] = []
  #pendingBytes = 0
  #nextId = 0
  #unsynced = 0
  #progressRequested = false
  #closed = false

  /** Only the hub creates streams. */
  constructor(hub: WatchHub) {
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
    this.#compacted.delete(watchId)
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
    this.#compacted.clear()
    this.#unpark()
    this.#answerProgress()
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
      this.#parked.add(watcher)
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
    if (this.#pending.length === 0) this.#hub.ready.add(this)
    this.#pending.push(response)
    this.#pendingBytes += bytes
  }

  #forget(watcher: Watcher): void {
    this.#watchers.delete(watcher.id)
    this.#hub.watchers--
    if (watcher.state === 'synced') this.#hub.synced.delete(watcher)
    else this.#unsynced--
    this.#parked.delete(watcher)
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
    for (const watcher of this.#parked) {
      watcher.state = 'unsynced'
      this.#hub.resync(watcher)
    }
    this.#parked.clear()
  }

  #answerProgress(): void {
    if (!this.#progressRequested || this.#unsynced > 0 || this.#full) return
    this.#progressRequested = false
    const { revision } = this.#hub.source
    for (const watcher of this.#watchers.values()) if (revision < watcher.startRevision) return
    this.push({ type: 'progress', watchId: undefined, revision }, 0)
  }

  #tellCompacted(watchId: number, compactRevision: number): void {
    this.#compacted.add(watchId)
    this.push({ type: 'compacted', watchId, compactRevision }, 0)
  }

  #inUse(id: number): boolean {
    return this.#watchers.has(id) || this.#compacted.has(id)
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

/** All watch streams of one store. */
export class WatchHub {
  readonly source: WatchSource
  readonly options: Required<WatchOptions>
  /** Watchers that new changes go to at once. */
  readonly synced = new WatcherGroup<Watcher>()
  /** Streams that got their first pending response since the host last asked. */
  readonly ready = new Set<MvccWatchStream>()
  /** Watchers of all streams. */
  watchers = 0
  readonly #streams = new Set<MvccWatchStream>()
  /** Watchers that wait for a pass over history. */
  readonly #waiting = new Set<Watcher>()
  readonly #encoder = new RecordEncoder()
  /** The pass in progress: who takes part, and the next revision to read. */
  #pass: { readonly group: WatcherGroup<Watcher>; cursor: number } | undefined

  constructor(source: WatchSource, options: WatchOptions = {}) {
    this.source = source
    this.options = {
      pendingMaxResponses: options.pendingMaxResponses ?? 100_000,
      pendingMaxBytes: options.pendingMaxBytes ?? 33_554_432,
    }
  }

  get streams(): number {
    return this.#streams.size
  }

  /** Whether {@link syncStep} has something to do. */
  get unsynced(): boolean {
    return this.#waiting.size > 0 || this.#pass !== undefined
  }

  openStream(): MvccWatchStream {
    const stream = new MvccWatchStream(this)
    this.#streams.add(stream)
    return stream
  }

  removeStream(stream: MvccWatchStream): void {
    this.#streams.delete(stream)
    this.ready.delete(stream)
  }

  /** Streams with new responses, each once. The host takes from them or waits until their readers do. */
  takeReady(): readonly MvccWatchStream[] {
    const ready = [...this.ready]
    this.ready.clear()
    return ready
  }

  resync(watcher: Watcher): void {
    this.#waiting.add(watcher)
  }

  forget(watcher: Watcher): void {
    this.#waiting.delete(watcher)
    this.#pass?.group.delete(watcher)
  }

  /**
   * Delivers the changes of one revision, or of several from history.
   *
   * @param keys the byte string of each event's key
   * @param revision the last of them: watchers have then seen everything up to it
   */
  deliver(
    group: WatcherGroup<Watcher>,
    changes: readonly Change[],
    firstRevision: number,
    revision: number,
  ): void {
    const touched: Watcher[] = []
    for (const change of changes) {
      let plain: WatchEvent | undefined
      let withPrevKv: WatchEvent | undefined
      group.match(change.key, (watchers) => {
        for (const watcher of watchers) {
          if (change.main < watcher.next) continue
          const { type, kv } = change
          plain ??= { type, kv }
          if (!watcher.wants(plain)) continue
          let event = plain
          if (watcher.prevKv) event = withPrevKv ??= { type, kv, prevKv: this.#before(change) }
          if (watcher.gathered === undefined) {
            watcher.gathered = [event]
            touched.push(watcher)
          } else {
            watcher.gathered.push(event)
          }
        }
      })
    }
    for (const watcher of touched) {
      const events = watcher.gathered ?? []
      watcher.gathered = undefined
      watcher.stream.offer(watcher, events, firstRevision, revision)
    }
  }

  /** Delivers one revision's only change: the common case, in which all its watchers share one batch. */
  deliverOne(change: Change): void {
    const { type, kv, main } = change
    const plain: readonly WatchEvent[] = [{ type, kv }]
    let withPrevKv: readonly WatchEvent[] | undefined
    this.synced.match(change.key, (watchers) => {
      for (const watcher of watchers) {
        if (main < watcher.next || !(type === 'put' ? watcher.puts : watcher.deletes)) continue
        const events = watcher.prevKv ? (withPrevKv ??= [{ type, kv, prevKv: this.#before(change) }]) : plain
        watcher.stream.offer(watcher, events, main, main)
      }
    })
  }

  /**
   * Brings waiting watchers nearer to the present, by reading about `maxRevisions` revisions of history once
   * for up to {@link resyncMaxWatchers} of them.
   *
   * @returns whether there is more to do
   */
  syncStep(maxRevisions: number): boolean {
    const { source } = this
    const pass = (this.#pass ??= this.#startPass())
    if (pass === undefined) return false
    for (const watcher of pass.group) {
      if (watcher.next < source.compactRevision) watcher.stream.compacted(watcher, source.compactRevision)
    }
    const firstRevision = Math.max(pass.cursor, source.compactRevision)
    const changes = this.#readHistory(firstRevision, maxRevisions)
    const last = changes.length > 0 && !changes.complete ? changes.revision : source.revision
    this.deliver(pass.group, changes.list, firstRevision, last)
    pass.cursor = last + 1
    this.#settle(pass.group, last)
    if (pass.group.size === 0) this.#pass = undefined
    return this.unsynced
  }

  #startPass(): { group: WatcherGroup<Watcher>; cursor: number } | undefined {
    if (this.#waiting.size === 0) return undefined
    const group = new WatcherGroup<Watcher>()
    let cursor = Infinity
    for (const watcher of this.#waiting) {
      if (group.size >= resyncMaxWatchers) break
      this.#waiting.delete(watcher)
      group.add(watcher)
      cursor = Math.min(cursor, watcher.next)
    }
    return { group, cursor }
  }

  /** After a slice of history up to `revision`: who is parked, who has arrived, who goes on. */
  #settle(group: WatcherGroup<Watcher>, revision: number): void {
    for (const watcher of group) {
      if (watcher.state === 'parked') {
        group.delete(watcher)
        continue
      }
      watcher.next = Math.max(watcher.next, revision + 1)
      if (revision < this.source.revision) continue
      group.delete(watcher)
      this.synced.add(watcher)
      watcher.stream.synced(watcher)
    }
  }

  #readHistory(
    fromRevision: number,
    maxRevisions: number,
  ): { list: Change[]; length: number; revision: number; complete: boolean } {
    const list: Change[] = []
    let revision = fromRevision
    let complete = true
    this.source.backend.scan(fromRevision, 0, (main, sub, tombstone, record) => {
      if (list.length > 0 && list.length >= maxRevisions && main !== revision) {
        complete = false
        return false
      }
      revision = main
      // The backend's record is valid only during the visit.
      const stored = new KeyValue(record.slice())
      const key = stored.keyString
      if (tombstone) list.push({ type: 'delete', key, kv: this.#encoder.deletion(key, main), main, sub })
      else list.push({ type: 'put', key, kv: stored, main, sub })
      return true
    })
    return { list, length: list.length, revision, complete }
  }

  /** What the key was before a change; undefined when it did not exist or that is compacted. */
  #before({ key, main, type, kv }: Change): KeyValue | undefined {
    const { index, backend, compactRevision } = this.source
    // A key that a txn deletes and puts again is created anew: there is nothing that it was before.
    if (main - 1 < compactRevision || (type === 'put' && kv.createRevision === main)) return undefined
    const history = index.get(key)
    const position = history?.find(main - 1) ?? -1
    if (history === undefined || position < 0 || history.tombstoneAt(position)) return undefined
    return new KeyValue(backend.get(history.mainAt(position), history.subAt(position)))
  }
}

/** A change, with what the hub needs to find its watchers. */
export interface Change {
  readonly type: 'put' | 'delete'
  readonly key: Key
  readonly kv: KeyValue
  readonly main: number
  readonly sub: number
}
