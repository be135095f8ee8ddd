import type { Environment } from '@orrery/environment'
import {
  type DeleteRangeResult,
  isReadOnly,
  type KeyValue,
  type PutResult,
  type RangeResult,
  type TxnResult,
  validateDeleteRange,
  validatePut,
  validateRange,
  validateTxn,
} from '@orrery/mvcc'
import { abortable } from './abortable.ts'
import { ApplyLoop } from './apply-loop.ts'
import { BackgroundWork } from './background-work.ts'
import type { Command } from './command.ts'
import { CommandEncoder } from './command-codec.ts'
import { StoreError } from './errors.ts'
import { LeaseKeeper } from './lease-keeper.ts'
import type { StoreOptions } from './options.ts'
import type { CommitLog, StoreBackend } from './ports.ts'
import { Quota } from './quota.ts'
import { readRange } from './range-reader.ts'
import { toDeleteRange, toId, toInteger, toPut, toRange, toTxn } from './requests.ts'
import { writeSnapshot } from './snapshot-writer.ts'
import type { CommandResult, StateMachine } from './state-machine.ts'
import type {
  Alarm,
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
} from './store.ts'
import { WatchStreams } from './watch-streams.ts'

/** Who this store is, for headers and alarms. */
export interface Identity {
  readonly clusterId: bigint
  readonly memberId: bigint
}

/** Somebody who waits for the end of a compaction. */
interface CompactWaiter {
  readonly revision: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** What a store is made of. The store owns log and backend: it closes them. */
export interface StoreParts {
  readonly environment: Environment
  readonly identity: Identity
  /** Restored: it holds what backend and log had. */
  readonly state: StateMachine
  readonly log: CommitLog
  readonly backend: StoreBackend
  /** Closes what lies below log and backend, such as the disk they share. */
  readonly release: () => Promise<void>
}

/** When so much waits in the backend, entries and compaction wait for it. Unit: bytes. */
const backendPendingMaxBytes = 67_108_864
/** Slices of long work: revisions hashed, read for watchers, removed by compaction. */
const hashStepRevisions = 2_000
const watchStepRevisions = 500
const compactStepRevisions = 1_000

/**
 * A store on a log of its own: every write is an entry of the log, takes effect when the log commits it, and
 * is answered then. So whatever can be read, or was answered, is durable.
 */
export class StoreCore implements Store {
  readonly #environment: Environment
  readonly #identity: Identity
  readonly #options: Required<StoreOptions>
  readonly #state: StateMachine
  readonly #log: CommitLog
  readonly #backend: StoreBackend
  readonly #releaseParts: () => Promise<void>
  readonly #encoder = new CommandEncoder()
  readonly #applyLoop: ApplyLoop
  readonly #background: BackgroundWork
  readonly #watchStreams: WatchStreams
  readonly #leaseKeeper: LeaseKeeper
  readonly #quota: Quota
  #failure: StoreError | undefined
  #closed: Promise<void> | undefined
  #closing = false
  readonly #compactWaiters: CompactWaiter[] = []

