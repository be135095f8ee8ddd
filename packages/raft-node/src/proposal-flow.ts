import { invariant } from '@orrery/environment'
import type { Entry, MemberId, Propose, Proposal, Raft, Snapshot } from '@orrery/raft'
import { NodeError } from './errors.ts'
import { ForwardedFilter } from './forwarded-filter.ts'
import type { NodeOptions } from './options.ts'
import type { Transport } from './ports.ts'
import { headerOf, type NodeProposal, ownPayload, proposalHeadroomBytes } from './proposal.ts'
import { ProposalBook } from './proposal-book.ts'

export interface ProposalFlowParts {
  readonly memberId: MemberId
  readonly raft: Raft
  readonly transport: Transport
  /** Unique in the life of the cluster. */
  readonly session: bigint
  readonly options: Required<NodeOptions>
}

/** How long the leader may be silent about a proposal before it is sent again. Unit: ms. */
const resendMs = 500

/** The way of proposals into the log: this member's own when it leads, else that of the leader. */
export class ProposalFlow<P extends NodeProposal> {
  readonly #parts: ProposalFlowParts
  readonly #book: ProposalBook<P>
  readonly #filter = new ForwardedFilter()

  constructor(parts: ProposalFlowParts) {
    this.#parts = parts
    this.#book = new ProposalBook(parts.session)
  }

  /** @throws NodeError `NODE_TOO_MANY_PROPOSALS` */
  add(proposal: P, nowMs: number): void {
    invariant(proposal.payload.length >= proposalHeadroomBytes, 'a payload leaves room at its front')
    const { proposalsMax, proposalsMaxBytes, requestTimeoutMs } = this.#parts.options
    if (this.#book.size >= proposalsMax || this.#book.bytes + proposal.payload.length > proposalsMaxBytes) {
      throw new NodeError('NODE_TOO_MANY_PROPOSALS', `${this.#book.size} proposals wait`)
    }
    const { role, term } = this.#parts.raft
    this.#book.add(proposal, { expiresMs: nowMs + requestTimeoutMs, term: role === 'leader' ? term : 0 })
  }

  /** Hands on what waits. What the leader refuses, or nobody can take, goes on waiting. */
  flush(nowMs: number): void {
    if (!this.#book.hasQueued) return
    const { role, term, leaderId } = this.#parts.raft
    this.#book.refuseTermOver(role === 'leader' ? term : undefined)
    if (role === 'leader') this.#append()
    else if (leaderId !== 0n) this.#send(this.#book.forward(term, nowMs))
  }

  /**
   * Another member forwards proposals. They are accepted in the term for which they were sent, or not at all:
   * their sender counts on it.
   */
  receive({ term, proposals }: Propose): void {
    const { raft } = this.#parts
    if (raft.role !== 'leader' || raft.term !== term) return
    const accepted: Proposal[] = []
    for (const proposal of proposals) {
      const header = headerOf(proposal.payload)
      if (proposal.type !== 'command' || header?.kind !== 'forwarded') continue
      if (this.#filter.isNew(header.origin, term)) accepted.push(proposal)
    }
    // Refused: they are sent again.
    if (accepted.length === 0 || !raft.propose(accepted).ok) return
    for (const { payload } of accepted) {
      const header = headerOf(payload)
      if (header?.kind === 'forwarded') this.#filter.appended(header.origin, term)
    }
  }

  /** An entry is about to be applied: the proposal behind it, if it is one of these. */
  take(entry: Entry): P | undefined {
    return this.#book.take(entry)
  }

  /** The state was replaced by a snapshot. */
  installed(snapshot: Snapshot): void {
    this.#book.installed(snapshot)
  }

  /** Sends again what the leader may not have heard, and answers those who have waited too long. */
  tick(nowMs: number): void {
    this.#book.expire(nowMs)
    this.#send(this.#book.resend(this.#parts.raft.term, nowMs - resendMs, nowMs))
  }

  rejectAll(error: Error): void {
    this.#book.rejectAll(error)
  }

  #append(): void {
    const queued = this.#book.queued()
    const result = this.#parts.raft.propose(
      queued.map(({ payload }) => ({ type: 'command', payload: ownPayload(payload) }) as const),
    )
    if (result.ok) this.#book.appended(queued.length, result.firstIndex, result.term)
  }

  #send(payloads: readonly Uint8Array[]): void {
    const { raft, transport, memberId } = this.#parts
    const { leaderId, term, role } = raft
    if (payloads.length === 0 || leaderId === 0n || role === 'leader') return
    const proposals = payloads.map((payload) => ({ type: 'command', payload }) as const)
    transport.send([{ type: 'propose', from: memberId, to: leaderId, term, proposals }])
  }
}
