import type { CommitLog } from './ports.ts'

/** Creates a log that commits at once and keeps nothing: for a store that lives in memory. */
export function createMemoryLog(): CommitLog {
  let index = 0
  let scheduled = false
  const log: CommitLog = {
    append: () => {
      index++
      // One commit for what a turn appends; the caller first gets to know the index of its entry.
      if (!scheduled) {
        scheduled = true
        queueMicrotask(() => {
          scheduled = false
          log.onCommit?.(index)
        })
      }
      return index
    },
    get commitIndex() {
      return index
    },
    onCommit: undefined,
    onFailure: undefined,
    release: () => {},
    close: () => Promise.resolve(),
  }
  return log
}
