import type { Key } from './key.ts'
import type { KeyIndex } from './key-index.ts'
import { KeyValue } from './key-value.ts'
import type { Backend } from './ports.ts'
import { RecordEncoder } from './record-encoder.ts'
import { RecordMemory } from './record-memory.ts'
import type { WatchEvent } from './watch.ts'
import { MvccWatchStream, type StreamHost, type WatchOptions } from './watch-stream.ts'
import type { Watcher } from './watcher.ts'
import { WatcherGroup } from './watcher-group.ts'

/** Watchers that are brought up to date together, by one pass over history. */
const resyncMaxWatchers = 4_096

/** What the hub reads of the store it belongs to. */
export interface WatchSource {
  readonly index: KeyIndex
  readonly backend: Backend
  readonly revision: number
  readonly compactRevision: number
}

/** All watch streams of one store. */
export class WatchHub implements StreamHost {
  readonly source: WatchSource
  readonly options: Required<WatchOptions>
  /** Watchers that new changes go to at once. */
  readonly synced = new WatcherGroup<Watcher>()
  /** Watchers of all streams. */
  watchers = 0
  readonly #streams = new Set<MvccWatchStream>()
  /** Streams that got their first pending response since the host last asked. */
  #ready: MvccWatchStream[] = []
  /** Watchers that wait for a pass over history. */
  readonly #waiting = new Set<Watcher>()
  readonly #encoder = new RecordEncoder()
  readonly #memory = new RecordMemory()
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

  /** Takes over the streams of another hub. All their watchers have to look into history once. */
  adopt(other: WatchHub): void {
    for (const stream of other.#streams) {
      this.#streams.add(stream)
      stream.moveTo(this, other.source.revision)
    }
    this.watchers += other.watchers
    this.#ready.push(...other.#ready)
    other.#streams.clear()
    other.#ready = []
    other.watchers = 0
  }

  removeStream(stream: MvccWatchStream): void {
    this.#streams.delete(stream)
    if (stream.listed) this.#ready.splice(this.#ready.indexOf(stream), 1)
  }

  ready(stream: MvccWatchStream): void {
    if (stream.listed) return
    stream.listed = true
    this.#ready.push(stream)
  }

  /** Streams with new responses, each once. The host takes from them or waits until their readers do. */
  takeReady(): readonly MvccWatchStream[] {
    const ready = this.#ready
    if (ready.length === 0) return ready
    this.#ready = []
    for (const stream of ready) stream.listed = false
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
    const { changes, last } = this.#readHistory(pass.group, firstRevision, maxRevisions)
    this.deliver(pass.group, changes, firstRevision, last)
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

  /** The changes that somebody in the group watches, up to the end of revision `last`. */
  #readHistory(
    group: WatcherGroup<Watcher>,
    fromRevision: number,
    maxRevisions: number,
  ): { readonly changes: readonly Change[]; readonly last: number } {
    const changes: Change[] = []
    let revision = fromRevision
    let last = this.source.revision
    let visited = 0
    this.source.backend.scan(fromRevision, 0, (main, sub, tombstone, record) => {
      if (visited > 0 && visited >= maxRevisions && main !== revision) {
        last = revision
        return false
      }
      visited++
      revision = main
      const key = new KeyValue(record).keyString
      if (!group.watches(key)) return true
      // The backend's record is valid only during the visit.
      const kv = tombstone ? this.#encoder.deletion(key, main) : new KeyValue(this.#memory.copy(record))
      changes.push({ type: tombstone ? 'delete' : 'put', key, kv, main, sub })
      return true
    })
    return { changes, last }
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
