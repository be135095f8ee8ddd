import type { Origin } from './proposal.ts'

interface Session {
  settledBelow: number
  readonly seen: Set<number>
}

/**
 * What a leader remembers of the proposals that others forwarded to it, so that one that is sent twice is
 * appended once. It need not outlive the term: a forwarded proposal is only ever accepted in the term for which
 * it was sent, and its sender sends it for another term only after it has seen in the log that this one did not
 * keep it.
 */
export class ForwardedFilter {
  #term = 0
  readonly #sessions = new Map<bigint, Session>()

  /** Whether the proposal is new in this term. */
  isNew({ session, sequence }: Origin, term: number): boolean {
    this.#enter(term)
    const known = this.#sessions.get(session)
    return known === undefined || (sequence >= known.settledBelow && !known.seen.has(sequence))
  }

  /** The proposal is in the leader's log. */
  appended({ session, sequence, settledBelow }: Origin, term: number): void {
    this.#enter(term)
    const known = this.#sessions.get(session) ?? { settledBelow: 0, seen: new Set<number>() }
    this.#sessions.set(session, known)
    known.seen.add(sequence)
    if (settledBelow <= known.settledBelow) return
    known.settledBelow = settledBelow
    for (const one of known.seen) if (one < settledBelow) known.seen.delete(one)
  }

  #enter(term: number): void {
    if (term === this.#term) return
    this.#term = term
    this.#sessions.clear()
  }
}
