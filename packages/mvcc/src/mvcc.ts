import { invariant } from '@orrery/environment'
import { Compaction, readCompactionRecord } from './compaction.ts'
import { MvccError } from './errors.ts'
import { type HashKv, startHashKv } from './hash-kv.ts'
import type { Key } from './key.ts'
import { KeyIndex } from './key-index.ts'
import { KeyValue } from './key-value.ts'
import type { Backend, KeyLeases } from './ports.ts'
import { checkReadRevision, executeRange } from './range.ts'
import type {
  DeleteRangeRequest,
  DeleteRangeResult,
  PutRequest,
  PutResult,
  RangeRequest,
  RangeResult,
  TxnRequest,
  TxnResult,
} from './requests.ts'
import { checkPut, executeTxn } from './txn.ts'
import { WatchHub } from './watch-hub.ts'
import type { MvccWatchStream, WatchOptions } from './watch-stream.ts'
import { Writer } from './writer.ts'

/** Leases for a host that has none: every put with a lease is refused. */
const noLeases: KeyLeases = { has: () => false, attach: () => {}, detach: () => {} }

/** What a {@link Mvcc} is made of. */
export interface MvccParts {
  readonly backend: Backend
  /** @defaultValue no lease exists */
  readonly leases?: KeyLeases
}

/**
 * A multi-version key-value store: every change makes a new revision of the whole store, and old revisions
 * can be read until they are compacted.
 *
 * It is a synchronous state machine with one caller. Each writing call is one revision, which watchers get
 * in the same call; no reader and no watcher ever sees a part of it. After {@link createMvcc} the index has
 * to be rebuilt with {@link Mvcc.restoreStep} before anything else is called.
 */
export interface Mvcc {
  /** The newest revision. A new store is at 1. */
  readonly revision: number
  /** The revision of the last compaction, -1 when there was none. Older ones cannot be read. */
  readonly compactRevision: number
  /** The revision up to which superseded revisions are removed from the backend. */
  readonly compactFinishedRevision: number
  /** Keys that exist. */
  readonly keys: number
  /** Watchers on all streams. */
  readonly watchers: number

  /**
   * Reads up to `maxRevisions` revisions of the backend into the index.
   *
   * @returns whether there is more to read
   */
  restoreStep(maxRevisions: number): boolean

  /** @throws MvccError `MVCC_FUTURE_REVISION`, `MVCC_COMPACTED` */
  range(request: RangeRequest): RangeResult
  /** @throws MvccError `MVCC_KEY_NOT_FOUND`, `MVCC_LEASE_NOT_FOUND` */
  put(request: PutRequest): PutResult
  deleteRange(request: DeleteRangeRequest): DeleteRangeResult
  /**
   * Executes a txn that {@link validateTxn} accepts.
   *
   * @throws MvccError `MVCC_KEY_NOT_FOUND`, `MVCC_LEASE_NOT_FOUND`, `MVCC_FUTURE_REVISION`, `MVCC_COMPACTED`
   */
  txn(request: TxnRequest): TxnResult
  /** Deletes those of `keys` that exist, in the given order, as one revision. Returns how many. */
  deleteKeys(keys: readonly Key[]): number

  /**
   * Makes all revisions unreadable that are older than `revision`. Their space is freed by
   * {@link Mvcc.compactStep}.
   *
   * @throws MvccError `MVCC_COMPACTED`, `MVCC_FUTURE_REVISION`
   */
  compact(revision: number): void
  /**
   * Removes up to about `budget` superseded revisions from the backend. Does nothing while
   * {@link Mvcc.holdCompaction} is in force.
   *
   * @returns whether there is more to do
   */
  compactStep(budget: number): boolean
  /** Suspends {@link Mvcc.compactStep} until the returned function is called: for work that scans history. */
  holdCompaction(): () => void
  /**
   * Keeps a revision readable until the returned function is called, even if it is compacted meanwhile: for
   * a read that takes several turns. Holds compaction, too.
   */
  pin(revision: number): () => void
  /**
   * Starts a checksum over the history. The caller holds compaction until it is finished.
   *
   * @param revision 0: the current one; a negative one comes before all others, so nothing is hashed
   * @throws MvccError `MVCC_COMPACTED`, `MVCC_FUTURE_REVISION`
   */
  hashKv(revision: number): HashKv

  openWatchStream(): MvccWatchStream
  /**
   * Takes over the watch streams of a core whose history this one continues, for example because a snapshot
   * replaced its state. Their watchers go on from where they are; those that need what is compacted here end.
   * The other core must not be used afterwards.
   */
  adoptWatchStreams(from: Mvcc): void
  /** Streams that got responses since the last call, each once. */
  takeReadyStreams(): readonly MvccWatchStream[]
  /** Whether watchers wait for {@link Mvcc.watchSyncStep}. */
  readonly watchersUnsynced: boolean
  /**
   * Reads about `maxRevisions` of history for watchers that are behind.
   *
   * @returns whether there is more to do
   */
  watchSyncStep(maxRevisions: number): boolean
}

/**
 * Creates the core over a backend, which may hold a store's revisions already.
 *
 * @param parts the backend, which nobody else may write to, and the leases of its keys
 */
export function createMvcc(parts: MvccParts, options: WatchOptions = {}): Mvcc {
  return new MvccCore(parts, options)
}

