import type { Entry, HardState, MemberId } from './entry.ts'
import type { Membership, MembershipChange } from './membership.ts'
import type { Message, Proposal } from './message.ts'
import type { Ready } from './ready.ts'

/** What a member starts from: what it had made durable, or nothing. */
export interface RaftStart {
  readonly hardState: HardState
  /** The entry before `entries`: where the log was compacted or a snapshot was installed; 0 in a new log. */
  readonly previousIndex: number
  readonly previousTerm: number
  /** The log, all of it durable. */
  readonly entries: readonly Entry[]
  /** What the state machine has applied, at least `previousIndex`. */
  readonly appliedIndex: number
  /**
   * The membership in force after `appliedIndex`. A member that joins begins with an empty one, and takes it
   * from a snapshot: members with an empty log and membership refuse appends.
   */
  readonly membership: Membership
}

/** - `ok`: proposals are in the leader's log at `firstIndex` and after, or were forwarded to it (index 0)
 *  - `noLeader`: nobody to give them to
 *  - `transferring`: the leader hands over its leadership
 *  - `tooManyUncommitted`: `uncommittedMaxBytes` reached, try again later
 *  - `notMember`: this member was removed or has not joined yet */
export type ProposeResult =
  | { readonly ok: true; readonly firstIndex: number; readonly term: number }
  | { readonly ok: false; readonly reason: 'noLeader' | 'transferring' | 'tooManyUncommitted' | 'notMember' }

/** - `leader`, `follower`: Raft, figure 4
 *  - `preCandidate`: asks whether an election could be won
 *  - `candidate`: asks for votes */
export type Role = 'follower' | 'preCandidate' | 'candidate' | 'leader'

/** What a leader knows of a member. */
export interface ProgressStatus {
  readonly id: MemberId
  /** `probe`: looks for the common entry; `replicate`: streams; `snapshot`: waits for one to be installed. */
  readonly state: 'probe' | 'replicate' | 'snapshot'
  /** The last entry known to be durable there. */
  readonly matchIndex: number
  readonly nextIndex: number
  readonly isLearner: boolean
  /** Heard of within the election timeout. */
  readonly isActive: boolean
}

/** Where a member stands. */
export interface RaftStatus {
  readonly id: MemberId
  readonly role: Role
  readonly term: number
  /** 0: unknown. */
  readonly leaderId: MemberId
  readonly commitIndex: number
  readonly appliedIndex: number
  readonly durableIndex: number
  readonly firstIndex: number
  readonly lastIndex: number
  readonly membership: Membership
  readonly isOnProbation: boolean
  /** The target of a transfer of leadership in progress; 0: none. */
  readonly transferTarget: MemberId
}

/**
 * One member of a Raft group as a deterministic state machine: tell it what happened, then take what it
 * asks for with {@link Raft.ready}. It does no I/O, knows no clock and throws only on bugs of its host or
 * its own (`InvariantError`), after which it must not be used.
 */
export interface Raft {
  readonly id: MemberId
  readonly role: Role
  readonly term: number
  /** 0: unknown. */
  readonly leaderId: MemberId
  readonly commitIndex: number
  readonly appliedIndex: number
  readonly firstIndex: number
  readonly lastIndex: number
  readonly membership: Membership
  status(): RaftStatus
  /** What this leader knows of the members, itself included, in order of id. Empty unless it leads. */
  progress(): readonly ProgressStatus[]
  /** The term of an entry; undefined when it is compacted or not there yet. */
  termAt(index: number): number | undefined

  /** One unit of logical time passed. */
  tick(): void
  /** A message arrived. What is stale, misdirected or from strangers is ignored. */
  step(message: Message): void
  /** Campaigns now, if it may: for tests and for the first member of a cluster. */
  campaign(): void
  propose(proposals: readonly Proposal[]): ProposeResult
  /**
   * Asks for the index at which this member's state answers a linearizable read; it comes in
   * {@link Ready.reads}.
   *
   * @param context chosen by the host, never twice in the life of the member, restarts included
   */
  readIndex(context: number): { readonly ok: boolean }
  /** Hands leadership over; forwarded when this member does not lead. */
  transferLeadership(target: MemberId): void
  /** A follower forgets its leader without a new term, so that it may vote at once. Not with lease reads. */
  forgetLeader(): void
  /** A message to this member could not be delivered. */
  reportUnreachable(id: MemberId): void
  /**
   * The transfer of a state ended. `sent`: the other member's core was told of it. Either way nothing is sent
   * until the member is heard of: a state that failed is not sent again at once.
   */
  reportSnapshot(id: MemberId, outcome: 'sent' | 'failed'): void

  /** What the host must do now; undefined: nothing. */
  ready(): Ready | undefined
  /**
   * All that {@link Ready} batches up to `number` asked to be durable is durable. If a snapshot is among them,
   * the state machine holds it: it counts as applied, and entries before it must not be applied any more.
   */
  persisted(number: number): void
  /** The state machine has applied all entries up to `index`. Once for many entries is enough. */
  applied(index: number): void
  /**
   * Puts a membership change in force, while its entry is being applied: for each `membership` entry once, in
   * order. The entry and all before it count as applied from here on.
   *
   * @param change undefined: the host refuses it (for example a removed id that wants to come back), and the
   * membership stays
   */
  applyMembership(change: MembershipChange | undefined): Membership
  /** Drops the entries up to `index`, which is at most `appliedIndex`. Who needs them gets a snapshot. */
  compact(index: number): void
}
