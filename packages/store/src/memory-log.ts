import type { CommitLog } from './ports.ts'
import { ProposalQueue } from './proposals.ts'

/** Creates a log that commits at once and keeps nothing: for a store that lives in memory. */
export function createMemoryLog(): CommitLog {
  const queue = new ProposalQueue()
  let index = 0
  let scheduled = false
  const log: CommitLog = {
    propose: (_, proposal) => {
      queue.push(++index, proposal)
      // One commit for what a turn proposes.
      if (scheduled) return
      scheduled = true
      queueMicrotask(() => {
        scheduled = false
        log.onCommit?.()
      })
    },
    take: () => queue.take(index),
    applied: () => {},
    get waiting() {
      return queue.size
    },
    rejectAll: (error) => queue.rejectAll(error),
    get commitIndex() {
      return index
    },
    readBarrier: () => undefined,
    onCommit: undefined,
    onIdle: undefined,
    onFailure: undefined,
    release: () => {},
    close: () => Promise.resolve(),
  }
  return log
}
