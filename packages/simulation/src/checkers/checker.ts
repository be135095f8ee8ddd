/** Judges a history while it happens. One instance for one cluster's whole life. */
export interface Checker<Observation> {
  /** @returns what is wrong, in words; undefined: nothing so far. After the first violation it is of no use. */
  observe(observation: Observation): string | undefined
}

/**
 * - `legal`
 * - `illegal`: with what is wrong
 * - `unknown`: the search was given up. It counts as a failure: make the history smaller.
 */
export type Verdict =
  | { readonly type: 'legal' }
  | { readonly type: 'illegal'; readonly violation: string }
  | { readonly type: 'unknown'; readonly reason: string }

/** The verdict on a history that is complete. */
export function judge<Observation>(checker: Checker<Observation>, history: Iterable<Observation>): Verdict {
  for (const observation of history) {
    const violation = checker.observe(observation)
    if (violation !== undefined) return { type: 'illegal', violation }
  }
  return legal
}

export const legal: Verdict = { type: 'legal' }

export function illegal(violation: string): Verdict {
  return { type: 'illegal', violation }
}
