import { invariant } from '@orrery/environment'
import type { HardState, MemberId } from './entry.ts'
import { ForwardedReads } from './forwarded-reads.ts'
import { RaftLog } from './log.ts'
import type { Membership } from './membership.ts'
import { isVoter, membershipFlaw } from './membership.ts'
import type { Message } from './message.ts'
import type { ResolvedRaftOptions } from './options.ts'
import type { VoteCast } from './quorum.ts'
import type { Pledge } from './outbox.ts'
import { Outbox } from './outbox.ts'
import { Probation } from './probation.ts'
import type { RaftStart, Role } from './raft.ts'
import { ReadRounds } from './read-rounds.ts'
import type { ReadState } from './ready.ts'
import { Tracker } from './tracker.ts'

/** What makes a member. */
export interface RaftParts {
  /** This member's own id, not 0. */
  readonly id: MemberId
  /** What the member starts from. */
  readonly start: RaftStart
  /** An integer, uniform in [0, bound): spreads the election timeouts of a cluster. */
  readonly random: (bound: number) => number
}

/** A leader that hands over. */
export interface Transfer {
  readonly target: MemberId
  /** Unit: ticks. */
  readonly startedTick: number
  isTimeoutNowSent: boolean
}

/** A candidate whose own vote is not durable yet. */
interface Candidacy {
  /** The batch that makes it durable. */
  readonly after: number
  readonly isTransfer: boolean
}

/**
 * All that a member knows. The modules beside this one hold what it does with it; each function there takes
 * the state first.
 */
export class RaftState {
  readonly id: MemberId
  readonly options: ResolvedRaftOptions
  readonly log: RaftLog
  readonly outbox = new Outbox()
  readonly #random: (bound: number) => number

  role: Role = 'follower'
  term: number
  /** Whom this member voted for in `term`; 0: nobody. */
  vote: MemberId
  leaderId: MemberId = 0n

  membership: Membership
  /** The last membership entry, or the snapshot, that `membership` takes into account. */
  membershipIndex: number
  /** Membership entries that were handed out and are not applied, oldest first. */
  readonly deliveredChanges: number[] = []
  probation: Probation | undefined

  /** Age of this member. Unit: ticks. */
  ticks = 0
  /** Since the last election, or the last sign of life of the leader. Unit: ticks. */
  electionElapsed = 0
  /** Campaigns when `electionElapsed` reaches it. Unit: ticks. */
  electionTimeout = 0
  heartbeatElapsed = 0
  /** Votes counted by a candidate. */
  votes = new Map<MemberId, VoteCast>()
  candidacy: Candidacy | undefined

  /** Of a leader. */
  readonly tracker: Tracker
  readonly rounds = new ReadRounds()
  transfer: Transfer | undefined
  /** Somebody may have been told to campaign in spite of all leases. */
  isLeaseBroken = false
  /** No other membership change is accepted before the entry with this index is applied. */
  pendingMembershipIndex = 0
  /** Payload bytes of this term's entries that are not committed. */
  uncommittedBytes = 0

  readonly forwardedReads = new ForwardedReads()
  reads: ReadState[] = []
  droppedReads: number[] = []

  /** Batches handed out, and durable. */
  batchNumber = 0
  persistedNumber = 0
  /** The last batch handed out that held more than a commit index. */
  #syncNumber = 0
  handedOut: HardState

  constructor({ id, start, random }: RaftParts, options: ResolvedRaftOptions) {
    invariant(id > 0n && id < 1n << 64n, 'an id has 64 bits and is not 0')
    this.id = id
    this.options = options
    this.#random = random
    const { hardState, membership, previousIndex, entries, appliedIndex } = start
    this.log = new RaftLog({ ...start, commitIndex: startCommitIndex(start) })
    invariant(appliedIndex >= previousIndex, 'what was compacted is applied')
    invariant(appliedIndex <= previousIndex + entries.length, 'what is applied is in the log')
    invariant(this.log.lastTerm <= hardState.term, 'no entry is of a later term than the member')
    invariant(membershipFlaw(membership) === undefined, 'the membership is sound')
    this.term = hardState.term
    this.vote = hardState.vote
    this.handedOut = hardState
    this.membership = membership
    this.membershipIndex = appliedIndex
    this.probation = hardState.isOnProbation ? new Probation(hardState.commitIndex) : undefined
    this.tracker = new Tracker(options)
    this.redrawTimeout()
  }

  /** Raft, section 5.2: randomised, in [T, 2T - 1] ticks. */
  redrawTimeout(): void {
    const ticks = this.options.electionTimeoutTicks
    this.electionTimeout = ticks + this.#random(ticks)
  }

  get hardState(): HardState {
    return {
      term: this.term,
      vote: this.vote,
      commitIndex: this.knownCommitIndex,
      isOnProbation: this.probation !== undefined,
    }
  }

  /** What this member knows to be committed, its log may end before. */
  get knownCommitIndex(): number {
    return Math.max(this.log.commitIndex, this.probation?.committedIndex ?? 0)
  }

  /** Something else than the commit index differs from what was handed out. */
  get isHardStateUnsynced(): boolean {
    const { term, vote, isOnProbation } = this.handedOut
    return this.term !== term || this.vote !== vote || isOnProbation !== (this.probation !== undefined)
  }

  /** The batch that, once durable, makes durable all that this member knows now; 0: it is already. */
  get syncNumber(): number {
    if (this.log.hasUnwritten || this.isHardStateUnsynced) return this.batchNumber + 1
    return this.#syncNumber > this.persistedNumber ? this.#syncNumber : 0
  }

  /** Batch `batchNumber` holds something to be made durable. */
  handedOutSync(): void {
    this.#syncNumber = this.batchNumber
  }

  /** Whether this member may campaign: not when it knows that its log lacks what is committed. */
  get isPromotable(): boolean {
    return (
      this.knownCommitIndex <= this.log.lastIndex &&
      !this.log.isInstalling &&
      isVoter(this.membership, this.id)
    )
  }

  /** Nobody else has a say. */
  get isSoleVoter(): boolean {
    const { voters, outgoingVoters } = this.membership
    return outgoingVoters.length === 0 && voters.length === 1 && voters[0] === this.id
  }

  /** An entry of this leader's own term is committed, and so it knows all that is committed. Raft, section 8. */
  get hasCommittedInTerm(): boolean {
    return this.log.termAt(this.log.commitIndex) === this.term
  }

  send(message: Message): void {
    this.outbox.send(message)
  }

  /** Sends what is true only once all that happened until now is durable. */
  pledge(message: Pledge): void {
    const after = this.syncNumber
    if (after === 0) this.outbox.send(message)
    else this.outbox.hold({ after, message })
  }
}

/**
 * What is applied was committed, also where the commit index was not written in time. A member on probation
 * may have lost entries of which it still knows that they are committed.
 */
function startCommitIndex({ hardState, previousIndex, entries, appliedIndex }: RaftStart): number {
  const lastIndex = previousIndex + entries.length
  invariant(
    hardState.commitIndex <= lastIndex || hardState.isOnProbation,
    'a committed entry is missing: the log was lost or damaged',
  )
  return Math.min(Math.max(hardState.commitIndex, appliedIndex), lastIndex)
}
