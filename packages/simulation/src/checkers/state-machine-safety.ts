import type { Checker } from './checker.ts'

/** Somebody applied an entry. */
export interface AppliedObservation {
  readonly memberId: string
  readonly index: number
  /** Of term, type and payload. */
  readonly hash: number
  /** Of the state after it, where states can be compared. */
  readonly stateHash?: number
}

/**
 * If somebody has applied an entry at an index, nobody ever applies another one there. Raft, figure 3, State
 * Machine Safety. The states are the same, too: applying depends on nothing but the log.
 */
export function createStateMachineSafetyChecker(): Checker<AppliedObservation> {
  const applied: (AppliedObservation | undefined)[] = []
  return {
    observe: (observation) => {
      const { index, hash, stateHash, memberId } = observation
      const known = applied[index]
      if (known === undefined) {
        applied[index] = observation
        return undefined
      }
      if (known.hash !== hash) {
        return `${memberId} applied another entry at ${index} than ${known.memberId}`
      }
      if (stateHash === undefined || known.stateHash === undefined || known.stateHash === stateHash)
        return undefined
      return `${memberId} is in another state after ${index} than ${known.memberId}`
    },
  }
}
