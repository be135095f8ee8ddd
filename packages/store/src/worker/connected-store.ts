import type { MessagePort } from 'node:worker_threads'
import type { Logger } from '@orrery/environment'
import type { DeleteRangeResult, KeyValue, PutResult, RangeResult, TxnResult } from '@orrery/mvcc'
import type { Cluster } from '../cluster/cluster.ts'
import { closedError } from '../lifecycle.ts'
import { toDeleteRange, toPut, toRange, toTxn } from '../requests.ts'
import type {
  Alarms,
  Bytes,
  CallOptions,
  CompactRequest,
  DeleteRangeRequest,
  HashKvResult,
  Leases,
  PutRequest,
  RangeRequest,
  ReadOptions,
  Snapshot,
  Store,
  StoreStatus,
  TxnRequest,
  Watch,
  WatchRequest,
  WatchStream,
} from '../store.ts'
import type { OpenReader, ReaderHost } from './connected-reader.ts'
import { connectedSnapshot } from './connected-snapshot.ts'
import { ConnectedWatchStream, openWatch } from './connected-watches.ts'
import { type SharedStatus, sharedStatusReader } from './shared-status.ts'
import { ThreadCalls } from './thread-calls.ts'

/** What the host needs to reach a store in another thread. */
export interface ConnectedStoreParts {
  readonly port: MessagePort
  /** Where the thread writes the status: see `allocateSharedStatus`. */
  readonly status: SharedArrayBuffer
  readonly logger: Logger
  /** Ends the thread, after its store was closed. */
  readonly release: () => Promise<void>
}

/** A store in another thread, as its host sees it. Its calls are those of {@link Store}; nothing of it is here. */
export class ConnectedStore implements Store {
  readonly #calls: ThreadCalls
  readonly #readStatus: () => SharedStatus
  readonly #release: () => Promise<void>
  readonly #readers = new Set<OpenReader>()
  readonly #readerHost: ReaderHost
  #lastReader = 0
  #watchers = 0
  #closed: Promise<void> | undefined

  constructor({ port, status, logger, release }: ConnectedStoreParts) {
    this.#calls = new ThreadCalls({ port, logger })
    this.#readStatus = sharedStatusReader(status)
    this.#release = release
    this.#readerHost = this.#createReaderHost()
  }

  /** Resolves when the store is open in its thread. */
  opened(): Promise<void> {
    return this.#calls.opened
  }

  /** Resolves when the cluster knows of the member. */
  published(): Promise<void> {
    return this.#calls.published()
  }

  /** The thread has ended, and nothing of the store is reached any more. */
  fail(cause: unknown): void {
    this.#calls.fail(cause)
    this.#endReaders(this.#calls.failure)
  }

  get term(): number {
    return this.#readStatus().term
  }

  status(): StoreStatus {
    const seen = this.#readStatus()
    const { state } = this.#calls.lifecycle
    // Field by field: servers ask per request.
    return {
      state: state === 'open' ? seen.state : state,
      clusterId: seen.clusterId,
      memberId: seen.memberId,
      leaderId: seen.leaderId,
      isLearner: seen.isLearner,
      term: seen.term,
      commitIndex: seen.commitIndex,
      appliedIndex: seen.appliedIndex,
      revision: seen.revision,
      compactRevision: seen.compactRevision,
      keys: seen.keys,
      // What is under way counts already.
      watchers: seen.watchers - seen.hostWatchers + this.#watchers,
      sizeBytes: seen.sizeBytes,
      sizeInUseBytes: seen.sizeInUseBytes,
      quotaBytes: seen.quotaBytes,
      alarms: this.#calls.alarms,
    }
  }

  async range(request: RangeRequest, options?: ReadOptions): Promise<RangeResult> {
    return await this.#calls.operation({ type: 'range', ...toRange(request) }, options)
  }

