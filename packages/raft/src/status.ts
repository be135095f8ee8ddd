import { isVoter } from './membership.ts'
import type { Progress } from './progress.ts'
import type { ProgressStatus, RaftStatus } from './raft.ts'
import { isActive } from './replication.ts'
import type { RaftState } from './state.ts'

/** Where a member stands. */
export function statusOf(state: RaftState): RaftStatus {
  const { id, role, term, leaderId, membership, log } = state
  return {
    id,
    role,
    term,
    leaderId,
    commitIndex: log.commitIndex,
    appliedIndex: log.appliedIndex,
    durableIndex: log.durableIndex,
    firstIndex: log.firstIndex,
    lastIndex: log.lastIndex,
    membership,
    isOnProbation: state.probation !== undefined,
    transferTarget: state.transfer?.target ?? 0n,
  }
}

/** What a leader knows of the members. */
export function progressOf(state: RaftState): readonly ProgressStatus[] {
  const rows: ProgressStatus[] = []
  for (const progress of state.tracker.all) rows.push(rowOf(state, progress))
  return rows
}

function rowOf(state: RaftState, progress: Progress): ProgressStatus {
  const { id } = progress
  const isLearner = !isVoter(state.membership, id)
  if (id !== state.id) {
    const { state: phase, match: matchIndex, next: nextIndex } = progress
    return { id, state: phase, matchIndex, nextIndex, isLearner, isActive: isActive(state, progress) }
  }
  const { durableIndex: matchIndex, lastIndex } = state.log
  return { id, state: 'replicate', matchIndex, nextIndex: lastIndex + 1, isLearner, isActive: true }
}
