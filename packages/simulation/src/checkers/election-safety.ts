import type { Checker } from './checker.ts'

/** Somebody leads. */
export interface LeaderObservation {
  readonly term: number
  readonly leaderId: string
}

/** At most one leader is elected in a term, over all time. Raft, figure 3, Election Safety. */
export function createElectionSafetyChecker(): Checker<LeaderObservation> {
  const leaders = new Map<number, string>()
  return {
    observe: ({ term, leaderId }) => {
      const known = leaders.get(term)
      if (known === undefined) leaders.set(term, leaderId)
      else if (known !== leaderId) return `two leaders in term ${term}: ${known} and ${leaderId}`
      return undefined
    },
  }
}