  async get(key: Bytes, options?: ReadOptions): Promise<KeyValue | undefined> {
    const { kvs } = await this.range({ key }, options)
    return kvs[0]
  }

  async put(request: PutRequest, options?: CallOptions): Promise<PutResult> {
    return await this.#calls.operation({ type: 'put', ...toPut(request) }, options)
  }

  async deleteRange(request: DeleteRangeRequest, options?: CallOptions): Promise<DeleteRangeResult> {
    return await this.#calls.operation({ type: 'deleteRange', ...toDeleteRange(request) }, options)
  }

  async txn(request: TxnRequest, options?: ReadOptions): Promise<TxnResult> {
    return await this.#calls.operation({ type: 'txn', ...toTxn(request) }, options)
  }

  watch(request: WatchRequest, options: CallOptions = {}): Watch {
    this.#calls.requireServed()
    return openWatch(this.#readerHost, request, options)
  }

  openWatchStream(): WatchStream {
    this.#calls.requireServed()
    return new ConnectedWatchStream(this.#readerHost)
  }

  readonly leases: Leases = {
    grant: ({ ttlMs, id }, options) => this.#calls.call('grant', { ttlMs, id }, options),
    revoke: (id, options) => this.#calls.call('revoke', id, options),
    keepAlive: (id, options) => this.#calls.call('keepAlive', id, options),
    timeToLive: (id, options) => this.#calls.call('timeToLive', { id, keys: options?.keys }, options),
    list: (options) => this.#calls.call('leases', undefined, options),
  }

  async compact(
    { revision, physical }: CompactRequest,
    options?: CallOptions,
  ): Promise<{ revision: number }> {
    return await this.#calls.call('compact', { revision, physical }, options)
  }

  async hashKv(
    { revision }: { revision?: number | undefined } = {},
    options?: CallOptions,
  ): Promise<HashKvResult> {
    return await this.#calls.call('hashKv', revision, options)
  }

  snapshot(options: CallOptions = {}): Snapshot {
    options.signal?.throwIfAborted()
    this.#calls.requireServed()
    return connectedSnapshot(
      {
        ...this.#readerHost,
        pull: (reader, read) => this.#calls.pull(reader, read, options),
        sizeInUseBytes: () => this.#readStatus().sizeInUseBytes,
      },
      options,
    )
  }

  async flush(options?: CallOptions): Promise<void> {
    await this.#calls.call('flush', undefined, options)
  }

  readonly alarms: Alarms = {
    list: () => this.#calls.alarms,
    activate: ({ memberId, type }, options) => this.#calls.call('activate', { memberId, type }, options),
    deactivate: ({ memberId, type }, options) => this.#calls.call('deactivate', { memberId, type }, options),
  }

  readonly cluster: Cluster = {
    members: (options) => this.#calls.call('members', undefined, options),
    add: ({ peerAddresses, isLearner }, options) =>
      this.#calls.call('addMember', { peerAddresses, isLearner }, options),
    remove: (id, options) => this.#calls.call('removeMember', id, options),
    update: (id, peerAddresses, options) => this.#calls.call('updateMember', { id, peerAddresses }, options),
    promote: (id, options) => this.#calls.call('promoteMember', id, options),
    transferLeadership: (to, options) => this.#calls.call('transferLeadership', to, options),
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    await this.#calls.close()
    this.#endReaders(closedError())
    await this.#release()
  }

  #createReaderHost(): ReaderHost {
    return {
      nextNumber: () => ++this.#lastReader,
      command: (command) => this.#calls.reader(command),
      pull: (reader, read) => this.#calls.pull(reader, read),
      revision: () => this.#readStatus().revision,
      watchersChanged: (by) => {
        this.#watchers += by
      },
      opened: (reader) => this.#readers.add(reader),
      ended: (reader) => this.#readers.delete(reader),
    }
  }

  #endReaders(error: unknown): void {
    for (const reader of [...this.#readers]) reader.end(error)
  }
}
