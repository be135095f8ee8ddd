import { type Environment, hasCode, type Timer } from '@orrery/environment'
import type { NodeProposal, RaftNode } from '@orrery/raft-node'
import { StoreError } from '../errors.ts'
import { hashHistory } from '../history-hash.ts'
import type { HashKvResult } from '../store.ts'
import type { StoreEngine } from '../store-engine.ts'
import type { CorruptionCheckOptions } from './corruption-options.ts'
import { findDiffering, unknownMember } from './corruption-verdict.ts'
import { decodeAnswer, encodeRequest, type HashAnswer, type HashRequest } from './peer-requests.ts'

export interface CorruptionCheckParts {
  readonly environment: Environment
  readonly node: RaftNode<NodeProposal>
  readonly engine: StoreEngine
  /** How long another member may take to answer. Unit: ms. */
  readonly requestTimeoutMs: number
}

/** What another member answered. */
type PeerHash = HashAnswer & { readonly memberId: bigint }

/** Compactions whose hashes are kept to be compared. */
const compactionsMax = 10
/** Hashing reads everything that a member has. Unit: ms. */
const hashMaxMs = 60_000

/**
 * Finds out whether all members hold the same: they should, since they applied the same entries. When one does not,
 * the leader raises the `corrupt` alarm through the log, and nobody takes writes any more.
 *
 * Source: etcd 3.6, `corruptionChecker`. Other than there, a majority names the member that is wrong in every check.
 */
export class CorruptionCheck {
  readonly #parts: CorruptionCheckParts
  readonly #options: Required<CorruptionCheckOptions>
  readonly #timers = new Set<Timer>()
  /** Taken just before each compaction, oldest first. */
  readonly #compactions: HashKvResult[] = []
  #isHashingCompaction = false
  /** Compactions up to this revision were compared with all members. */
  #comparedRevision = 0
  #isStopped = false

  constructor(parts: CorruptionCheckParts, options: Required<CorruptionCheckOptions>) {
    this.#parts = parts
    this.#options = options
  }

  start(): void {
    const { intervalMs, compactionIntervalMs } = this.#options
    if (intervalMs > 0) this.#repeat(intervalMs, () => this.#compareHistories())
    if (compactionIntervalMs === 0) return
    this.#parts.engine.onCompacting = (revision) => void this.#hashCompaction(revision)
    this.#repeat(compactionIntervalMs, () => this.#compareCompactions())
  }

