import type { Environment } from '@orrery/environment'
import { ApplyLoop } from './apply-loop.ts'
import { BackgroundWork } from './background-work.ts'
import type { Cluster } from './cluster/cluster.ts'
import { localCluster } from './cluster/local-cluster.ts'
import type { Command } from './command.ts'
import { Compactor } from './compactor.ts'
import { StoreError } from './errors.ts'
import { LeaseKeeper } from './lease-keeper.ts'
import { closedError, Lifecycle } from './lifecycle.ts'
import type { StoreOptions } from './options.ts'
import type { CommitLog, StoreBackend } from './ports.ts'
import { type ProposeOptions, Proposer } from './proposer.ts'
import { Quota } from './quota.ts'
import type { CommandResult, StateMachine } from './state-machine.ts'
import type { CallOptions, Leases, ReadOptions, StoreStatus } from './store.ts'
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
  /** Absent: the store keeps to one process. */
  readonly cluster?: Cluster
  /** Where the log stands. Absent: this member has a log of its own, and always leads. */
  readonly position?: () => LogStanding
  /** The term of that. */
  readonly term?: () => number
  /** What clients may do with leases, where the leader is another member. */
  readonly leases?: (keeper: () => LeaseKeeper) => Leases
}

/** The present state, and where it is kept. */
interface StoreData {
  readonly state: StateMachine
  readonly backend: StoreBackend
}

/** Where the log stands, and who leads. */
export type LogStanding = Pick<StoreStatus, 'leaderId' | 'isLearner' | 'term' | 'commitIndex'>

/** When so much waits in the backend, entries and compaction wait for it. Unit: bytes. */
const backendPendingMaxBytes = 67_108_864
/** Revisions that one slice reads for watchers that are behind. */
const watchStepRevisions = 500

/**
 * What runs in a store, and its end. Commands go into the log, and take effect when the log commits them;
 * watchers, leases and compaction follow what took effect.
 *
 * ```text
 * propose -> Proposer -> CommitLog -> ApplyLoop -> StateMachine -> StoreBackend
 *                                         |-> answers, WatchStreams, LeaseKeeper, Compactor
 * ```
 */
export class StoreEngine {
  readonly identity: Identity
  readonly options: Required<StoreOptions>
  readonly lifecycle = new Lifecycle()
  readonly cluster: Cluster
  readonly leases: Leases
  readonly watchStreams: WatchStreams
  readonly compactor: Compactor
  readonly quota: Quota
  readonly #environment: Environment
  readonly #position: (() => LogStanding) | undefined
  readonly #term: (() => number) | undefined
  #data: StoreData
  #leaseKeeper: LeaseKeeper
  readonly #log: CommitLog
  readonly #releaseParts: () => Promise<void>
  readonly #proposer: Proposer
  readonly #applyLoop: ApplyLoop
  readonly #background: BackgroundWork
  #drained: Promise<void> | undefined
  /** What is older than the revision is about to be unreachable: in the turn in which that happens. */
  onCompacting: ((revision: number) => void) | undefined

