import type { Checker } from './checker.ts'

/** Where a member stands. */
export interface PositionObservation {
  readonly memberId: string
  /** Counts the processes of the member. What was not durable may be forgotten from one to the next. */
  readonly incarnation: number
  readonly term: number
  readonly commitIndex: number
  readonly appliedIndex: number
  readonly lastIndex: number
}

/** Term, commit index and applied index never fall, and applied <= committed <= last. */
export function createMonotonicityChecker(): Checker<PositionObservation> {
  const positions = new Map<string, PositionObservation>()
  return {
    observe: (position) => {
      const { memberId, term, commitIndex, appliedIndex, lastIndex } = position
      if (appliedIndex > commitIndex || commitIndex > lastIndex) {
        return `${memberId} applied ${appliedIndex}, committed ${commitIndex}, but has entries up to ${lastIndex}`
      }
      const before = positions.get(memberId)
      positions.set(memberId, position)
      if (before?.incarnation !== position.incarnation) return undefined
      if (term < before.term) return `${memberId} went back from term ${before.term} to ${term}`
      if (commitIndex < before.commitIndex) {
        return `${memberId} went back from commit index ${before.commitIndex} to ${commitIndex}`
      }
      if (appliedIndex < before.appliedIndex) {
        return `${memberId} went back from applied index ${before.appliedIndex} to ${appliedIndex}`
      }
      return undefined
    },
  }
}