  /** Checks nothing more. Safe to call twice. */
  stop(): void {
    this.#isStopped = true
    for (const timer of this.#timers) timer.cancel()
  }

  /** Answers another member. */
  async answer({ revision }: HashRequest): Promise<HashAnswer> {
    const known = this.#compactions.find(({ hashRevision }) => hashRevision === revision)
    const { hash, compactRevision } = known ?? (await this.#hash(revision))
    return { type: 'hash', hash, compactRevision, revision: this.#parts.engine.state.mvcc.revision }
  }

  /**
   * Compares this member with those that it reaches, before it serves.
   *
   * @throws StoreError `STORE_CORRUPT`
   */
  async requireSame(): Promise<void> {
    if (!this.#options.atStart) return
    const { node, environment } = this.#parts
    try {
      await node.readBarrier()
    } catch (error) {
      environment.logger.warn('this member could not be compared with the others', { error })
      return
    }
    const own = await this.#hash(0)
    const differing = this.#findDiffering(own, await this.#askOthers(own.hashRevision))
    if (differing.length > 0) environment.logger.error('members hold different histories', { differing })
    if (!differing.some((id) => id === unknownMember || id === node.identity.memberId)) return
    throw new StoreError(
      'STORE_CORRUPT',
      `this member holds another history than others at revision ${own.hashRevision}`,
    )
  }

  /** Compares, at one revision, what all members hold now. */
  async #compareHistories(): Promise<void> {
    const { node, engine } = this.#parts
    const own = await this.#hash(0)
    const others = await this.#askOthers(own.hashRevision)
    await node.readBarrier()
    const { revision, compactRevision } = engine.state.mvcc
    // Nobody can have more than what is committed by now.
    const ahead = others.filter(
      (other) => other.revision > revision || other.compactRevision > compactRevision,
    )
    const differing = this.#findDiffering(own, others)
    await this.#raise(new Set([...differing, ...ahead.map(({ memberId }) => memberId)]))
  }

  /** Compares the newest compaction that all members can tell of; those before went into it. */
  async #compareCompactions(): Promise<void> {
    const { node } = this.#parts
    const left = this.#compactions.filter(({ hashRevision }) => hashRevision > this.#comparedRevision)
    for (const own of left.reverse()) {
      const others = await this.#askOthers(own.hashRevision)
      const differing = this.#findDiffering(own, others)
      await this.#raise(new Set(differing))
      const compared = others.filter(({ compactRevision }) => compactRevision === own.compactRevision)
      if (differing.length === 0 && compared.length < node.members().length - 1) continue
      this.#comparedRevision = own.hashRevision
      return
    }
  }

  /** Begins in the turn of the call, in which the compaction takes effect. */
  async #hashCompaction(revision: number): Promise<void> {
    // One at a time, so that hashing keeps up: what is left out here is not compared.
    if (this.#isHashingCompaction) return
    this.#isHashingCompaction = true
    try {
      const hashed = await this.#hash(revision)
      this.#compactions.push(hashed)
      if (this.#compactions.length > compactionsMax) this.#compactions.shift()
    } catch (error) {
      this.#report(error)
    } finally {
      this.#isHashingCompaction = false
    }
  }

  #findDiffering(own: HashKvResult, others: readonly PeerHash[]): readonly bigint[] {
    const { node } = this.#parts
    // After another compaction, other parts of the history count.
    const comparable = others.filter(({ compactRevision }) => compactRevision === own.compactRevision)
    const hashes = [{ memberId: node.identity.memberId, hash: own.hash }, ...comparable]
    return findDiffering(hashes, node.members().length)
  }

  async #raise(memberIds: ReadonlySet<bigint>): Promise<void> {
    const { engine, environment } = this.#parts
    for (const memberId of memberIds) {
      environment.logger.error('members hold different histories', {
        memberId: memberId === unknownMember ? 'unknown' : memberId.toString(16),
      })
      const isKnown = engine.state.alarms.some((one) => one.type === 'corrupt' && one.memberId === memberId)
      if (isKnown) continue
      const alarm = { type: 'alarm', action: 'activate', alarm: 'corrupt', memberId } as const
      await engine.propose(alarm, { isLeaderOnly: true })
    }
  }

  /** All that answer. One that is behind, or has compacted more, has nothing to compare. */
  async #askOthers(revision: number): Promise<readonly PeerHash[]> {
    const { node } = this.#parts
    const others = node.members().filter(({ id }) => id !== node.identity.memberId)
    const answers = await Promise.all(others.map(({ id }) => this.#ask(id, revision)))
    return answers.filter((answer) => answer !== undefined)
  }

  async #ask(memberId: bigint, revision: number): Promise<PeerHash | undefined> {
    const { node, environment, requestTimeoutMs } = this.#parts
    const timeout = new AbortController()
    const timer = environment.clock.setTimer(requestTimeoutMs + hashMaxMs, () => timeout.abort())
    const request: HashRequest = { type: 'hash', revision }
    try {
      const bytes = await node.request(memberId, encodeRequest(request), { signal: timeout.signal })
      const answer = decodeAnswer('hash', bytes)
      return answer.type === 'hash' ? { ...answer, memberId } : undefined
    } catch (error) {
      environment.logger.info('a member has no hash to compare', { memberId: memberId.toString(16), error })
      return undefined
    } finally {
      timer.cancel()
    }
  }

  #hash(revision: number): Promise<HashKvResult> {
    const { engine } = this.#parts
    return hashHistory(
      {
        mvcc: engine.state.mvcc,
        holdCompaction: () => engine.compactor.hold(),
        nextTurn: () => engine.nextTurn(undefined),
      },
      revision,
    )
  }

  #repeat(intervalMs: number, check: () => Promise<void>): void {
    const { clock } = this.#parts.environment
    const timer = clock.setTimer(intervalMs, () => {
      this.#timers.delete(timer)
      void this.#asLeader(check).finally(() => {
        if (!this.#isStopped) this.#repeat(intervalMs, check)
      })
    })
    this.#timers.add(timer)
  }

  async #asLeader(check: () => Promise<void>): Promise<void> {
    const { node, engine } = this.#parts
    if (engine.lifecycle.state !== 'open' || node.status().role !== 'leader') return
    try {
      await check()
    } catch (error) {
      this.#report(error)
    }
  }

  #report(error: unknown): void {
    if (this.#isStopped || hasCode(error, 'STORE_CLOSED')) return
    this.#parts.environment.logger.warn('members could not be compared', { error })
  }
}
