import { invariant } from '@orrery/environment'
import { advanceCommit } from './commitment.ts'
import type { Entry } from './entry.ts'
import type { AppendResponse, HeartbeatResponse } from './message.ts'
import type { Progress } from './progress.ts'
import { handleRoundConfirmed } from './reading.ts'
import type { RaftState } from './state.ts'

const noEntries: readonly Entry[] = []

/**
 * Sends every member what it may be sent now. It runs once per Ready, so that all proposals and all progress
 * since the last one travel in as few messages as possible, and in parallel with the leader's own write.
 */
export function replicate(state: RaftState): void {
  for (const progress of state.tracker.all) {
    if (progress.id !== state.id) replicateTo(state, progress)
  }
}

function replicateTo(state: RaftState, progress: Progress): void {
  const { log } = state
  if (progress.state === 'snapshot' || progress.isPaused) return
  if (progress.needsSnapshot || progress.next < log.firstIndex) {
    sendSnapshot(state, progress)
    return
  }
  if (progress.state === 'probe') {
    sendNext(state, progress)
    return
  }
  while (progress.next <= log.lastIndex && !progress.inflights.isFull) sendNext(state, progress)
  if (progress.isPingDue || isCommitNews(state, progress)) sendAppend(state, progress, noEntries)
}

/** The member has entries of which it does not know that they are committed. */
function isCommitNews({ log }: RaftState, { next, sentCommit }: Progress): boolean {
  return Math.min(log.commitIndex, next - 1) > sentCommit
}

function sendNext(state: RaftState, progress: Progress): void {
  sendAppend(state, progress, state.log.slice(progress.next, state.options.messageMaxBytes))
}

function sendAppend(state: RaftState, progress: Progress, entries: readonly Entry[]): void {
  const { id: from, term, log } = state
  const { id: to } = progress
  const { commitIndex, lastIndex } = log
  const previousIndex = progress.next - 1
  const previousTerm = log.termAt(previousIndex)
  invariant(previousTerm !== undefined, 'the entry before an append is in the log')
  state.send({ type: 'append', from, to, term, previousIndex, previousTerm, entries, commitIndex, lastIndex })
  const lastSent = previousIndex + entries.length
  progress.sentCommit = Math.max(progress.sentCommit, Math.min(commitIndex, lastSent))
  let bytes = 0
  for (const entry of entries) bytes += entry.payload.length
  progress.sent({ lastIndex: lastSent, bytes, count: entries.length })
}

/** A state is expensive: only who was heard of lately gets one. */
function sendSnapshot(state: RaftState, progress: Progress): void {
  const { id: from, term, log, membership } = state
  const index = log.appliedIndex
  if (index === 0 || !isActive(state, progress)) return
  const snapshotTerm = log.termAt(index)
  invariant(snapshotTerm !== undefined, 'a leader has applied what it has compacted')
  const snapshot = { index, term: snapshotTerm, membership }
  state.send({ type: 'snapshot', from, to: progress.id, term, snapshot })
  progress.becomeSnapshot(index)
}

/** Heard of within the election timeout. */
export function isActive({ ticks, options }: RaftState, { heardTick }: Progress): boolean {
  return ticks - heardTick < options.electionTimeoutTicks
}

/** Raft, figure 2, Leaders: moves `match` and `next`, and with them the commit index. */
export function handleAppendResponse(state: RaftState, message: AppendResponse): void {
  const progress = state.tracker.get(message.from)
  if (progress === undefined) return
  progress.heardTick = state.ticks
  if (message.isRejected) handleRejection(state, progress, message)
  else if (message.index <= state.log.lastIndex) handleAcceptance(state, progress, message.index)
}

function handleAcceptance(state: RaftState, progress: Progress, index: number): void {
  // A snapshot was refused by somebody who has nothing.
  if (index === 0) return
  const isNews = progress.acknowledge(index)
  switch (progress.state) {
    case 'probe':
      // An old answer says nothing of the append that looks for the common entry now.
      if (isNews || index === progress.match) progress.becomeReplicate()
      break
    case 'replicate':
      progress.inflights.freeTo(index)
      break
    case 'snapshot':
      // Whichever snapshot it was: the log goes on from there.
      if (progress.match + 1 >= state.log.firstIndex) progress.becomeReplicate()
  }
  if (isNews) advanceCommit(state)
}

/**
 * The logs differ before `index`. Both sides skip whole terms: one round trip per term in which they differ,
 * not one per entry. Raft, section 5.3.
 */
function handleRejection({ log }: RaftState, progress: Progress, message: AppendResponse): void {
  const { index, hintIndex, hintTerm } = message
  const mayMatch = hintTerm === 0 ? hintIndex : log.highestMatch({ index: hintIndex, term: hintTerm }).index
  if (message.isLogReset) progress.forget(Math.min(mayMatch, log.lastIndex))
  else progress.reject({ rejected: index, mayMatch })
}

/** The member is there: what it did not answer may be lost, so that one more append is due. */
export function handleHeartbeatResponse(state: RaftState, message: HeartbeatResponse): void {
  const progress = state.tracker.get(message.from)
  if (progress === undefined) return
  progress.heardTick = state.ticks
  progress.isPaused = false
  if (progress.state === 'replicate' && progress.match < state.log.lastIndex) progress.isPingDue = true
  handleRoundConfirmed(state, message)
}

/** A message to a member got lost: what followed it will be refused, so there is no use in sending ahead. */
export function reportUnreachable({ tracker }: RaftState, id: bigint): void {
  const progress = tracker.get(id)
  if (progress?.state === 'replicate') progress.becomeProbe(progress.match + 1)
}

/** The transfer of a state ended; the next append shows what came of it. */
export function reportSnapshot({ tracker }: RaftState, id: bigint, outcome: 'sent' | 'failed'): void {
  const progress = tracker.get(id)
  if (progress?.state !== 'snapshot') return
  progress.becomeProbe(outcome === 'sent' ? progress.snapshotIndex + 1 : progress.match + 1)
  // The answer to the state itself, or to the next heartbeat, resumes.
  progress.isPaused = true
}