class MvccCore implements Mvcc {
  readonly #index = new KeyIndex()
  readonly #backend: Backend
  readonly #leases: KeyLeases
  readonly #writer: Writer
  readonly #hub: WatchHub
  readonly #compaction: Compaction
  #compactionHolds = 0
  /** Revisions that reads in progress need, with how many do. */
  readonly #pins = new Map<number, number>()
  /** Where {@link restoreStep} goes on; undefined when it is done. */
  #restoreFrom: { readonly main: number; readonly sub: number } | undefined = { main: 0, sub: 0 }

  constructor({ backend, leases = noLeases }: MvccParts, options: WatchOptions) {
    this.#backend = backend
    this.#leases = leases
    const record = readCompactionRecord(backend)
    this.#compaction = new Compaction(this.#index, backend, record)
    this.#writer = new Writer({
      index: this.#index,
      backend,
      leases,
      compactRevision: () => this.#compaction.revision,
      isPinned: (revision) => this.#pins.has(revision),
      watched: () => this.#hub.synced.size > 0,
    })
    this.#hub = new WatchHub(this.#writer, options)
    this.#writer.raiseRevision(record.scheduled)
  }

  get revision(): number {
    return this.#writer.revision
  }

  get compactRevision(): number {
    return this.#compaction.revision
  }

  get compactFinishedRevision(): number {
    return this.#compaction.finishedRevision
  }

  get keys(): number {
    return this.#index.live
  }

  get watchers(): number {
    return this.#hub.watchers
  }

  get watchersUnsynced(): boolean {
    return this.#hub.unsynced
  }

  restoreStep(maxRevisions: number): boolean {
    const from = this.#restoreFrom
    if (from === undefined) return false
    let left = maxRevisions
    let next: { main: number; sub: number } | undefined
    this.#backend.scan(from.main, from.sub, (main, sub, tombstone, record) => {
      if (left-- <= 0) {
        next = { main, sub }
        return false
      }
      this.#restore({ main, sub, tombstone, kv: new KeyValue(record) })
      return true
    })
    this.#restoreFrom = next
    return next !== undefined
  }

  range(request: RangeRequest): RangeResult {
    return executeRange(this.#writer, request)
  }

  put(request: PutRequest): PutResult {
    checkPut(this.#writer, request)
    const result = this.#writer.put(request)
    this.#commit()
    return result
  }

  deleteRange(request: DeleteRangeRequest): DeleteRangeResult {
    const result = this.#writer.deleteRange(request)
    this.#commit()
    return result
  }

  txn(request: TxnRequest): TxnResult {
    const result = executeTxn(this.#writer, request)
    this.#commit()
    return result
  }

  deleteKeys(keys: readonly Key[]): number {
    const deleted = this.#writer.deleteKeys(keys)
    this.#commit()
    return deleted
  }

  compact(revision: number): void {
    if (revision <= this.compactRevision) {
      throw new MvccError(
        'MVCC_COMPACTED',
        `revision ${revision} is compacted, up to ${this.compactRevision}`,
      )
    }
    if (revision > this.revision) {
      throw new MvccError('MVCC_FUTURE_REVISION', `revision ${revision} is after ${this.revision}`)
    }
    this.#compaction.schedule(revision)
  }

  compactStep(budget: number): boolean {
    if (this.#compactionHolds > 0) return false
    return this.#compaction.step(budget)
  }

  holdCompaction(): () => void {
    this.#compactionHolds++
    let held = true
    return () => {
      if (held) this.#compactionHolds--
      held = false
    }
  }

  pin(revision: number): () => void {
    const release = this.holdCompaction()
    this.#pins.set(revision, (this.#pins.get(revision) ?? 0) + 1)
    let pinned = true
    return () => {
      if (!pinned) return
      pinned = false
      release()
      const left = (this.#pins.get(revision) ?? 1) - 1
      if (left > 0) this.#pins.set(revision, left)
      else this.#pins.delete(revision)
    }
  }

  hashKv(revision: number): HashKv {
    checkReadRevision(this.#writer, revision)
    return startHashKv(this.#writer, revision === 0 ? this.revision : revision)
  }

  openWatchStream(): MvccWatchStream {
    return this.#hub.openStream()
  }

  adoptWatchStreams(from: Mvcc): void {
    invariant(from instanceof MvccCore, 'watch streams move between cores of one kind')
    this.#hub.adopt(from.#hub)
  }

  takeReadyStreams(): readonly MvccWatchStream[] {
    return this.#hub.takeReady()
  }

  watchSyncStep(maxRevisions: number): boolean {
    return this.#hub.syncStep(maxRevisions)
  }

  /** One revision is complete: watchers get it before anything else happens. */
  #commit(): void {
    const changes = this.#writer.commit()
    const [only] = changes
    if (only === undefined) return
    if (changes.length === 1) this.#hub.deliverOne(only)
    else this.#hub.deliver(this.#hub.synced, changes, only.main, only.main)
  }

  #restore({
    main,
    sub,
    tombstone,
    kv,
  }: {
    main: number
    sub: number
    tombstone: boolean
    kv: KeyValue
  }): void {
    const key = kv.keyString
    this.#index.restore(key, main, sub, kv.createRevision, tombstone ? 0 : kv.version)
    if (kv.lease === 0n) {
      this.#leases.detach(key)
    } else {
      // Only the newest revision's lease counts, and a lease that is gone took its keys along.
      if (this.#leases.has(kv.lease)) this.#leases.attach(kv.lease, key)
      else this.#leases.detach(key)
    }
    this.#writer.raiseRevision(main)
  }
}
