import type { MemberId } from './entry.ts'

/** Who takes part. Lists are sorted and without duplicates. Raft, section 6; thesis, chapter 4. */
export interface Membership {
  /** Members whose majority elects and commits. */
  readonly voters: readonly MemberId[]
  /**
   * The voters before the change in progress. Unless empty the cluster is in joint consensus: a majority of
   * them is needed, too.
   */
  readonly outgoingVoters: readonly MemberId[]
  /** Members that receive the log and are not counted. Disjoint from both lists of voters. */
  readonly learners: readonly MemberId[]
  /** Outgoing voters that become learners when joint consensus is left. */
  readonly nextLearners: readonly MemberId[]
  /** In joint consensus: the leader leaves it as soon as this membership is applied. */
  readonly leavesAutomatically: boolean
}

/** One step of a {@link MembershipChange}. */
export interface MembershipStep {
  /** `addVoter` promotes a learner, `addLearner` demotes a voter. */
  readonly type: 'addVoter' | 'addLearner' | 'remove'
  readonly member: MemberId
}

/** A change of the membership, as an entry of the log carries it. No steps: leaves joint consensus. */
export interface MembershipChange {
  readonly steps: readonly MembershipStep[]
  /**
   * - `auto`: one step is taken directly; more go through joint consensus, left automatically
   * - `joint`: through joint consensus, left automatically
   * - `jointUntilLeft`: through joint consensus, until a change without steps leaves it
   */
  readonly transition: 'auto' | 'joint' | 'jointUntilLeft'
  /** The host's own, for example name and address of the member. */
  readonly context: Uint8Array
}
