import type { Checker } from './checker.ts'

/** An entry is in somebody's log, behind another one. */
export interface LogEntryObservation {
  readonly index: number
  readonly term: number
  /** Of type and payload. */
  readonly hash: number
  /** Of the entry before it; 0 when there is none; undefined when it is not known, because it is compacted. */
  readonly previousTerm: number | undefined
}

interface KnownEntry {
  readonly hash: number
  previousTerm: number | undefined
}

/**
 * If two logs contain an entry with the same index and term, then they are identical up to it. Raft, figure 3,
 * Log Matching. By induction it is enough that such entries are equal, and follow entries of equal terms.
 */
export function createLogMatchingChecker(): Checker<LogEntryObservation> {
  /** By index, then by term. */
  const entries: Map<number, KnownEntry>[] = []
  return {
    observe: ({ index, term, hash, previousTerm }) => {
      const terms = (entries[index] ??= new Map())
      const known = terms.get(term)
      if (known === undefined) {
        terms.set(term, { hash, previousTerm })
        return undefined
      }
      if (known.hash !== hash) return `two entries are ${index}/${term}`
      if (previousTerm === undefined || known.previousTerm === previousTerm) return undefined
      if (known.previousTerm !== undefined) {
        return `entry ${index}/${term} follows entries of terms ${known.previousTerm} and ${previousTerm}`
      }
      known.previousTerm = previousTerm
      return undefined
    },
  }
}
