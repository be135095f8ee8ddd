import { invariant } from '@orrery/environment'
import { type MemberId, type Membership, type MembershipChange, changeMembership } from '@orrery/raft'

/** What a change should lead to: a committed one is always valid. */
export function afterChange(before: Membership, change: MembershipChange): Membership {
  const result = changeMembership(before, change)
  invariant(result.ok, 'a committed membership change fits the membership')
  return result.membership
}

/** Everybody in a membership, in any order, those who are to be learners included. */
export function allOf({ voters, outgoingVoters, learners }: Membership): MemberId[] {
  return [...voters, ...outgoingVoters.filter((id) => !voters.includes(id)), ...learners]
}
