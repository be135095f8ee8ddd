import type { Key } from './key.ts'
import type { KeyHistory } from './key-history.ts'
import type { KeyIndex } from './key-index.ts'
import { KeyValue } from './key-value.ts'
import type { Backend, KeyLeases } from './ports.ts'
import { spanOf } from './range.ts'
import { RecordEncoder } from './record-encoder.ts'
import type { DeleteRangeRequest, DeleteRangeResult, PutRequest, PutResult } from './requests.ts'
import type { WriteView } from './txn.ts'
import type { Change } from './watch-hub.ts'

const emptyValue = new Uint8Array(0)

/** What a {@link Writer} works on. */
export interface WriterParts {
  readonly index: KeyIndex
  readonly backend: Backend
  readonly leases: KeyLeases
  /** The revision of the last compaction. */
  readonly compactRevision: () => number
  /** Whether a read in progress still needs a compacted revision. */
  readonly isPinned: (revision: number) => boolean
  /** Whether anybody wants to know what changes: events are only made then. */
  readonly watched: () => boolean
}

/** Makes the changes of one revision after the other. */
export class Writer implements WriteView {
  readonly index: KeyIndex
  readonly backend: Backend
  readonly leases: KeyLeases
  readonly #compactRevision: () => number
  readonly #isPinned: (revision: number) => boolean
  readonly #watched: () => boolean
  readonly #encoder = new RecordEncoder()
  /** The newest complete revision. */
  #revision = 1
  /** Changes of the revision in progress: the next one's sub-revision. */
  #changes = 0
  #events: Change[] = []

  constructor(parts: WriterParts) {
    this.index = parts.index
    this.backend = parts.backend
    this.leases = parts.leases
    this.#compactRevision = parts.compactRevision
    this.#isPinned = parts.isPinned
    this.#watched = parts.watched
  }

  /** The newest revision, with what the one in progress has changed so far. */
  get revision(): number {
    return this.#changes > 0 ? this.#revision + 1 : this.#revision
  }

  get compactRevision(): number {
    return this.#compactRevision()
  }

  isPinned(revision: number): boolean {
    return this.#isPinned(revision)
  }

  /** For recovery: the store is at least at this revision. */
  raiseRevision(revision: number): void {
    this.#revision = Math.max(this.#revision, revision)
  }

  /** Completes the revision in progress. Returns its events; none when nothing changed or nobody watches. */
  commit(): readonly Change[] {
    if (this.#changes === 0) return []
    this.#revision++
    this.#changes = 0
    const events = this.#events
    if (events.length > 0) this.#events = []
    return events
  }

  put(request: PutRequest): PutResult {
    const { key } = request
    const keeps = request.ignoreValue === true || request.ignoreLease === true || request.prevKv === true
    const before = keeps ? this.index.get(key) : undefined
    const prevKv = before?.live === true ? this.#read(before) : undefined
    const value = request.ignoreValue === true ? prevKv?.value : request.value
    const lease = (request.ignoreLease === true ? prevKv?.lease : request.lease) ?? 0n

    const main = this.#revision + 1
    const sub = this.#changes++
    const history = this.index.put(key, main, sub)
    const record = this.#encoder.encode({
      key,
      createRevision: history.created,
      modRevision: main,
      version: history.version,
      value: value ?? emptyValue,
      lease,
    })
    this.backend.put(main, sub, false, record)
    if (lease === 0n) this.leases.detach(key)
    else this.leases.attach(lease, key)
    if (this.#watched()) this.#events.push({ type: 'put', key, kv: new KeyValue(record, key), main, sub })
    return request.prevKv === true && prevKv !== undefined ? { revision: main, prevKv } : { revision: main }
  }

  deleteRange(request: DeleteRangeRequest): DeleteRangeResult {
    const span = spanOf(request)
    const keys: Key[] = []
    const prevKvs: KeyValue[] = []
    const collect = (key: Key, history: KeyHistory | undefined): void => {
      if (history?.live !== true) return
      keys.push(key)
      if (request.prevKv === true) prevKvs.push(this.#read(history))
    }
    if (span.single) {
      collect(span.key, this.index.get(span.key))
    } else {
      this.index.visit(span.key, span.end, (key, history) => {
        collect(key, history)
        return true
      })
    }
    for (const key of keys) this.#tombstone(key)
    return { revision: this.revision, deleted: keys.length, prevKvs }
  }

  /** Deletes those of `keys` that exist, in the given order. Returns how many. */
  deleteKeys(keys: readonly Key[]): number {
    let deleted = 0
    for (const key of keys) {
      if (this.index.get(key)?.live !== true) continue
      this.#tombstone(key)
      deleted++
    }
    return deleted
  }

  #tombstone(key: Key): void {
    const main = this.#revision + 1
    const sub = this.#changes++
    this.index.tombstone(key, main, sub)
    this.backend.put(main, sub, true, this.#encoder.tombstone(key))
    this.leases.detach(key)
    if (this.#watched()) {
      this.#events.push({ type: 'delete', key, kv: this.#encoder.deletion(key, main), main, sub })
    }
  }

  #read(history: KeyHistory): KeyValue {
    return new KeyValue(this.backend.get(history.main, history.sub))
  }
}
