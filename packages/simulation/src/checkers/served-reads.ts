import type { Checker } from './checker.ts'

/** A member answered a read, from whatever state it had. Observed in the order of the answers. */
export interface ServedReadObservation {
  readonly memberId: string
  /** Counts the processes of the member. What was not durable may be forgotten from one to the next. */
  readonly incarnation: number
  /** On one clock: only the order counts. */
  readonly calledAt: number
  readonly returnedAt: number
  /** Of the state that the answer shows. */
  readonly revision: number
}

interface Answered {
  readonly returnedAt: number
  /** The highest revision so far. */
  readonly revision: number
}

/** What one process shows never goes back: a read that is asked for after another was answered sees at least as much. */
export function createServedReadChecker(): Checker<ServedReadObservation> {
  const processes = new Map<string, Answered[]>()
  return {
    observe: ({ memberId, incarnation, calledAt, returnedAt, revision }) => {
      const key = `${memberId} ${incarnation}`
      const answers = processes.get(key) ?? []
      processes.set(key, answers)
      const before = answers.findLast((answer) => answer.returnedAt < calledAt)?.revision ?? 0
      answers.push({ returnedAt, revision: Math.max(revision, answers.at(-1)?.revision ?? 0) })
      if (revision >= before) return undefined
      return `${memberId} showed revision ${revision} to a read that was asked for after it had shown ${before}`
    },
  }
}