  constructor(parts: StoreParts, options: Required<StoreOptions>) {
    this.#environment = parts.environment
    this.#identity = parts.identity
    this.#options = options
    this.#state = parts.state
    this.#log = parts.log
    this.#backend = parts.backend
    this.#releaseParts = parts.release
    const { clock } = parts.environment
    const { mvcc } = parts.state
    this.#background = new BackgroundWork({
      clock,
      turnMaxMs: options.turnMaxMs,
      steps: [() => this.#compactStep(), () => this.#watchSyncStep(), () => this.#leaseKeeper.promoteStep()],
    })
    this.#applyLoop = new ApplyLoop({
      clock,
      state: parts.state,
      turnMaxMs: options.turnMaxMs,
      isCongested: () => this.#congested,
      onApplied: (command) => this.#applied(command),
      onSlice: () => {
        this.#wakeWatchers()
        if (mvcc.watchersUnsynced) this.#background.kick()
      },
    })
    this.#watchStreams = new WatchStreams({
      clock,
      openStream: () => mvcc.openWatchStream(),
      revision: () => mvcc.revision,
      kick: () => {
        this.#wakeWatchers()
        if (mvcc.watchersUnsynced) this.#background.kick()
      },
    })
    this.#leaseKeeper = new LeaseKeeper({
      environment: parts.environment,
      lessor: parts.state.lessor,
      revokeMaxKeys: options.leaseRevokeMaxKeys,
      revision: () => mvcc.revision,
      propose: (command, callOptions) => this.#propose(command, callOptions),
      requireOpen: () => this.#requireOpen(),
      requireSpace: () => this.#quota.requireLease(),
      kick: () => this.#background.kick(),
    })
    this.#quota = new Quota({
      quotaBytes: options.quotaBytes,
      backend: parts.backend,
      isExhausted: () => parts.state.isActive('noSpace'),
      exhaust: () => this.alarms.activate({ memberId: 0n, type: 'noSpace' }),
    })
    parts.log.onCommit = (index) => this.#applyLoop.commit(index)
    parts.log.onFailure = (error) => this.#fail(error)
    parts.backend.onFailure = (error) => this.#fail(error)
    parts.backend.onDurable = (index) => this.#backendDurable(index)
    this.#leaseKeeper.promote()
    this.#background.kick()
  }

  status(): StoreStatus {
    const { mvcc } = this.#state
    return {
      state: this.#stateName(),
      clusterId: this.#identity.clusterId,
      memberId: this.#identity.memberId,
      leaderId: this.#identity.memberId,
      isLearner: false,
      term: 1,
      commitIndex: this.#log.commitIndex,
      appliedIndex: this.#state.appliedIndex,
      revision: mvcc.revision,
      compactRevision: mvcc.compactRevision,
      keys: mvcc.keys,
      watchers: mvcc.watchers,
      sizeBytes: this.#backend.sizeBytes,
      sizeInUseBytes: this.#backend.sizeInUseBytes,
      quotaBytes: this.#options.quotaBytes,
      alarms: this.#state.alarms,
    }
  }

  async range(request: RangeRequest, options: ReadOptions = {}): Promise<RangeResult> {
    this.#requireReadable(options)
    const range = toRange(request)
    validateRange(range)
    // What is applied includes every write that was answered: the state is linearizable as it is.
    return readRange({ mvcc: this.#state.mvcc, nextTurn: () => this.#nextTurn(options.signal) }, range)
  }

  async get(key: Bytes, options?: ReadOptions): Promise<KeyValue | undefined> {
    const { kvs } = await this.range({ key }, options)
    return kvs[0]
  }

  async put(request: PutRequest, options?: CallOptions): Promise<PutResult> {
    const put = toPut(request)
    validatePut(put)
    this.#quota.requirePut(put)
    return (await this.#propose({ type: 'put', request: put }, options)) as PutResult
  }

  async deleteRange(request: DeleteRangeRequest, options?: CallOptions): Promise<DeleteRangeResult> {
    const deleteRange = toDeleteRange(request)
    validateDeleteRange(deleteRange)
    return (await this.#propose({ type: 'deleteRange', request: deleteRange }, options)) as DeleteRangeResult
  }

  async txn(request: TxnRequest, options: ReadOptions = {}): Promise<TxnResult> {
    const txn = toTxn(request)
    validateTxn(txn, this.#options.txnMaxOps)
    if (isReadOnly(txn)) {
      this.#requireReadable(options)
      return this.#state.mvcc.txn(txn)
    }
    this.#quota.requireTxn(txn)
    return (await this.#propose({ type: 'txn', request: txn }, options)) as TxnResult
  }

  watch(request: WatchRequest, options?: CallOptions): Watch {
    this.#requireOpen()
    return this.#watchStreams.watch(request, options)
  }

  openWatchStream(): WatchStream {
    this.#requireOpen()
    return this.#watchStreams.open()
  }

  get leases(): Leases {
    return this.#leaseKeeper
  }

  async compact(
    { revision, physical }: CompactRequest,
    options?: CallOptions,
  ): Promise<{ revision: number }> {
    await this.#propose({ type: 'compact', revision: toInteger('revision', revision) }, options)
    if (physical === true) {
      await this.#compacted(revision, options)
      await this.flush(options)
    }
    return { revision: this.#state.mvcc.revision }
  }

  async hashKv(
    { revision = 0 }: { revision?: number | undefined } = {},
    options: CallOptions = {},
  ): Promise<HashKvResult> {
    this.#requireReadable(options)
    const { mvcc } = this.#state
    const hashRevision = revision === 0 ? mvcc.revision : revision
    const { compactRevision } = mvcc
    const hashing = mvcc.hashKv(revision)
    const release = this.#holdCompaction()
    try {
      while (hashing.step(hashStepRevisions)) await this.#nextTurn(options.signal)
    } finally {
      release()
    }
    return { hash: hashing.hash, hashRevision, compactRevision, revision: mvcc.revision }
  }

  snapshot(options: CallOptions = {}): Snapshot {
    this.#requireReadable(options)
    return writeSnapshot({
      revision: () => this.#state.mvcc.revision,
      backend: this.#backend,
      holdCompaction: () => this.#holdCompaction(),
      nextTurn: () => this.#nextTurn(options.signal),
    })
  }

  async flush({ signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted()
    this.#requireOpen()
    this.#requireNoFailure()
    await abortable(this.#flushBackend(), signal)
  }

  readonly alarms: Alarms = {
    list: () => this.#state.alarms,
    activate: async ({ memberId, type }, options) => {
      // Which member this is must not depend on who reads the log.
      const member = memberId === 0n ? this.#identity.memberId : toId(memberId)
      const command = { type: 'alarm', action: 'activate', alarm: type, memberId: member } as const
      return (await this.#propose(command, options)) as Alarm[]
    },
    deactivate: async ({ memberId, type }, options) => {
      const command = { type: 'alarm', action: 'deactivate', alarm: type, memberId: toId(memberId) } as const
      return (await this.#propose(command, options)) as Alarm[]
    },
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#drain())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #stateName(): StoreStatus['state'] {
    if (this.#closing) return 'closing'
    if (this.#closed !== undefined) return 'closed'
    return this.#failure === undefined ? 'open' : 'failed'
  }

  #requireReadable({ signal }: CallOptions): void {
    signal?.throwIfAborted()
    this.#requireOpen()
  }

  #requireOpen(): void {
    if (this.#closed !== undefined) throw closedError()
  }

  #requireNoFailure(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Appends a command to the log. Resolves when it is applied. */
  #propose(command: Command, { signal }: CallOptions = {}): Promise<CommandResult> {
    signal?.throwIfAborted()
    this.#requireOpen()
    this.#requireNoFailure()
    const payload = this.#encoder.encode(command)
    if (payload.length > this.#options.requestMaxBytes) {
      throw new StoreError(
        'STORE_REQUEST_TOO_LARGE',
        `a request of ${payload.length} bytes, at most ${this.#options.requestMaxBytes} may be`,
      )
    }
    const index = this.#log.append(payload)
    const answer = new Promise<CommandResult>((resolve, reject) => {
      this.#applyLoop.push({ index, command, resolve, reject })
    })
    return signal === undefined ? answer : abortable(answer, signal)
  }

  /** Whether what is written now would only wait in memory. */
  get #congested(): boolean {
    return this.#backend.pendingBytes > backendPendingMaxBytes
  }

  #backendDurable(index: number): void {
    this.#log.release(index)
    if (this.#congested) return
    this.#applyLoop.resume()
    this.#background.kick()
  }

  #applied(command: Command): void {
    switch (command.type) {
      case 'compact':
        this.#background.kick()
        break
      case 'leaseGrant':
        this.#leaseKeeper.rearm()
        break
      default:
    }
  }

  #wakeWatchers(): void {
    const ready = this.#state.mvcc.takeReadyStreams()
    if (ready.length > 0) this.#watchStreams.wake(ready)
  }

  #watchSyncStep(): boolean {
    const more = this.#state.mvcc.watchSyncStep(watchStepRevisions)
    this.#wakeWatchers()
    return more
  }

  #compactStep(): boolean {
    const { mvcc } = this.#state
    if (this.#congested) return false
    const more = mvcc.compactStep(compactStepRevisions)
    this.#backend.seal(this.#state.appliedIndex)
    const finished = mvcc.compactFinishedRevision
    for (const waiter of this.#compactWaiters.splice(0)) {
      if (waiter.revision <= finished) waiter.resolve()
      else this.#compactWaiters.push(waiter)
    }
    return more
  }

  #compacted(revision: number, { signal }: CallOptions = {}): Promise<void> {
    if (this.#state.mvcc.compactFinishedRevision >= revision) return Promise.resolve()
    const done = new Promise<void>((resolve, reject) => {
      this.#requireNoFailure()
      this.#compactWaiters.push({ revision, resolve, reject })
    })
    return abortable(done, signal)
  }

  async #flushBackend(): Promise<void> {
    try {
      await this.#backend.flush()
    } catch (cause) {
      // The backend has told so before it rejects.
      this.#requireNoFailure()
      throw new StoreError('STORE_FAILED', 'the backend could not be flushed', { cause })
    }
  }

  #holdCompaction(): () => void {
    const release = this.#state.mvcc.holdCompaction()
    return () => {
      release()
      this.#background.kick()
    }
  }

  #nextTurn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#environment.clock.defer(() => {
        if (signal?.aborted === true) reject(signal.reason as Error)
        else if (this.#closed !== undefined) reject(closedError())
        else resolve()
      })
    })
  }

  /** The disk has failed: nothing that waits will ever be durable, and nothing more is accepted. */
  #fail(cause: Error): void {
    if (this.#failure !== undefined) return
    this.#failure = new StoreError('STORE_FAILED', `the disk has failed: ${cause.message}`, { cause })
    this.#environment.logger.error('the store has failed', { error: cause })
    this.#applyLoop.stop(this.#failure)
    for (const { reject } of this.#compactWaiters.splice(0)) reject(this.#failure)
    this.#background.stop()
    this.#leaseKeeper.stop()
  }

  async #drain(): Promise<void> {
    this.#closing = true
    this.#leaseKeeper.stop()
    await this.#applyLoop.idle()
    this.#background.stop()
    this.#watchStreams.close(closedError())
    for (const { reject } of this.#compactWaiters.splice(0)) reject(closedError())
    await this.#log.close().catch((error: unknown) => this.#reportClosing(error))
    await this.#backend.close().catch((error: unknown) => this.#reportClosing(error))
    await this.#releaseParts()
    this.#closing = false
  }

  #reportClosing(error: unknown): void {
    this.#environment.logger.warn('a part of the store did not close in good order', { error })
  }
}

function closedError(): StoreError {
  return new StoreError('STORE_CLOSED', 'the store is closed')
}
