import { askPostponed } from './reading.ts'
import type { RaftState } from './state.ts'

/**
 * Commits what a majority has made durable, but counts only entries of the leader's own term: an older one may
 * be on a majority and still be replaced. With one of its own, all before it are committed, too.
 * Raft, section 5.4.2, figure 8.
 */
export function advanceCommit(state: RaftState): void {
  const { log, tracker, term } = state
  const index = tracker.replicatedIndex()
  if (index <= log.commitIndex || log.termAt(index) !== term) return
  const start = log.commitIndex + 1
  const isFirst = !state.hasCommittedInTerm
  log.commitTo(index)
  state.uncommittedBytes -= log.payloadBytes({ start, end: index, term })
  if (isFirst) askPostponed(state)
}
