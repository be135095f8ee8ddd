import { invariant } from '@orrery/environment'
import type { Entry, Snapshot } from '@orrery/raft'
import { NodeError } from './errors.ts'
import { forwardedPayload, headerOf, type NodeProposal } from './proposal.ts'

/** A proposal that waits. */
interface Pending<P> {
  readonly proposal: P
  readonly expiresMs: number
  /** The term in which this member led when it was proposed; 0: it did not lead. */
  readonly bornTerm: number
  /** Of the term in which it was appended or sent; 0: neither. */
  placeTerm: number
  /** Where it is in this member's own log; 0: not there. */
  placeIndex: number
  sequence: number
  sentMs: number
  isSettled: boolean
}

/**
 * The proposals of one member, each until it is known what became of it. None takes effect twice, and none is
 * given up while it may still take effect within its time.
 *
 * A proposal is appended by a leader in one term. Terms only grow along the log: so as soon as an entry of a
 * later term is committed, everything that an earlier term has left in the log lies before it, and a proposal of
 * such a term that has not been seen is lost for sure. Only then it is proposed again.
 */
export class ProposalBook<P extends NodeProposal> {
  readonly #session: bigint
  #queued: Pending<P>[] = []
  /** In the order of the log. */
  #appended: Pending<P>[] = []
  #appendedHead = 0
  readonly #forwarded = new Map<number, Pending<P>>()
  #nextSequence = 1
  /** The term of the last entry that was applied. */
  #lastTerm = 0
  #bytes = 0

  constructor(session: bigint) {
    this.#session = session
  }

  get size(): number {
    return this.#queued.length + this.#appended.length - this.#appendedHead + this.#forwarded.size
  }

  /** Payloads of all proposals that wait. Unit: bytes. */
  get bytes(): number {
    return this.#bytes
  }

  get hasQueued(): boolean {
    return this.#queued.length > 0
  }

