import { type Environment, invariant } from '@orrery/environment'
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
import { BackgroundWork } from './background-work.ts'
import type { Command } from './command.ts'
import { CommandEncoder } from './command-codec.ts'
import { StoreError } from './errors.ts'
import { LeaseKeeper } from './lease-keeper.ts'
import type { StoreOptions } from './options.ts'
import type { CommitLog, StoreBackend } from './ports.ts'
import { ProposalQueue } from './proposals.ts'
import { Quota } from './quota.ts'
import { readRange } from './range-reader.ts'
import { toDeleteRange, toPut, toRange, toTxn } from './requests.ts'
import { writeSnapshot } from './snapshot-writer.ts'
import { type CommandResult, Refusal, type StateMachine } from './state-machine.ts'
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

/** Entries between two looks at the clock. */
const entriesPerLook = 16
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
  readonly #proposals = new ProposalQueue()
  readonly #background: BackgroundWork
  readonly #watchStreams: WatchStreams
  readonly #leaseKeeper: LeaseKeeper
  readonly #quota: Quota
  /** Entries up to here may be applied. */
  #committed: number
  #applyScheduled = false
  #failure: StoreError | undefined
  #closed: Promise<void> | undefined
  #closing = false
  #idle: (() => void) | undefined
  readonly #compactWaiters: { readonly revision: number; readonly resolve: () => void }[] = []

  constructor(parts: StoreParts, options: Required<StoreOptions>) {
    this.#environment = parts.environment
    this.#identity = parts.identity
    this.#options = options
    this.#state = parts.state
    this.#log = parts.log
    this.#backend = parts.backend
    this.#releaseParts = parts.release
    this.#committed = parts.state.appliedIndex
    const { clock } = parts.environment
    const { mvcc } = parts.state
    this.#background = new BackgroundWork({
      clock,
      turnMaxMs: options.turnMaxMs,
      steps: [() => this.#compactStep(), () => this.#watchSyncStep(), () => this.#leaseKeeper.promoteStep()],
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
    parts.log.onCommit = (index) => this.#commit(index)
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
    return readRange({ mvcc: this.#state.mvcc, clock: this.#environment.clock }, range, options.signal)
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
    await this.#propose({ type: 'compact', revision }, options)
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
    const hashRevision = revision > 0 ? revision : mvcc.revision
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
      revision: this.#state.mvcc.revision,
      backend: this.#backend,
      holdCompaction: () => this.#holdCompaction(),
      nextTurn: () => this.#nextTurn(options.signal),
    })
  }

  async flush({ signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted()
    await abortable(this.#backend.flush(), signal)
  }

  readonly alarms: Alarms = {
    list: () => this.#state.alarms,
    activate: async ({ memberId, type }, options) =>
      (await this.#propose({ type: 'alarm', action: 'activate', alarm: type, memberId }, options)) as Alarm[],
    deactivate: async ({ memberId, type }, options) =>
      (await this.#propose(
        { type: 'alarm', action: 'deactivate', alarm: type, memberId },
        options,
      )) as Alarm[],
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#drain())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #stateName(): StoreStatus['state'] {
    if (this.#idle !== undefined || this.#closing) return 'closing'
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

  /** Appends a command to the log. Resolves when it is applied. */
  #propose(command: Command, { signal }: CallOptions = {}): Promise<CommandResult> {
    signal?.throwIfAborted()
    this.#requireOpen()
    if (this.#failure !== undefined) throw this.#failure
    const payload = this.#encoder.encode(command)
    if (payload.length > this.#options.requestMaxBytes) {
      throw new StoreError(
        'STORE_REQUEST_TOO_LARGE',
        `a request of ${payload.length} bytes, at most ${this.#options.requestMaxBytes} may be`,
      )
    }
    const index = this.#log.append(payload)
    const answer = new Promise<CommandResult>((resolve, reject) => {
      this.#proposals.push({ index, command, resolve, reject })
    })
    return signal === undefined ? answer : abortable(answer, signal)
  }

  #commit(index: number): void {
    this.#committed = index
    if (!this.#applyScheduled) this.#apply()
  }

  /** Applies committed entries until the turn is used up, then goes on in the next one. */
  #apply(): void {
    if (this.#failure !== undefined) return
    this.#applyScheduled = false
    const { clock } = this.#environment
    const startMs = clock.nowMs()
    let nowMs = startMs
    for (let applied = 1; ; applied++) {
      const proposal = this.#proposals.take(this.#committed)
      if (proposal === undefined) break
      const result = this.#state.apply(proposal.command, proposal.index, nowMs)
      if (result instanceof Refusal) proposal.reject(result.error)
      else proposal.resolve(result)
      this.#afterApplying(proposal.command)
      if (applied % entriesPerLook !== 0) continue
      nowMs = clock.nowMs()
      if (nowMs - startMs < this.#options.turnMaxMs && !this.#congested) continue
      this.#applyLater()
      break
    }
    this.#wakeWatchers()
    if (this.#state.mvcc.watchersUnsynced) this.#background.kick()
    if (this.#proposals.size === 0) this.#idle?.()
  }

  /** Goes on in a later turn; if the backend lags, when it has caught up. */
  #applyLater(): void {
    this.#applyScheduled = true
    if (!this.#congested) this.#environment.clock.defer(() => this.#apply())
  }

  /** Whether what is written now would only wait in memory. */
  get #congested(): boolean {
    return this.#backend.pendingBytes > backendPendingMaxBytes
  }

  #backendDurable(index: number): void {
    this.#log.release(index)
    if (this.#congested) return
    if (this.#applyScheduled) this.#environment.clock.defer(() => this.#apply())
    this.#background.kick()
  }

  #afterApplying(command: Command): void {
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
    const done = new Promise<void>((resolve) => {
      this.#compactWaiters.push({ revision, resolve })
    })
    return abortable(done, signal)
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
    this.#proposals.rejectAll(this.#failure)
    this.#background.stop()
    this.#leaseKeeper.stop()
    this.#idle?.()
  }

  async #drain(): Promise<void> {
    this.#closing = true
    this.#leaseKeeper.stop()
    if (this.#proposals.size > 0 && this.#failure === undefined) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve
      })
      this.#idle = undefined
    }
    this.#background.stop()
    this.#watchStreams.close(closedError())
    for (const { resolve } of this.#compactWaiters.splice(0)) resolve()
    await this.#log.close().catch((error: unknown) => this.#reportClosing(error))
    await this.#backend.close().catch((error: unknown) => this.#reportClosing(error))
    await this.#releaseParts()
    invariant(this.#proposals.size === 0, 'a closed store owes no answers')
    this.#closing = false
  }

  #reportClosing(error: unknown): void {
    this.#environment.logger.warn('a part of the store did not close in good order', { error })
  }
}

function closedError(): StoreError {
  return new StoreError('STORE_CLOSED', 'the store is closed')
}

/** Stops waiting when the signal says so; what was waited for goes on. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', onAbort)
    })
  })
}
