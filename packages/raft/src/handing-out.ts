import type { Entry, HardState } from './entry.ts'
import { flushReads } from './reading.ts'
import type { ReadState, Ready } from './ready.ts'
import { replicate } from './replication.ts'
import type { RaftState } from './state.ts'
import { flushTransfer } from './transfer.ts'

const noReads: readonly ReadState[] = []
const noContexts: readonly number[] = []

/** Collects all that the host must do now. Undefined: nothing. */
export function handOut(state: RaftState): Ready | undefined {
  if (state.role === 'leader') {
    flushReads(state)
    replicate(state)
    flushTransfer(state)
  }
  const { log } = state
  const number = state.batchNumber + 1
  const mustSync = log.hasUnwritten || state.isHardStateUnsynced
  const hardState = takeHardState(state)
  const { snapshot, entries } = log.takeUnwritten(number)
  const ready: Ready = {
    number,
    snapshot,
    entries,
    hardState,
    mustSync,
    messages: state.outbox.take(),
    committed: takeCommitted(state),
    reads: takeReads(state),
    droppedReads: takeDroppedReads(state),
  }
  if (!mustSync && hardState === undefined && isEmpty(ready)) return undefined
  state.batchNumber = number
  if (mustSync) state.handedOutSync()
  return ready
}

function isEmpty({ messages, committed, reads, droppedReads }: Ready): boolean {
  const lists: readonly (readonly unknown[])[] = [messages, committed, reads, droppedReads]
  return lists.every((list) => list.length === 0)
}

/**
 * The commit index goes out in the same batch as the entries that came with it. That which changes of the
 * membership a member knows to be committed is never older than the entries that followed them.
 */
function takeHardState(state: RaftState): HardState | undefined {
  if (!state.isHardStateUnsynced && state.knownCommitIndex === state.handedOut.commitIndex) return undefined
  state.handedOut = state.hardState
  return state.handedOut
}

function takeCommitted(state: RaftState): readonly Entry[] {
  const entries = state.log.takeCommitted(state.options.committedMaxBytes)
  for (const { type, index } of entries) if (type === 'membership') state.deliveredChanges.push(index)
  return entries
}

function takeReads(state: RaftState): readonly ReadState[] {
  if (state.reads.length === 0) return noReads
  const { reads } = state
  state.reads = []
  return reads
}

function takeDroppedReads(state: RaftState): readonly number[] {
  if (state.droppedReads.length === 0) return noContexts
  const { droppedReads } = state
  state.droppedReads = []
  return droppedReads
}