  /** @param context `term`: in which this member leads; 0: it does not */
  add(proposal: P, { expiresMs, term }: { readonly expiresMs: number; readonly term: number }): void {
    this.#bytes += proposal.payload.length
    this.#queued.push({
      proposal,
      expiresMs,
      bornTerm: term,
      placeTerm: 0,
      placeIndex: 0,
      sequence: 0,
      sentMs: 0,
      isSettled: false,
    })
  }

  /**
   * Leader-only proposals end here unless this member still leads in the term of their birth.
   *
   * @param term in which this member leads; undefined: it does not
   */
  refuseTermOver(term: number | undefined): void {
    const isOver = ({ proposal, bornTerm }: Pending<P>): boolean =>
      proposal.isLeaderOnly === true && bornTerm !== term
    const over = this.#queued.filter(isOver)
    if (over.length === 0) return
    this.#queued = this.#queued.filter((pending) => !isOver(pending))
    for (const pending of over) this.#reject(pending, termOver())
  }

  /** What is to be proposed next, in order. */
  queued(): readonly P[] {
    return this.#queued.map(({ proposal }) => proposal)
  }

  /** The first `count` that were queued are in this member's own log. */
  appended(count: number, firstIndex: number, term: number): void {
    const taken = this.#queued.splice(0, count)
    let index = firstIndex
    for (const pending of taken) {
      pending.placeTerm = term
      pending.placeIndex = index++
      this.#appended.push(pending)
    }
  }

  /** What is to be sent to the leader of `term` for the first time. */
  forward(term: number, nowMs: number): Uint8Array[] {
    const payloads: Uint8Array[] = []
    const settledBelow = this.#settledBelow()
    for (const pending of this.#queued.splice(0)) {
      pending.placeTerm = term
      pending.sequence = this.#nextSequence++
      this.#forwarded.set(pending.sequence, pending)
      payloads.push(this.#send(pending, settledBelow, nowMs))
    }
    return payloads
  }

  /** What was sent to the leader of `term` before `sentBeforeMs`, and is still not seen in the log. */
  resend(term: number, sentBeforeMs: number, nowMs: number): Uint8Array[] {
    const payloads: Uint8Array[] = []
    const settledBelow = this.#settledBelow()
    for (const pending of this.#forwarded.values()) {
      if (pending.placeTerm !== term || pending.sentMs > sentBeforeMs) continue
      payloads.push(this.#send(pending, settledBelow, nowMs))
    }
    return payloads
  }

  /** An entry is about to be applied: the proposal behind it, if it is one of these. */
  take(entry: Entry): P | undefined {
    if (entry.term !== this.#lastTerm) this.#enterTerm(entry)
    const head = this.#appended[this.#appendedHead]
    if (head?.placeIndex === entry.index) {
      invariant(head.placeTerm === entry.term, 'a proposal that another term replaced was given up')
      this.#dropHead()
      return this.#settle(head)
    }
    if (entry.type !== 'command' || this.#forwarded.size === 0) return undefined
    const header = headerOf(entry.payload)
    if (header?.kind !== 'forwarded' || header.origin.session !== this.#session) return undefined
    const pending = this.#forwarded.get(header.origin.sequence)
    if (pending === undefined) return undefined
    this.#forwarded.delete(header.origin.sequence)
    return this.#settle(pending)
  }

  /** The state was replaced by a snapshot: what it covers may be in it, or not. */
  installed({ index, term }: Snapshot): void {
    const unknown = (): NodeError =>
      new NodeError('NODE_OUTCOME_UNKNOWN', 'the member caught up by a snapshot: the outcome is unknown')
    for (const pending of this.#forwarded.values()) this.#reject(pending, unknown())
    this.#forwarded.clear()
    const kept: Pending<P>[] = []
    for (const pending of this.#appended.slice(this.#appendedHead)) {
      if (pending.placeIndex > index) kept.push(pending)
      else this.#reject(pending, unknown())
    }
    this.#appended = kept
    this.#appendedHead = 0
    this.#lastTerm = term
    this.#giveUpBefore(term)
  }

  /** Answers those who have waited too long. */
  expire(nowMs: number): void {
    const isOver = ({ expiresMs }: Pending<P>): boolean => expiresMs <= nowMs
    // A place in the log is still waited for.
    const over = this.#appended.slice(this.#appendedHead).filter(isOver)
    for (const [sequence, pending] of this.#forwarded) {
      if (!isOver(pending)) continue
      this.#forwarded.delete(sequence)
      over.push(pending)
    }
    over.push(...this.#queued.filter(isOver))
    this.#queued = this.#queued.filter((pending) => !isOver(pending))
    // Whoever is told may propose again at once: only now everything is in its place.
    for (const pending of over) {
      const where = pending.placeTerm === 0 ? 'it was not proposed' : 'it may still take effect'
      this.#reject(pending, new NodeError('NODE_TIMED_OUT', `there was no answer in time: ${where}`))
    }
  }

  /** Answers everybody. */
  rejectAll(error: Error): void {
    for (const pending of [...this.#appended.slice(this.#appendedHead), ...this.#forwarded.values()]) {
      this.#reject(pending, error)
    }
    for (const pending of this.#queued) this.#reject(pending, error)
    this.#appended = []
    this.#appendedHead = 0
    this.#forwarded.clear()
    this.#queued = []
  }

  #enterTerm({ term }: Entry): void {
    this.#lastTerm = term
    this.#giveUpBefore(term)
  }

  /** What was proposed in a term before this one, and is not in the log by now, never will be. */
  #giveUpBefore(term: number): void {
    const lost: Pending<P>[] = []
    const kept: Pending<P>[] = []
    for (const pending of this.#appended.slice(this.#appendedHead)) {
      ;(pending.placeTerm < term ? lost : kept).push(pending)
    }
    this.#appended = kept
    this.#appendedHead = 0
    for (const [sequence, pending] of this.#forwarded) {
      if (pending.placeTerm >= term) continue
      this.#forwarded.delete(sequence)
      lost.push(pending)
    }
    const again: Pending<P>[] = []
    for (const pending of lost) {
      if (pending.isSettled) continue
      pending.placeTerm = 0
      pending.placeIndex = 0
      if (pending.proposal.isLeaderOnly === true) this.#reject(pending, termOver())
      else again.push(pending)
    }
    this.#queued = [...again, ...this.#queued]
  }

  #send(pending: Pending<P>, settledBelow: number, nowMs: number): Uint8Array {
    pending.sentMs = nowMs
    const origin = { session: this.#session, sequence: pending.sequence, settledBelow }
    return forwardedPayload(pending.proposal.payload, origin)
  }

  /** The oldest that may be sent again. */
  #settledBelow(): number {
    for (const sequence of this.#forwarded.keys()) return sequence
    return this.#nextSequence
  }

  #dropHead(): void {
    this.#appendedHead++
    if (this.#appendedHead === this.#appended.length) {
      this.#appended = []
      this.#appendedHead = 0
    } else if (this.#appendedHead >= 4_096 && this.#appendedHead * 2 > this.#appended.length) {
      this.#appended = this.#appended.slice(this.#appendedHead)
      this.#appendedHead = 0
    }
  }

  #settle(pending: Pending<P>): P | undefined {
    if (pending.isSettled) return undefined
    pending.isSettled = true
    this.#bytes -= pending.proposal.payload.length
    return pending.proposal
  }

  #reject(pending: Pending<P>, error: Error): void {
    if (pending.isSettled) return
    pending.isSettled = true
    this.#bytes -= pending.proposal.payload.length
    pending.proposal.reject(error)
  }
}

function termOver(): NodeError {
  return new NodeError('NODE_TERM_OVER', 'this member does not lead any more: nothing was done')
}
