import { invariant } from '@orrery/environment'
import { campaign, handleTimeoutNow, handleVote, handleVoteResponse } from './election.ts'
import { answerStale, handleAppend, handleHeartbeat, handleSnapshot } from './following.ts'
import type { Append, Heartbeat, Message, SnapshotMessage } from './message.ts'
import { beginRound, sendHeartbeats } from './heartbeats.ts'
import { handlePropose } from './proposing.ts'
import { handleReadIndex, handleReadIndexResponse } from './reading.ts'
import { handleAppendResponse, handleHeartbeatResponse } from './replication.ts'
import { becomeFollower } from './roles.ts'
import type { RaftState } from './state.ts'
import { beginTransfer, expireTransfer } from './transfer.ts'

/** The switch over all that may arrive. */
export function step(state: RaftState, message: Message): void {
  if (message.to !== state.id || message.from === state.id || !agreesOnTerm(state, message)) return
  switch (message.type) {
    case 'preVote':
    case 'vote':
      handleVote(state, message)
      return
    case 'preVoteResponse':
    case 'voteResponse':
      handleVoteResponse(state, message)
      return
    case 'append':
      follow(state, message)
      handleAppend(state, message)
      return
    case 'heartbeat':
      follow(state, message)
      handleHeartbeat(state, message)
      return
    case 'snapshot':
      follow(state, message)
      handleSnapshot(state, message)
      return
    case 'appendResponse':
      if (state.role === 'leader') handleAppendResponse(state, message)
      return
    case 'heartbeatResponse':
      if (state.role === 'leader') handleHeartbeatResponse(state, message)
      return
    case 'timeoutNow':
      handleTimeoutNow(state, message)
      return
    case 'transferLeadership':
      if (state.role === 'leader') beginTransfer(state, message.target)
      return
    case 'propose':
      handlePropose(state, message)
      return
    case 'readIndex':
      handleReadIndex(state, message)
      return
    case 'readIndexResponse':
      handleReadIndexResponse(state, message)
  }
}

/** One unit of logical time. */
export function tick(state: RaftState): void {
  state.ticks++
  state.droppedReads.push(...state.forwardedReads.expire(state.ticks - state.options.electionTimeoutTicks))
  if (state.role === 'leader') tickLeader(state)
  else tickFollower(state)
}

function tickFollower(state: RaftState): void {
  state.electionElapsed++
  // Asked each time: a learner becomes a voter without hearing anything.
  if (state.electionElapsed < state.electionTimeout || !state.isPromotable) return
  state.electionElapsed = 0
  campaign(state, { isTransfer: false })
}

function tickLeader(state: RaftState): void {
  const { options, tracker, ticks } = state
  const self = tracker.get(state.id)
  if (self !== undefined) self.heardTick = ticks
  if (options.checkQuorum && ticks - tracker.quorumHeardTick() >= options.electionTimeoutTicks) {
    becomeFollower(state, { term: state.term, leaderId: 0n })
    return
  }
  expireTransfer(state)
  state.heartbeatElapsed++
  if (state.heartbeatElapsed < options.heartbeatTicks) return
  state.heartbeatElapsed = 0
  // A lease is a round of heartbeats that was confirmed, whether it had reads or not.
  if (options.reads === 'lease') beginRound(state)
  sendHeartbeats(state)
}

/** Compares terms, before anything else is looked at. Raft, section 5.1. False: the message has no effect. */
function agreesOnTerm(state: RaftState, message: Message): boolean {
  if (carriesNoTerm(message) || message.term === state.term) return true
  if (message.term < state.term) {
    answerEarlierTerm(state, message)
    return false
  }
  if ((message.type === 'preVote' || message.type === 'vote') && isHeld(state, message)) return false
  // A wish to campaign in a later term, and the consent to it, do not begin that term.
  if (message.type === 'preVote') return true
  if (message.type === 'preVoteResponse' && message.isGranted) return true
  const leads = message.type === 'append' || message.type === 'heartbeat' || message.type === 'snapshot'
  becomeFollower(state, { term: message.term, leaderId: leads ? message.from : 0n })
  return true
}

function carriesNoTerm({ type }: Message): boolean {
  return type === 'propose' || type === 'readIndex' || type === 'transferLeadership'
}

/** Who hears a leader elects no other, unless the leader wants it. Raft, section 6; thesis, section 4.2.3. */
function isHeld(state: RaftState, message: Message): boolean {
  if (message.type === 'vote' && message.isTransfer) return false
  const { leaderId, electionElapsed, ticks } = state
  const { checkQuorum, reads, electionTimeoutTicks } = state.options
  if (!checkQuorum) return false
  // Before a restart it may have heard a leader, who counts on it.
  if (reads === 'lease' && ticks < electionTimeoutTicks) return true
  return leaderId !== 0n && electionElapsed < electionTimeoutTicks
}

/**
 * With `preVote` or `checkQuorum` nobody disturbs a leader by campaigning: so a leader, or a candidate, that is
 * behind is told, or it would never learn of the later term. Nor does a member that may not campaign, or on probation
 * finds nobody to vote for it, ever bring its later term to anybody otherwise.
 */
function answerEarlierTerm(state: RaftState, { type, from }: Message): void {
  const { id, term, options } = state
  const isOnProbation = state.probation !== undefined
  if (type === 'preVote')
    state.send({ type: 'preVoteResponse', from: id, to: from, term, isGranted: false, isOnProbation })
  else if (type === 'append' || type === 'heartbeat' || type === 'snapshot') {
    if (options.checkQuorum || options.preVote || isOnProbation || !state.isPromotable)
      answerStale(state, from)
  }
}

/** There is one leader in a term: whoever speaks as such is followed. Raft, section 5.2. */
function follow(state: RaftState, { from, term }: Append | Heartbeat | SnapshotMessage): void {
  invariant(
    state.role !== 'leader' && (state.leaderId === 0n || state.leaderId === from),
    'two leaders in a term',
  )
  if (state.role !== 'follower') becomeFollower(state, { term, leaderId: from })
  state.leaderId = from
  state.electionElapsed = 0
}
