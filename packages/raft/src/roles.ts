import { invariant } from '@orrery/environment'
import type { Entry, EntryType, MemberId } from './entry.ts'
import type { RaftState } from './state.ts'

/** A payload of nothing. */
export const emptyPayload = new Uint8Array()

/** Follows `leaderId`, 0: whoever speaks first, in `term`. Raft, figure 2, Rules for Servers. */
export function becomeFollower(
  state: RaftState,
  { term, leaderId }: { readonly term: number; readonly leaderId: MemberId },
): void {
  reset(state, term)
  state.role = 'follower'
  state.leaderId = leaderId
}

/** Asks whether an election could be won. Changes nothing that others could see. Raft thesis, section 9.6. */
export function becomePreCandidate(state: RaftState): void {
  reset(state, state.term)
  state.role = 'preCandidate'
}

/** Begins a new term and votes for itself. Raft, section 5.2. */
export function becomeCandidate(state: RaftState, { isTransfer }: { readonly isTransfer: boolean }): void {
  reset(state, state.term + 1)
  state.role = 'candidate'
  state.vote = state.id
  state.candidacy = { after: state.syncNumber, isTransfer }
}

/** Leads, from an empty entry on: it commits whatever earlier terms left. Raft, sections 5.4.2 and 8. */
export function becomeLeader(state: RaftState): void {
  const { log, tracker } = state
  reset(state, state.term)
  state.role = 'leader'
  state.leaderId = state.id
  // What it has lost, nobody who voted has: its log is the log.
  state.probation = undefined
  tracker.track(state.membership, { next: log.lastIndex + 1, tick: state.ticks })
  appendEntry(state, 'empty', emptyPayload)
  // Changes of earlier terms may be among the entries that are not applied. And a change must follow an entry
  // of this term: else two leaders could change the same membership in two ways (D. Ongaro, raft-dev, 2015).
  state.pendingMembershipIndex = log.lastIndex
  leaderPersisted(state)
}

/** Adds an entry of this term to the leader's log. */
export function appendEntry(state: RaftState, type: EntryType, payload: Uint8Array): Entry {
  const entry: Entry = { index: state.log.lastIndex + 1, term: state.term, type, payload }
  state.log.append(entry)
  state.uncommittedBytes += payload.length
  return entry
}

/** A leader counts itself only as far as its own log is durable. */
export function leaderPersisted(state: RaftState): void {
  const self = state.tracker.get(state.id)
  self?.acknowledge(state.log.durableIndex)
}

function reset(state: RaftState, term: number): void {
  invariant(term >= state.term, 'terms do not decrease')
  if (term > state.term) {
    state.term = term
    state.vote = 0n
  }
  state.leaderId = 0n
  state.electionElapsed = 0
  state.heartbeatElapsed = 0
  state.redrawTimeout()
  state.votes = new Map()
  state.candidacy = undefined
  state.tracker.clear()
  state.transfer = undefined
  state.isLeaseBroken = false
  state.pendingMembershipIndex = 0
  state.uncommittedBytes = 0
  dropReads(state)
}

/** Reads that were asked of a leader which is gone. A later answer must not count for them. */
export function dropReads(state: RaftState): void {
  for (const { context, from } of state.rounds.clear()) {
    if (from === state.id) state.droppedReads.push(context)
  }
  state.droppedReads.push(...state.forwardedReads.clear())
}