  constructor(parts: StoreParts, options: Required<StoreOptions>) {
    this.identity = parts.identity
    this.options = options
    this.#data = { state: parts.state, backend: parts.backend }
    this.#position = parts.position
    this.#term = parts.term
    this.cluster = parts.cluster ?? localCluster(parts.identity.memberId)
    this.#environment = parts.environment
    this.#log = parts.log
    this.#releaseParts = parts.release
    this.#applyLoop = this.#createApplyLoop()
    this.#proposer = new Proposer({
      lifecycle: this.lifecycle,
      log: parts.log,
      requestMaxBytes: options.requestMaxBytes,
    })
    this.watchStreams = this.#createWatchStreams()
    this.compactor = new Compactor({
      data: () => this.#data,
      isCongested: () => this.#congested,
      kick: () => this.#background.kick(),
    })
    this.#leaseKeeper = this.#createLeaseKeeper()
    this.leases = parts.leases?.(() => this.#leaseKeeper) ?? this.#leaseKeeper
    this.quota = this.#createQuota()
    this.#background = new BackgroundWork({
      clock: parts.environment.clock,
      turnMaxMs: options.turnMaxMs,
      steps: [
        () => this.compactor.step(),
        () => this.#watchSyncStep(),
        () => this.#leaseKeeper.promoteStep(),
      ],
    })
    parts.log.onCommit = () => this.#applyLoop.commit()
    parts.log.onFailure = (error) => this.#fail(error)
    this.#listen(this.#data)
    // Who has a log of its own always leads.
    if (parts.position === undefined) this.#leaseKeeper.promote(0)
    this.#background.kick()
  }

  get state(): StateMachine {
    return this.#data.state
  }

  get backend(): StoreBackend {
    return this.#data.backend
  }

  /** The term of {@link position}. */
  get term(): number {
    return this.#term === undefined ? 1 : this.#term()
  }

  /** Where the log stands, and who leads: a local store leads itself. */
  get position(): LogStanding & { readonly appliedIndex: number } {
    const { appliedIndex } = this.state
    if (this.#position !== undefined) return { ...this.#position(), appliedIndex }
    const { memberId } = this.identity
    return { leaderId: memberId, isLearner: false, term: 1, commitIndex: this.#log.commitIndex, appliedIndex }
  }

  /**
   * This member leads from now on: it decides which leases are overdue.
   *
   * @param extendMs for every lease, since nobody could renew while there was no leader
   */
  lead(extendMs: number): void {
    this.#leaseKeeper.promote(extendMs)
  }

  /** Another member leads, or nobody. */
  follow(): void {
    this.#leaseKeeper.demote()
  }

  /**
   * Goes on with another state, restored and further ahead, in the place of the present one. Watchers go on where
   * they are. Returns the backend that is not needed any more.
   */
  replace(state: StateMachine, backend: StoreBackend): StoreBackend {
    const { state: oldState, backend: oldBackend } = this.#data
    oldBackend.onFailure = undefined
    oldBackend.onDurable = undefined
    this.#leaseKeeper.stop()
    this.#data = { state, backend }
    this.#listen(this.#data)
    state.mvcc.adoptWatchStreams(oldState.mvcc)
    this.#leaseKeeper = this.#createLeaseKeeper()
    this.#serveWatchers()
    this.#background.kick()
    return oldBackend
  }

  /** The member fails for a reason that is not the disk's. */
  fail(cause: Error): void {
    this.#fail(cause)
  }

  /**
   * Resolves when the state holds every write that was acknowledged before this call; undefined: it does now.
   *
   * @throws StoreError `STORE_TIMED_OUT`
   */
  readBarrier(options: ReadOptions): Promise<void> | undefined {
    return options.serializable === true ? undefined : this.#log.readBarrier(options)
  }

  /** See {@link Proposer.propose}. */
  propose(command: Command, options?: ProposeOptions): Promise<CommandResult> {
    return this.#proposer.propose(command, options)
  }

  /** @throws when the signal says so, or StoreError `STORE_CLOSED` */
  requireReadable({ signal }: CallOptions): void {
    signal?.throwIfAborted()
    this.lifecycle.requireOpen()
  }

  /** Lets others run. Rejects when the work is to be abandoned. */
  async nextTurn(signal: AbortSignal | undefined): Promise<void> {
    await new Promise<void>((resolve) => this.#environment.clock.defer(resolve))
    this.requireReadable({ signal })
  }

  /** Resolves when everything that was applied is durable in the backend. */
  async flush(): Promise<void> {
    try {
      await this.backend.flush()
    } catch (cause) {
      // The backend has told so before it rejects.
      this.lifecycle.requireNoFailure()
      throw new StoreError('STORE_FAILED', 'the backend could not be flushed', { cause })
    }
  }

  /** Refuses new calls, and waits for the writes in flight: a cluster in which all members end needs all of them. */
  async finishWrites(): Promise<void> {
    if (this.lifecycle.state !== 'closed') this.lifecycle.close()
    this.#leaseKeeper.stop()
    await this.#applyLoop.idle()
  }

  close(): Promise<void> {
    return (this.#drained ??= this.#drain())
  }

  #createApplyLoop(): ApplyLoop {
    return new ApplyLoop({
      clock: this.#environment.clock,
      log: this.#log,
      state: () => this.state,
      turnMaxMs: this.options.turnMaxMs,
      isCongested: () => this.#congested,
      onApplied: (command) => this.#applied(command),
      onSlice: () => this.#serveWatchers(),
    })
  }

  #createWatchStreams(): WatchStreams {
    return new WatchStreams({
      clock: this.#environment.clock,
      openStream: () => this.state.mvcc.openWatchStream(),
      revision: () => this.state.mvcc.revision,
      kick: () => this.#serveWatchers(),
    })
  }

  #createLeaseKeeper(): LeaseKeeper {
    return new LeaseKeeper({
      environment: this.#environment,
      lessor: this.state.lessor,
      revokeMaxKeys: this.options.leaseRevokeMaxKeys,
      revision: () => this.state.mvcc.revision,
      propose: (command, options) => this.propose(command, options),
      requireOpen: () => this.lifecycle.requireOpen(),
      requireSpace: () => this.quota.requireLease(),
      kick: () => this.#background.kick(),
    })
  }

  #createQuota(): Quota {
    const { memberId } = this.identity
    return new Quota({
      quotaBytes: this.options.quotaBytes,
      backend: () => this.backend,
      isExhausted: () => this.state.isActive('noSpace'),
      exhaust: async () => this.propose({ type: 'alarm', action: 'activate', alarm: 'noSpace', memberId }),
    })
  }

  /** Whether what is written now would only wait in memory. */
  get #congested(): boolean {
    return this.backend.pendingBytes > backendPendingMaxBytes
  }

  #listen({ state, backend }: StoreData): void {
    state.onCompacting = (revision) => this.onCompacting?.(revision)
    backend.onFailure = (error) => this.#fail(error)
    backend.onDurable = (index) => this.#backendDurable(index)
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

  #serveWatchers(): void {
    this.#wakeWatchers()
    if (this.state.mvcc.watchersUnsynced) this.#background.kick()
  }

  #wakeWatchers(): void {
    const ready = this.state.mvcc.takeReadyStreams()
    if (ready.length > 0) this.watchStreams.wake(ready)
  }

  #watchSyncStep(): boolean {
    const more = this.state.mvcc.watchSyncStep(watchStepRevisions)
    this.#wakeWatchers()
    return more
  }

  /** The disk has failed: nothing that waits will ever be durable, and nothing more is accepted. */
  #fail(cause: Error): void {
    const failure = this.lifecycle.fail(cause)
    if (failure === undefined) return
    this.#environment.logger.error('the store has failed', { error: cause })
    this.#applyLoop.stop(failure)
    this.compactor.stop(failure)
    this.#background.stop()
    this.#leaseKeeper.stop()
  }

  async #drain(): Promise<void> {
    await this.finishWrites()
    this.#background.stop()
    this.watchStreams.close(closedError())
    this.compactor.stop(closedError())
    await this.#log.close().catch((error: unknown) => this.#reportClosing(error))
    await this.backend.close().catch((error: unknown) => this.#reportClosing(error))
    await this.#releaseParts()
    this.lifecycle.closed()
  }

  #reportClosing(error: unknown): void {
    this.#environment.logger.warn('a part of the store did not close in good order', { error })
  }
}
