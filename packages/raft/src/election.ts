import { membersOf } from './membership.ts'
import type { PreVote, PreVoteResponse, TimeoutNow, Vote, VoteResponse } from './message.ts'
import { electionResult, type VoteCast } from './quorum.ts'
import { becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate } from './roles.ts'
import type { RaftState } from './state.ts'

/**
 * Campaigns, if this member may: a member that was out of touch might win with a majority of a membership
 * that is long gone. So it must have applied every change that it knows to be committed.
 *
 * Why that is enough: let the cluster go from membership C0 over C1 to C2. The leader proposes C2 only after
 * it has applied C1, so every append that carries C2 also says that C1 is committed, and a follower makes both
 * durable together (`Ready.hardState` is of the same batch as `Ready.entries`). C2 is committed by a majority
 * of C1, which overlaps every majority of C0. So who wins a majority of C0 has a log at least as good as one
 * that holds C2, holds C2 itself, therefore knows that C1 is committed, and is stopped here.
 */
export function campaign(state: RaftState, { isTransfer }: { readonly isTransfer: boolean }): void {
  if (state.role === 'leader' || !state.isPromotable || state.log.hasUnappliedMembership()) return
  if (state.options.preVote && !isTransfer) canvass(state)
  else becomeCandidate(state, { isTransfer })
}

function canvass(state: RaftState): void {
  becomePreCandidate(state)
  const { id, log } = state
  for (const to of membersOf(state.membership)) {
    if (to === id) continue
    const { lastIndex, lastTerm } = log
    state.send({ type: 'preVote', from: id, to, term: state.term + 1, lastIndex, lastTerm })
  }
  countVote(state, id, ownVote(state))
}

/**
 * A candidate's term, own vote and log are durable: now it may ask for votes. Not earlier: what it says of its
 * log would else be untrue after a crash, while the votes that it got for it, in the same term, still count.
 */
export function requestVotes(state: RaftState): void {
  const { candidacy, id, term, log } = state
  if (candidacy === undefined || candidacy.after > state.persistedNumber) return
  state.candidacy = undefined
  for (const to of membersOf(state.membership)) {
    if (to === id) continue
    const { lastIndex, lastTerm } = log
    state.send({ type: 'vote', from: id, to, term, lastIndex, lastTerm, isTransfer: candidacy.isTransfer })
  }
  countVote(state, id, ownVote(state))
}

function ownVote({ probation }: RaftState): VoteCast {
  return probation === undefined ? 'granted' : 'grantedOnProbation'
}

/** Raft, figure 2, RequestVote; sections 5.2 and 5.4.1. Learners answer, too: they may be voters by now. */
export function handleVote(state: RaftState, message: PreVote | Vote): void {
  const isGranted = grants(state, message)
  const { id: from, term } = state
  const answer = { from, to: message.from, isGranted, isOnProbation: state.probation !== undefined }
  if (message.type === 'preVote') {
    state.send({ type: 'preVoteResponse', ...answer, term: isGranted ? message.term : term })
    return
  }
  const response: VoteResponse = { type: 'voteResponse', ...answer, term }
  if (!isGranted) {
    state.send(response)
    return
  }
  state.vote = message.from
  state.electionElapsed = 0
  state.pledge(response)
}

function grants(state: RaftState, message: PreVote | Vote): boolean {
  if (!state.log.isUpToDate(message) || message.lastIndex < state.knownCommitIndex) return false
  if (message.type === 'preVote' && message.term > state.term) return true
  return state.vote === message.from || (state.vote === 0n && state.leaderId === 0n)
}

/** A vote was cast; who has the votes it needs goes on. */
export function handleVoteResponse(state: RaftState, message: PreVoteResponse | VoteResponse): void {
  if (message.type === 'voteResponse') {
    if (state.role === 'candidate') countVote(state, message.from, castOf(message))
    return
  }
  if (state.role !== 'preCandidate') return
  // A grant is for one term; one for another is the answer to an earlier question.
  if (message.isGranted && message.term !== state.term + 1) return
  countVote(state, message.from, castOf(message))
}

function castOf({ isGranted, isOnProbation }: PreVoteResponse | VoteResponse): VoteCast {
  if (!isGranted) return 'refused'
  return isOnProbation ? 'grantedOnProbation' : 'granted'
}

function countVote(state: RaftState, from: bigint, cast: VoteCast): void {
  if (!state.votes.has(from)) state.votes.set(from, cast)
  switch (electionResult(state.membership, state.votes)) {
    case 'pending':
      return
    case 'lost':
      becomeFollower(state, { term: state.term, leaderId: 0n })
      return
    case 'won':
      if (state.role === 'preCandidate') becomeCandidate(state, { isTransfer: false })
      else becomeLeader(state)
  }
}

/** The leader hands over: campaigns at once, and tells the voters that the leader agrees. */
export function handleTimeoutNow(state: RaftState, message: TimeoutNow): void {
  if (state.role === 'follower' && state.leaderId === message.from) campaign(state, { isTransfer: true })
}
