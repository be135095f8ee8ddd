import { invariant } from '@orrery/environment'
import { advanceCommit } from './commitment.ts'
import { campaign, requestVotes } from './election.ts'
import type { MemberId } from './entry.ts'
import { endProbation } from './following.ts'
import { handOut } from './handing-out.ts'
import type { Membership, MembershipChange } from './membership.ts'
import { applied, applyMembership, forgetChanges } from './membership-application.ts'
import type { Message, Proposal } from './message.ts'
import type { RaftOptions } from './options.ts'
import { resolveOptions } from './options.ts'
import { propose } from './proposing.ts'
import type { ProgressStatus, ProposeResult, Raft, RaftStatus, Role } from './raft.ts'
import { readIndex } from './reading.ts'
import type { Ready } from './ready.ts'
import { reportSnapshot, reportUnreachable } from './replication.ts'
import { dropReads, leaderPersisted } from './roles.ts'
import type { RaftParts } from './state.ts'
import { RaftState } from './state.ts'
import { progressOf, statusOf } from './status.ts'
import { step, tick } from './step.ts'
import { transferLeadership } from './transfer.ts'

/**
 * Creates a member from what it had made durable. It does nothing by itself: see {@link Raft}.
 *
 * Source: D. Ongaro and J. Ousterhout, In Search of an Understandable Consensus Algorithm, 2014; D. Ongaro,
 * Consensus: Bridging Theory and Practice, 2014.
 *
 * @throws RaftError `RAFT_OPTION_INVALID`
 */
export function createRaft(parts: RaftParts, options: RaftOptions = {}): Raft {
  return new RaftMember(new RaftState(parts, resolveOptions(options)))
}

class RaftMember implements Raft {
  readonly #state: RaftState

  constructor(state: RaftState) {
    this.#state = state
  }

  get id(): MemberId {
    return this.#state.id
  }
  get role(): Role {
    return this.#state.role
  }
  get term(): number {
    return this.#state.term
  }
  get leaderId(): MemberId {
    return this.#state.leaderId
  }
  get commitIndex(): number {
    return this.#state.log.commitIndex
  }
  get appliedIndex(): number {
    return this.#state.log.appliedIndex
  }
  get firstIndex(): number {
    return this.#state.log.firstIndex
  }
  get lastIndex(): number {
    return this.#state.log.lastIndex
  }
  get membership(): Membership {
    return this.#state.membership
  }

  status(): RaftStatus {
    return statusOf(this.#state)
  }

  progress(): readonly ProgressStatus[] {
    return progressOf(this.#state)
  }

  termAt(index: number): number | undefined {
    return this.#state.log.termAt(index)
  }

  tick(): void {
    tick(this.#state)
  }

  step(message: Message): void {
    step(this.#state, message)
  }

  campaign(): void {
    campaign(this.#state, { isTransfer: false })
  }

  propose(proposals: readonly Proposal[]): ProposeResult {
    return propose(this.#state, proposals)
  }

  readIndex(context: number): { readonly ok: boolean } {
    return readIndex(this.#state, context)
  }

  transferLeadership(target: MemberId): void {
    transferLeadership(this.#state, target)
  }

  forgetLeader(): void {
    const state = this.#state
    // A lease is the promise not to.
    if (state.role !== 'follower' || state.options.reads === 'lease') return
    state.leaderId = 0n
    dropReads(state)
  }

  reportUnreachable(id: MemberId): void {
    reportUnreachable(this.#state, id)
  }

  reportSnapshot(id: MemberId, outcome: 'sent' | 'failed'): void {
    reportSnapshot(this.#state, id, outcome)
  }

  ready(): Ready | undefined {
    return handOut(this.#state)
  }

  persisted(number: number): void {
    const state = this.#state
    invariant(number <= state.batchNumber, 'only batches that were handed out become durable')
    if (number <= state.persistedNumber) return
    state.persistedNumber = number
    state.log.written(number)
    forgetChanges(state, state.log.appliedIndex)
    endProbation(state)
    state.outbox.release(number, state.term)
    requestVotes(state)
    if (state.role !== 'leader') return
    leaderPersisted(state)
    advanceCommit(state)
  }

  applied(index: number): void {
    applied(this.#state, index)
  }

  applyMembership(change: MembershipChange | undefined): Membership {
    return applyMembership(this.#state, change)
  }

  compact(index: number): void {
    this.#state.log.compact(index)
  }
}
