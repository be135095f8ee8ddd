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

/** A membership of nobody: what a member that joins a cluster begins with. */
export const emptyMembership: Membership = {
  voters: [],
  outgoingVoters: [],
  learners: [],
  nextLearners: [],
  leavesAutomatically: false,
}

/** A membership outside of joint consensus. Sorts, and drops duplicates; a voter is no learner. */
export function createMembership({
  voters,
  learners = [],
}: {
  readonly voters: readonly MemberId[]
  readonly learners?: readonly MemberId[]
}): Membership {
  const voting = new Set(voters)
  return {
    ...emptyMembership,
    voters: sortedIds(voting),
    learners: sortedIds(learners.filter((id) => !voting.has(id))),
  }
}

/** Everybody who receives the log, in order of id. */
export function membersOf({ voters, outgoingVoters, learners }: Membership): MemberId[] {
  return sortedIds([...voters, ...outgoingVoters, ...learners])
}

/** Whether a member is counted, in either half of joint consensus. */
export function isVoter({ voters, outgoingVoters }: Membership, id: MemberId): boolean {
  return voters.includes(id) || outgoingVoters.includes(id)
}

/** Whether a member receives the log. */
export function isMember(membership: Membership, id: MemberId): boolean {
  return isVoter(membership, id) || membership.learners.includes(id)
}

/** Sorted by value, without duplicates: ids must not reach any output in another order. */
export function sortedIds(ids: Iterable<MemberId>): MemberId[] {
  return [...new Set(ids)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
}

/**
 * Why this cannot be a membership; undefined: it can.
 *
 * Invariant of every membership: lists are sorted, without duplicates and without 0; learners are no voters;
 * next learners are outgoing voters that are neither voters nor learners; without voters there is nobody at
 * all; outside of joint consensus nothing of it is left.
 */
export function membershipFlaw(membership: Membership): string | undefined {
  const { voters, outgoingVoters, learners, nextLearners, leavesAutomatically } = membership
  for (const list of [voters, outgoingVoters, learners, nextLearners]) {
    let previous = 0n
    for (const id of list) {
      if (id <= previous) return 'ids are not sorted, not unique or not positive'
      previous = id
    }
  }
  if (learners.some((id) => isVoter(membership, id))) return 'a learner is a voter'
  if (nextLearners.some((id) => !outgoingVoters.includes(id) || voters.includes(id))) {
    return 'a next learner is no outgoing voter, or stays a voter'
  }
  if (voters.length === 0 && outgoingVoters.length + learners.length > 0) return 'there are no voters'
  if (outgoingVoters.length === 0 && leavesAutomatically) return 'leaves joint consensus without being in it'
  return undefined
}
