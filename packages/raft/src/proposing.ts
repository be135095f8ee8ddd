import { hasCode } from '@orrery/environment'
import type { EntryType } from './entry.ts'
import { isMember } from './membership.ts'
import { changeMembership } from './membership-change.ts'
import { decodeMembershipChange, encodeMembershipChange } from './membership-codec.ts'
import type { Proposal, Propose } from './message.ts'
import type { ProposeResult } from './raft.ts'
import { appendEntry, emptyPayload } from './roles.ts'
import type { RaftState } from './state.ts'

/** The host wants something to be in the log. All of it, or nothing. */
export function propose(state: RaftState, proposals: readonly Proposal[]): ProposeResult {
  const { id: from, leaderId, term } = state
  if (!isMember(state.membership, from)) return { ok: false, reason: 'notMember' }
  if (state.role === 'leader') return appendProposals(state, proposals)
  if (leaderId === 0n || !state.options.forwardsProposals) return { ok: false, reason: 'noLeader' }
  state.send({ type: 'propose', from, to: leaderId, term: 0, proposals })
  return { ok: true, firstIndex: 0, term }
}

/** A follower hands proposals on. Nobody tells it when they are refused: they may get lost on the way as well. */
export function handlePropose(state: RaftState, { proposals }: Propose): void {
  if (state.role === 'leader') appendProposals(state, proposals)
}

/** The leader leaves joint consensus as soon as the membership says so, and whatever else waits. */
export function leaveJointAutomatically(state: RaftState): void {
  if (state.role !== 'leader' || !state.membership.leavesAutomatically) return
  if (state.log.appliedIndex < state.pendingMembershipIndex) return
  state.pendingMembershipIndex = appendEntry(state, 'membership', leaveJointPayload).index
}

const leaveJointPayload = encodeMembershipChange({ steps: [], transition: 'auto', context: emptyPayload })

function appendProposals(state: RaftState, proposals: readonly Proposal[]): ProposeResult {
  if (state.transfer !== undefined) return { ok: false, reason: 'transferring' }
  let bytes = 0
  for (const { payload } of proposals) bytes += payload.length
  const { uncommittedBytes, options, term, log } = state
  // Nothing but payloads is counted, and what carries none goes through: it ends what others wait for. So does
  // a single large proposal: refused once, it would be refused for ever.
  if (uncommittedBytes > 0 && bytes > 0 && uncommittedBytes + bytes > options.uncommittedMaxBytes) {
    return { ok: false, reason: 'tooManyUncommitted' }
  }
  const firstIndex = log.lastIndex + 1
  for (const { type, payload } of proposals) {
    if (type === 'membership') appendMembership(state, payload)
    else appendEntry(state, type, payload)
  }
  return { ok: true, firstIndex, term }
}

/**
 * One change at a time: the next is accepted when the last one is applied here. What is not valid becomes an
 * empty entry, because the others of its batch have their indexes already.
 */
function appendMembership(state: RaftState, payload: Uint8Array): void {
  const isPending = state.pendingMembershipIndex > state.log.appliedIndex
  const type: EntryType = isPending || !isValidChange(state, payload) ? 'empty' : 'membership'
  const { index } = appendEntry(state, type, type === 'empty' ? emptyPayload : payload)
  if (type === 'membership') state.pendingMembershipIndex = index
}

function isValidChange({ membership }: RaftState, payload: Uint8Array): boolean {
  try {
    return changeMembership(membership, decodeMembershipChange(payload)).ok
  } catch (error) {
    // Forwarded by another member, whose host may be of another version.
    if (hasCode(error, 'RAFT_MEMBERSHIP_MALFORMED')) return false
    throw error
  }
}
