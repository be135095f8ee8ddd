import type {
  Compare as MvccCompare,
  DeleteRangeRequest as MvccDeleteRangeRequest,
  DeleteRangeResult,
  KeyValue,
  PutRequest as MvccPutRequest,
  PutResult,
  RangeRequest as MvccRangeRequest,
  RangeResult,
  TxnOp as MvccTxnOp,
  TxnRequest as MvccTxnRequest,
  TxnResult,
  WatcherRequest as MvccWatcherRequest,
  WatchEvent,
  WatchResponse,
} from '@orrery/mvcc'

import type { Cluster } from './cluster/cluster.ts'

/** A key or a value: bytes, or text that stands for its UTF-8 bytes. */
export type Bytes = string | Uint8Array

export type RangeRequest = MvccRangeRequest<Bytes>
export type PutRequest = MvccPutRequest<Bytes, Bytes>
export type DeleteRangeRequest = MvccDeleteRangeRequest<Bytes>
export type Compare = MvccCompare<Bytes, Bytes>
export type TxnOp = MvccTxnOp<Bytes, Bytes>
export type TxnRequest = MvccTxnRequest<Bytes, Bytes>
export type WatcherRequest = MvccWatcherRequest<Bytes>

/** Options of every call that waits. */
export interface CallOptions {
  /**
   * Stops waiting: the call rejects with `signal.reason`. A write that was already accepted may take
   * effect all the same.
   */
  readonly signal?: AbortSignal | undefined
}

/** Options of a read. */
export interface ReadOptions extends CallOptions {
  /**
   * Answers from this member's state at once, which may lag behind the cluster's.
   * @defaultValue `false`: linearizable, the answer reflects every write acknowledged before the call
   */
  readonly serializable?: boolean | undefined
}

/**
 * A linearizable, multi-version key-value store with transactions, watches and leases. What every service
 * of Orrery is built on; whether it lives in memory, on one disk or on a cluster is its creator's choice.
 *
 * Calls fail with a `StoreError`, or with the `MvccError` or `LeaseError` of the part that refused.
 */
export interface Store extends AsyncDisposable {
  /** Where the store stands. A snapshot, cheap enough to take per request. */
  status(): StoreStatus
  /** The term that {@link status} gives: what answers tell of it besides their own revision, at a fraction of the cost. */
  readonly term: number

  /** @throws MvccError `MVCC_KEY_REQUIRED`, `MVCC_COMPACTED`, `MVCC_FUTURE_REVISION` */
  range(request: RangeRequest, options?: ReadOptions): Promise<RangeResult>
  /** The newest revision of one key, or undefined. */
  get(key: Bytes, options?: ReadOptions): Promise<KeyValue | undefined>
  /**
   * @throws MvccError `MVCC_KEY_REQUIRED`, `MVCC_KEY_NOT_FOUND`, `MVCC_VALUE_PROVIDED`,
   * `MVCC_LEASE_PROVIDED`, `MVCC_LEASE_NOT_FOUND`
   * @throws StoreError `STORE_NO_SPACE`, `STORE_REQUEST_TOO_LARGE`
   */
  put(request: PutRequest, options?: CallOptions): Promise<PutResult>
  /** @throws MvccError `MVCC_KEY_REQUIRED` */
  deleteRange(request: DeleteRangeRequest, options?: CallOptions): Promise<DeleteRangeResult>
  /**
   * A txn that only reads needs no log entry.
   *
   * @throws MvccError any of its codes
   * @throws StoreError `STORE_NO_SPACE`, `STORE_REQUEST_TOO_LARGE`
   */
  txn(request: TxnRequest, options?: ReadOptions): Promise<TxnResult>

  /**
   * Follows one key or range. Iterating gives batches of whole revisions, in order, without gaps, each
   * once. The iteration ends when it is left, closed or aborted, and throws `MVCC_COMPACTED` when a watcher
   * falls behind a compaction.
   */
  watch(request: WatchRequest, options?: CallOptions): Watch
  /** Many watchers behind one reader: what a network adapter needs. */
  openWatchStream(): WatchStream

  readonly leases: Leases

  /**
   * Forgets all revisions that are older than `revision` and superseded.
   *
   * @throws MvccError `MVCC_COMPACTED`, `MVCC_FUTURE_REVISION`
   */
  compact(request: CompactRequest, options?: CallOptions): Promise<{ readonly revision: number }>
  /**
   * A checksum over the history up to a revision, equal to that of an etcd server with the same history.
   *
   * @throws MvccError `MVCC_COMPACTED`, `MVCC_FUTURE_REVISION`
   */
  hashKv(request?: { readonly revision?: number | undefined }, options?: CallOptions): Promise<HashKvResult>
  /**
   * The whole state at one revision, as a stream of bytes that `restoreSnapshot` reads back. Writes go on
   * meanwhile; compaction waits.
   */
  snapshot(options?: CallOptions): Snapshot
  /** Writes what is held back in memory to the backend, so that a restart has nothing to replay. */
  flush(options?: CallOptions): Promise<void>

  readonly alarms: Alarms

  /** Who keeps the store. */
  readonly cluster: Cluster

  /** Refuses new calls, finishes those in flight, releases the directory. Safe to call twice. */
  close(): Promise<void>
}

