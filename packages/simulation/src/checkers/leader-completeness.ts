import type { Checker } from './checker.ts'

/**
 * - `committed`: somebody knows that an entry is committed. `knownTerm`: the term of who knows it, and not
 *   before the one in which it was committed.
 * - `elected`: somebody begins to lead.
 */
export type LeadershipObservation =
  | {
      readonly type: 'committed'
      readonly index: number
      readonly term: number
      readonly knownTerm: number
    }
  | {
      readonly type: 'elected'
      readonly leaderId: string
      readonly term: number
      /** Earlier entries are compacted. */
      readonly firstIndex: number
      /** The term of an entry of the leader's log; undefined when it has none there. */
      readonly termAt: (index: number) => number | undefined
    }

interface CommittedEntry {
  readonly term: number
  readonly knownTerm: number
}

/** What is committed is in the logs of all leaders of later terms. Raft, figure 3, Leader Completeness. */
export function createLeaderCompletenessChecker(): Checker<LeadershipObservation> {
  /** By index. */
  const committed: (CommittedEntry | undefined)[] = []
  return {
    observe: (observation) => {
      if (observation.type === 'committed') {
        const { index, term, knownTerm } = observation
        const known = committed[index]
        if (known !== undefined && known.term !== term) {
          return `entries of terms ${known.term} and ${term} are both committed at ${index}`
        }
        if (known === undefined || knownTerm < known.knownTerm) committed[index] = { term, knownTerm }
        return undefined
      }
      for (let index = observation.firstIndex; index < committed.length; index++) {
        const entry = committed[index]
        if (entry === undefined || entry.knownTerm >= observation.term) continue
        const found = observation.termAt(index)
        if (found === entry.term) continue
        const instead = found === undefined ? 'nothing' : `an entry of term ${found}`
        return `${observation.leaderId} leads term ${observation.term} with ${instead} where ${index}/${entry.term} is committed`
      }
      return undefined
    },
  }
}
