import { beginRound, sendHeartbeats } from './heartbeats.ts'
import type { HeartbeatResponse, ReadIndex, ReadIndexResponse } from './message.ts'
import type { IndexedRead, PendingRead } from './read-rounds.ts'
import type { RaftState } from './state.ts'

/** The host wants to read. Raft, section 8; thesis, section 6.4. */
export function readIndex(state: RaftState, context: number): { readonly ok: boolean } {
  const { id: from, leaderId } = state
  if (state.role === 'leader') askLeader(state, { context, from })
  else if (leaderId === 0n) return { ok: false }
  else {
    state.forwardedReads.add(context, state.ticks)
    state.send({ type: 'readIndex', from, to: leaderId, term: 0, context })
  }
  return { ok: true }
}

/** A follower's host wants to read. */
export function handleReadIndex(state: RaftState, { context, from }: ReadIndex): void {
  if (state.role === 'leader') askLeader(state, { context, from })
}

/** The leader has answered; a read that was given up stays so. */
export function handleReadIndexResponse(state: RaftState, { context, index }: ReadIndexResponse): void {
  if (state.forwardedReads.answer(context)) state.reads.push({ context, index })
}

/** A member has confirmed that it still followed when a round had begun. */
export function handleRoundConfirmed(state: RaftState, { from, round }: HeartbeatResponse): void {
  const progress = state.tracker.get(from)
  if (progress === undefined || round <= progress.confirmedRound || round > state.rounds.openRound) return
  progress.confirmedRound = round
  answerConfirmed(state)
}

/** Answers the reads whose round a majority has confirmed. */
export function answerConfirmed(state: RaftState): void {
  if (state.rounds.openRound === 0) return
  for (const read of state.rounds.confirm(state.tracker.confirmedRound())) answer(state, read)
}

/** This leader knows what is committed, since an entry of its own is. */
export function askPostponed(state: RaftState): void {
  for (const read of state.rounds.takePostponed()) askLeader(state, read)
}

/** Sends one round of heartbeats for all reads that were asked for since the last. */
export function flushReads(state: RaftState): void {
  if (!state.rounds.isRoundDue) return
  beginRound(state)
  sendHeartbeats(state)
}

function askLeader(state: RaftState, read: PendingRead): void {
  // A new leader has all that is committed, but does not know yet how much that is.
  if (!state.hasCommittedInTerm) {
    state.rounds.postpone(read)
    return
  }
  const indexed: IndexedRead = { ...read, index: state.log.commitIndex }
  if (state.isSoleVoter || hasLease(state)) answer(state, indexed)
  else state.rounds.ask(indexed)
}

/**
 * A majority followed when the heartbeats of a confirmed round were sent, and grants no votes for an election
 * timeout after that, unless the leader itself hands over. Ticks are counted on both sides, each of which may
 * be up to one off.
 */
function hasLease({ options, rounds, ticks, isLeaseBroken }: RaftState): boolean {
  return (
    options.reads === 'lease' &&
    !isLeaseBroken &&
    ticks - rounds.confirmedTick <= options.electionTimeoutTicks - 2
  )
}

function answer(state: RaftState, { context, from, index }: IndexedRead): void {
  const { id, term } = state
  if (from === id) state.reads.push({ context, index })
  else state.send({ type: 'readIndexResponse', from: id, to: from, term, context, index })
}