export interface StoreStatus {
  /** - `open`: serves
   *  - `failed`: the disk failed; reads are served, writes are refused with `STORE_FAILED`
   *  - `closing`, `closed`: refuses calls with `STORE_CLOSED` */
  readonly state: 'open' | 'failed' | 'closing' | 'closed'
  readonly clusterId: bigint
  readonly memberId: bigint
  /** The member that leads, 0 when unknown. */
  readonly leaderId: bigint
  readonly isLearner: boolean
  readonly term: number
  /** Index of the last log entry that is committed. */
  readonly commitIndex: number
  /** Index of the last log entry that is applied. */
  readonly appliedIndex: number
  /** The newest revision. An empty store is at 1. */
  readonly revision: number
  /** The revision of the last compaction, -1 when there was none. */
  readonly compactRevision: number
  /** Keys that exist. */
  readonly keys: number
  readonly watchers: number
  /** Space that the backend occupies. Unit: bytes. */
  readonly sizeBytes: number
  /** Of it, space that holds data. Unit: bytes. */
  readonly sizeInUseBytes: number
  /** Unit: bytes. 0: no quota. */
  readonly quotaBytes: number
  readonly alarms: readonly Alarm[]
}

export interface WatchRequest extends Omit<WatcherRequest, 'watchId'> {
  /**
   * Delivers an empty batch when nothing happened for so long, so that the reader can move its resume
   * point. Unit: ms. @defaultValue no such batches
   */
  readonly progressIntervalMs?: number | undefined
}

/** What one turn of a {@link Watch} gives. */
export interface WatchBatch {
  /** Everything up to here has been delivered: resume with `startRevision: revision + 1`. */
  readonly revision: number
  /** Changes of whole revisions, in order. Empty: progress only. */
  readonly events: readonly WatchEvent[]
}

/** A watch in progress. One reader at a time. */
export interface Watch extends AsyncIterable<WatchBatch>, AsyncDisposable {
  /** The store's revision when the watch was created; a watch from now delivers what comes after it. */
  readonly createdRevision: number
  close(): void
}

/**
 * A set of watchers with one output. Memory is bounded: when its reader falls behind, watchers drop what
 * they hold and later read it again from the store's history.
 */
export interface WatchStream extends AsyncIterable<readonly WatchResponse[]>, AsyncDisposable {
  /**
   * Adds a watcher. Its responses come after this call returned.
   *
   * @throws StoreError `STORE_WATCH_ID_IN_USE`, `STORE_WATCH_RANGE_EMPTY`
   */
  create(request: WatcherRequest): { readonly watchId: number; readonly revision: number }
  /** Removes a watcher; nothing of it is delivered afterwards. False when there is none. */
  cancel(watchId: number): boolean
  /** Asks for one `progress` response for the whole stream, as soon as all its watchers are caught up. */
  requestProgress(): void
  /** Asks for a `progress` response for one watcher if it is caught up now; else does nothing. */
  progress(watchId: number): void
  readonly size: number
  close(): void
}

export interface Leases {
  /**
   * @param request `id` 0 or absent: the store chooses one. `ttlMs` is raised to the store's minimum.
   * @throws LeaseError `LEASE_EXISTS`, `LEASE_TTL_TOO_LARGE`
   * @throws StoreError `STORE_NO_SPACE`
   */
  grant(
    request: { readonly ttlMs: number; readonly id?: bigint | undefined },
    options?: CallOptions,
  ): Promise<{ readonly id: bigint; readonly ttlMs: number; readonly revision: number }>
  /**
   * Deletes the lease and its keys.
   *
   * @throws LeaseError `LEASE_NOT_FOUND`
   */
  revoke(id: bigint, options?: CallOptions): Promise<{ readonly revision: number }>
  /**
   * Restarts the lease's time to live. Writes nothing to the log.
   *
   * @throws LeaseError `LEASE_NOT_FOUND`
   */
  keepAlive(id: bigint, options?: CallOptions): Promise<{ readonly ttlMs: number }>
  /** Undefined when there is no such lease. */
  timeToLive(
    id: bigint,
    options?: CallOptions & { readonly keys?: boolean | undefined },
  ): Promise<LeaseTimeToLive | undefined>
  /** All leases, next to expire first. */
  list(options?: CallOptions): Promise<readonly bigint[]>
}

export interface LeaseTimeToLive {
  readonly grantedMs: number
  /** Not below 0. */
  readonly remainingMs: number
  /** In order of key; present when asked for. */
  readonly keys?: readonly Uint8Array[] | undefined
}

export interface CompactRequest {
  readonly revision: number
  /** Resolves only after the space is free again, not as soon as the revisions are unreachable. */
  readonly physical?: boolean | undefined
}

export interface HashKvResult {
  /** CRC-32C. */
  readonly hash: number
  /** The revision hashed up to. */
  readonly hashRevision: number
  readonly compactRevision: number
  /** The store's revision. */
  readonly revision: number
}

export interface Snapshot extends AsyncIterable<Uint8Array> {
  readonly revision: number
  /** An estimate before the end, for progress bars. Unit: bytes. */
  readonly sizeBytes: number
}

/** - `noSpace`: the quota is exhausted, writes that need space are refused
 *  - `corrupt`: members disagree, writes are refused */
export type AlarmType = 'noSpace' | 'corrupt'

export interface Alarm {
  readonly memberId: bigint
  readonly type: AlarmType
}

/** Conditions that need an operator. They survive restarts until they are disarmed. */
export interface Alarms {
  list(): readonly Alarm[]
  /** @param alarm `memberId` 0: this member */
  activate(alarm: Alarm, options?: CallOptions): Promise<readonly Alarm[]>
  /** Returns what was disarmed. @param alarm `memberId` 0: every member */
  deactivate(alarm: Alarm, options?: CallOptions): Promise<readonly Alarm[]>
}
