import type { MemberId } from './entry.ts'
import type { Position } from './log.ts'
import type { Append, Heartbeat, SnapshotMessage } from './message.ts'
import { isMember } from './membership.ts'
import type { RaftState } from './state.ts'

/** Raft, figure 2, AppendEntries. */
export function handleAppend(state: RaftState, message: Append): void {
  const { log, probation } = state
  const { from, previousIndex, previousTerm, entries, commitIndex } = message
  if (probation?.hear(message) === 'reset') {
    requestReset(state, from)
    return
  }
  // A log may begin without the membership that its first entries were committed by. Who took part in none yet
  // takes it from a snapshot; else it might take itself for the only voter.
  if (log.lastIndex === 0 && state.membership.voters.length === 0) {
    reject(state, { to: from, index: previousIndex, hint: { index: 0, term: 0 } })
    return
  }
  if (previousIndex < log.commitIndex) {
    // A late one. What is committed is the same everywhere.
    accept(state, from, log.commitIndex)
    return
  }
  if (log.termAt(previousIndex) !== previousTerm) {
    const hint = log.highestMatch({ index: previousIndex, term: previousTerm })
    reject(state, { to: from, index: previousIndex, hint })
    return
  }
  log.merge(entries)
  const lastIndex = previousIndex + entries.length
  // Not the last entry of the log: what follows may not be the leader's.
  log.commitTo(Math.min(commitIndex, lastIndex))
  accept(state, from, lastIndex)
}

/** Raft, figure 2: a heartbeat is an append without entries; this one needs no match. */
export function handleHeartbeat(state: RaftState, { from, commitIndex, round }: Heartbeat): void {
  const { id, term, log } = state
  // What the leader takes for known may be what was lost.
  if (state.probation === undefined) log.commitTo(commitIndex)
  else if (state.probation.hearHeartbeat(term) === 'reset') requestReset(state, from)
  state.send({ type: 'heartbeatResponse', from: id, to: from, term, round })
}

/** Raft, section 7, InstallSnapshot; the state itself is with the host. */
export function handleSnapshot(state: RaftState, { from, snapshot }: SnapshotMessage): void {
  const { log } = state
  if (log.termAt(snapshot.index) === snapshot.term) {
    // It is in the log: nothing has to be replaced.
    log.commitTo(snapshot.index)
  } else if (snapshot.index > log.commitIndex && isMember(snapshot.membership, state.id)) {
    log.install(snapshot)
    state.membership = snapshot.membership
    state.membershipIndex = snapshot.index
  }
  accept(state, from, log.commitIndex)
}

/** A member that has got back all that it may have lost takes part again. */
export function endProbation(state: RaftState): void {
  const { probation, term, log } = state
  if (probation?.isOver({ term, durableIndex: log.durableIndex }) === true) state.probation = undefined
}

function accept(state: RaftState, to: MemberId, index: number): void {
  const { id: from, term } = state
  state.probation?.matched(index)
  endProbation(state)
  state.pledge({
    type: 'appendResponse',
    from,
    to,
    term,
    index,
    isRejected: false,
    hintIndex: 0,
    hintTerm: 0,
    isLogReset: false,
  })
}

/** Makes the leader forget what this member acknowledged, and look for the common entry again. */
function requestReset(state: RaftState, to: MemberId): void {
  const { lastIndex: index, lastTerm: term } = state.log
  reject(state, { to, index, hint: { index, term } })
}

interface Rejection {
  readonly to: MemberId
  /** The entry that the append follows. */
  readonly index: number
  /** The highest entry that may match. */
  readonly hint: Position
}

function reject(state: RaftState, { to, index, hint }: Rejection): void {
  const { id: from, term } = state
  state.send({
    type: 'appendResponse',
    from,
    to,
    term,
    index,
    isRejected: true,
    hintIndex: hint.index,
    hintTerm: hint.term,
    isLogReset: state.probation !== undefined,
  })
}

/** Tells a leader of an earlier term that it is over, which nobody else may get to do. */
export function answerStale(state: RaftState, to: MemberId): void {
  reject(state, { to, index: 0, hint: { index: 0, term: 0 } })
}
