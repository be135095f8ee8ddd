import { invariant } from '@orrery/environment'
import { advanceCommit } from './commitment.ts'
import type { Membership, MembershipChange } from './membership.ts'
import { isVoter } from './membership.ts'
import { changeMembership } from './membership-change.ts'
import { leaveJointAutomatically } from './proposing.ts'
import { answerConfirmed } from './reading.ts'
import { becomeFollower } from './roles.ts'
import type { RaftState } from './state.ts'

/**
 * The host applies the oldest membership entry that it was handed: the change is in force from here on, and
 * the entry counts as applied, so that a snapshot header made now fits.
 */
export function applyMembership(state: RaftState, change: MembershipChange | undefined): Membership {
  const index = state.deliveredChanges.shift()
  invariant(index !== undefined, 'a membership entry was handed out before it is applied')
  // A snapshot that was installed meanwhile has it already.
  if (index <= state.membershipIndex) return state.membership
  if (change !== undefined) {
    const result = changeMembership(state.membership, change)
    invariant(result.ok, 'a committed membership change fits the membership')
    state.membership = result.membership
  }
  state.membershipIndex = index
  state.log.applyTo(index)
  if (state.role === 'leader') leadUnder(state, state.membership)
  return state.membership
}

/** The host has applied entries up to `index`. */
export function applied(state: RaftState, index: number): void {
  // What lies after `index` the host may still apply, even if a snapshot covers it that is not durable yet.
  forgetChanges(state, Math.min(index, state.membershipIndex))
  const [next] = state.deliveredChanges
  invariant(next === undefined || next > index, 'applyMembership comes before applied')
  state.log.applyTo(index)
  leaveJointAutomatically(state)
}

/** Membership entries up to `index` need not be applied any more. */
export function forgetChanges({ deliveredChanges }: RaftState, index: number): void {
  while ((deliveredChanges[0] ?? Infinity) <= index) deliveredChanges.shift()
}

/** A leader that is no voter any more has done its last duty: the change is committed. Raft, section 6. */
function leadUnder(state: RaftState, membership: Membership): void {
  const { id, tracker, log, ticks, transfer } = state
  if (!isVoter(membership, id)) {
    becomeFollower(state, { term: state.term, leaderId: 0n })
    return
  }
  tracker.track(membership, { next: log.lastIndex + 1, tick: ticks })
  if (transfer !== undefined && !isVoter(membership, transfer.target)) state.transfer = undefined
  // A smaller majority may have what a larger one lacked.
  advanceCommit(state)
  answerConfirmed(state)
}
