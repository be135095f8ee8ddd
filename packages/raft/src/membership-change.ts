import type { MemberId } from './entry.ts'
import type { Membership, MembershipChange, MembershipStep } from './membership.ts'
import { sortedIds } from './membership.ts'

/**
 * - `joint`: a change is in progress, which only a change without steps ends
 * - `notJoint`: there is no joint consensus to leave
 * - `noVoters`: nobody would be left to elect, or nobody was there to agree
 */
export type ChangeRefusal = 'joint' | 'notJoint' | 'noVoters'

/** The membership after a change, or why it is refused. */
export type ChangeResult =
  | { readonly ok: true; readonly membership: Membership }
  | { readonly ok: false; readonly reason: ChangeRefusal }

/**
 * Computes the membership that a change leads to. Steps are taken in order, the last one for a member wins,
 * and one that changes nothing is no error: a change that is proposed twice is harmless.
 *
 * Source: Raft, section 6; thesis, sections 4.1 and 4.3; the rules of etcd-io/raft for learners.
 */
export function changeMembership(membership: Membership, change: MembershipChange): ChangeResult {
  const isJoint = membership.outgoingVoters.length > 0
  if (change.steps.length === 0) return isJoint ? leaveJoint(membership) : refused('notJoint')
  if (isJoint) return refused('joint')
  if (change.transition === 'auto' && change.steps.length === 1) return changeDirectly(membership, change)
  return enterJoint(membership, change)
}

/** One step changes at most one voter: any two majorities, of before and after, overlap. */
function changeDirectly(membership: Membership, { steps }: MembershipChange): ChangeResult {
  const draft = new Draft(membership)
  for (const step of steps) draft.take(step)
  return draft.voters.size === 0 ? refused('noVoters') : { ok: true, membership: draft.finish() }
}

function enterJoint(membership: Membership, { steps, transition }: MembershipChange): ChangeResult {
  if (membership.voters.length === 0) return refused('noVoters')
  const draft = new Draft({ ...membership, outgoingVoters: membership.voters })
  for (const step of steps) draft.take(step)
  if (draft.voters.size === 0) return refused('noVoters')
  const leavesAutomatically = transition !== 'jointUntilLeft'
  return { ok: true, membership: { ...draft.finish(), leavesAutomatically } }
}

function leaveJoint({ voters, learners, nextLearners }: Membership): ChangeResult {
  return {
    ok: true,
    membership: {
      voters,
      outgoingVoters: [],
      learners: sortedIds([...learners, ...nextLearners]),
      nextLearners: [],
      leavesAutomatically: false,
    },
  }
}

/** A membership while steps are taken on it. */
class Draft {
  readonly voters: Set<MemberId>
  readonly #outgoing: ReadonlySet<MemberId>
  readonly #learners: Set<MemberId>
  readonly #nextLearners: Set<MemberId>

  constructor(membership: Membership) {
    this.voters = new Set(membership.voters)
    this.#outgoing = new Set(membership.outgoingVoters)
    this.#learners = new Set(membership.learners)
    this.#nextLearners = new Set(membership.nextLearners)
  }

  take({ type, member }: MembershipStep): void {
    this.voters.delete(member)
    this.#learners.delete(member)
    this.#nextLearners.delete(member)
    if (type === 'addVoter') this.voters.add(member)
    // An outgoing voter is still counted: it may become a learner only when joint consensus is left.
    else if (type === 'addLearner') {
      if (this.#outgoing.has(member)) this.#nextLearners.add(member)
      else this.#learners.add(member)
    }
  }

  finish(): Membership {
    return {
      voters: sortedIds(this.voters),
      outgoingVoters: sortedIds(this.#outgoing),
      learners: sortedIds(this.#learners),
      nextLearners: sortedIds(this.#nextLearners),
      leavesAutomatically: false,
    }
  }
}

function refused(reason: ChangeRefusal): ChangeResult {
  return { ok: false, reason }
}
