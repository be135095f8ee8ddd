import {
  createMemoryBackend,
  createMvcc,
  type Mvcc,
  type MvccWatchStream,
  type TxnRequest,
  type WatcherRequest,
  type WatchOptions,
  type WatchResponse,
} from '@orrery/mvcc'
import { expect } from 'vitest'
import { isWithin, Model, type ModelChange } from './model.ts'
import { type Pair, pairOf } from './wire.ts'

type EventsResponse = Extract<WatchResponse, { type: 'events' }>

/** A watcher as its reader sees it. */
interface Reader {
  readonly watchId: number
  readonly request: WatcherRequest
  /** When it was created. Unit: responses pushed to its stream so far, see {@link WatchedStream.pushed}. */
  readonly born: number
  /** The first revision that may still be delivered. */
  next: number
}

/** What a reader may be told, and what it must not miss: etcd's watch guarantees. */
class WatchedStream {
  readonly stream: MvccWatchStream
  readonly readers = new Map<number, Reader>()
  /** For each pending response, a count of those pushed before it; never too high. */
  #pushed: number[] = []
  pushed = 0
  announced = false

  constructor(stream: MvccWatchStream) {
    this.stream = stream
  }

  /** Called after every step. */
  note(): void {
    const { pending } = this.stream
    // After a cancellation it is unknown which responses are gone: then these counts are too low, not wrong.
    if (pending < this.#pushed.length) this.#pushed.length = pending
    while (this.#pushed.length < pending) this.#pushed.push(this.pushed++)
  }

  take(): { readonly responses: readonly WatchResponse[]; readonly pushed: readonly number[] } {
    this.note()
    const pushed = this.#pushed
    this.#pushed = []
    this.announced = false
    return { responses: this.stream.take(), pushed }
  }
}

/**
 * A store with watchers, beside a {@link Model}. What is taken from a stream is held against the list of all
 * changes: each watcher gets each event once, in order, in whole revisions, or learns that it cannot.
 */
export class WatchWorld {
  readonly model = new Model()
  readonly mvcc: Mvcc
  readonly streams: WatchedStream[] = []
  readonly #limits: Required<WatchOptions>

  constructor(limits: Required<WatchOptions>) {
    this.#limits = limits
    this.mvcc = createMvccOn(limits)
  }

  txn(request: TxnRequest): void {
    this.model.txn(request)
    this.mvcc.txn(request)
  }

  openStream(): void {
    this.streams.push(new WatchedStream(this.mvcc.openWatchStream()))
  }

  create(watched: WatchedStream, request: WatcherRequest): void {
    const { revision } = this.mvcc
    watched.note()
    const id = watched.stream.create(request)
    if (id === 'watchIdInUse') {
      expect(watched.readers.has(request.watchId ?? -1)).toBe(true)
      return
    }
    expect(watched.readers.has(id)).toBe(false)
    if (request.watchId !== undefined) expect(id).toBe(request.watchId)
    const start = request.startRevision ?? 0
    const next = start > 0 ? start : revision + 1
    watched.readers.set(id, { watchId: id, request, born: watched.pushed, next })
  }

  cancel(watched: WatchedStream, watchId: number): void {
    expect(watched.stream.cancel(watchId)).toBe(watched.readers.delete(watchId))
  }

  close(watched: WatchedStream): void {
    watched.stream.close()
    expect(watched.stream.size).toBe(0)
    watched.stream.requestProgress()
    expect(watched.stream.take()).toEqual([])
    this.streams.splice(this.streams.indexOf(watched), 1)
  }

  take(watched: WatchedStream): void {
    const { responses, pushed } = watched.take()
    this.#checkBytes(responses)
    for (const [i, response] of responses.entries()) this.#read(watched, response, pushed[i] ?? 0)
  }

  /** What must hold after every step. */
  check(): void {
    for (const watched of this.streams) watched.note()
    const ready = this.mvcc.takeReadyStreams()
    expect(new Set(ready).size).toBe(ready.length)
    for (const watched of this.streams) {
      if (ready.includes(watched.stream)) watched.announced = true
      // A reader that sleeps until it is told would otherwise sleep for ever.
      if (watched.stream.pending > 0) expect(watched.announced).toBe(true)
      // The news that a watcher is compacted, its last, finds room always.
      const gone = watched.readers.size - watched.stream.size
      expect(watched.stream.pending).toBeLessThanOrEqual(this.#limits.pendingMaxResponses + gone)
    }
    const alive = this.streams.reduce((sum, { stream }) => sum + stream.size, 0)
    expect(this.mvcc.watchers).toBe(alive)
  }

  /** All readers read until there is nothing left: then every watcher has seen everything. */
  settle(): void {
    for (let quiet = false; !quiet; ) {
      while (this.mvcc.watchSyncStep(3));
      quiet = this.streams.every(({ stream }) => stream.pending === 0) && !this.mvcc.watchersUnsynced
      // A reader that finds nothing to take waits until it is told, as `check` demands.
      for (const watched of this.streams) if (watched.stream.pending > 0) this.take(watched)
    }
    for (const { stream, readers } of this.streams) {
      expect(stream.size).toBe(readers.size)
      for (const reader of readers.values()) expect(this.#owed(reader, Infinity)).toEqual([])
    }
  }

  /** A stream whose watchers have all begun tells its progress when it is asked. */
  checkProgress(): void {
    const { revision } = this.mvcc
    for (const { stream, readers } of this.streams) {
      const waits = [...readers.values()].some(({ request }) => (request.startRevision ?? 0) > revision)
      stream.requestProgress()
      const answer = { type: 'progress', watchId: undefined, revision }
      expect(stream.take()).toEqual(waits ? [] : [answer])
      for (const { watchId, request } of readers.values()) {
        stream.progress(watchId)
        const single =
          (request.startRevision ?? 0) > revision ? [] : [{ type: 'progress', watchId, revision }]
        expect(stream.take()).toEqual(single)
      }
    }
  }

  #checkBytes(responses: readonly WatchResponse[]): void {
    const events = responses.filter((response) => response.type === 'events')
    if (events.length <= 1) return
    const bytes = events
      .flatMap((response) => response.events)
      .reduce((sum, { kv, prevKv }) => sum + kv.record.length + (prevKv?.record.length ?? 0), 0)
    expect(bytes).toBeLessThanOrEqual(this.#limits.pendingMaxBytes)
  }

  #read(watched: WatchedStream, response: WatchResponse, pushed: number): void {
    if (response.type === 'progress' && response.watchId === undefined) {
      for (const reader of watched.readers.values()) {
        if (reader.born <= pushed) this.#progress(reader, response.revision)
      }
      return
    }
    const reader = watched.readers.get(response.watchId ?? -1)
    expect(reader, 'nothing is delivered to a watcher that is gone').toBeDefined()
    if (reader === undefined) return
    switch (response.type) {
      case 'progress':
        this.#progress(reader, response.revision)
        break
      case 'events':
        this.#deliver(reader, response)
        break
      case 'compacted':
        expect(reader.next).toBeLessThan(response.compactRevision)
        expect(response.compactRevision).toBeLessThanOrEqual(this.mvcc.compactRevision)
        watched.readers.delete(reader.watchId)
        break
    }
  }

  /** Progress is a promise: there was nothing to deliver up to it that was not, and there never will be. */
  #progress(reader: Reader, revision: number): void {
    expect(revision).toBeGreaterThanOrEqual(reader.request.startRevision ?? 0)
    expect(this.#owed(reader, revision)).toEqual([])
    reader.next = Math.max(reader.next, revision + 1)
  }

  #deliver(reader: Reader, response: EventsResponse): void {
    const owed = this.#owed(reader, response.revision)
    expect(owed.length).toBeGreaterThan(0)
    expect(response.events.map(({ type, kv }) => ({ type, kv: pairOf(kv) }))).toEqual(
      owed.map(({ key, main, pair }) => ({
        type: pair === undefined ? 'delete' : 'put',
        kv: pair ?? { key, createRevision: 0, modRevision: main, version: 0, value: '', lease: 0n },
      })),
    )
    for (const [i, { prevKv }] of response.events.entries()) {
      const change = owed[i]
      if (change !== undefined)
        this.#checkPrevKv(reader, change, prevKv === undefined ? undefined : pairOf(prevKv))
    }
    reader.next = response.revision + 1
  }

  #checkPrevKv({ request }: Reader, { key, main, pair }: ModelChange, prevKv: Pair | undefined): void {
    const before = pair?.createRevision === main ? undefined : this.model.stateAt(main - 1).get(key)
    if (request.prevKv !== true) expect(prevKv).toBeUndefined()
    // Compacted by now: whether it still was there when the event was made depends on when that was.
    else if (prevKv !== undefined || main - 1 >= this.mvcc.compactRevision) expect(prevKv).toEqual(before)
  }

  /** What a watcher has to get, up to `revision`, and has not got yet. */
  #owed({ request, next }: Reader, revision: number): readonly ModelChange[] {
    return this.model.changes.filter(
      ({ main, key, pair }) =>
        main >= next &&
        main <= revision &&
        isWithin(request, key) &&
        request.filters?.includes(pair === undefined ? 'delete' : 'put') !== true,
    )
  }
}

function createMvccOn(limits: WatchOptions = {}): Mvcc {
  const mvcc = createMvcc({ backend: createMemoryBackend() }, limits)
  while (mvcc.restoreStep(1));
  return mvcc
}
