/**
 * A member that lost the end of its log: it may have acknowledged entries that it no longer has, and must
 * not help to elect somebody who lacks them, too. Its vote counts only where all others agree: see `electionResult`.
 * A leader knows all that is committed: once the member's log is durable as far as the leader's log reached when it
 * first spoke, the member is as good as any other.
 *
 * Source: R. Alagappan et al., Protocol-Aware Recovery for Consensus-Based Storage, FAST 2018.
 */
export class Probation {
  /** What the member knew to be committed when it started: its log may end before. */
  readonly committedIndex: number
  #hasReset = false
  #leaderTerm = 0
  #untilIndex = 0
  #matchedIndex = 0

  constructor(committedIndex: number) {
    this.committedIndex = committedIndex
  }

  /**
   * A leader sent an append. Tells whether it must first forget what this member acknowledged: the first
   * one after the start is refused, whether it fits or not.
   */
  hear({ term, lastIndex }: { readonly term: number; readonly lastIndex: number }): 'reset' | 'append' {
    if (!this.#hasReset) {
      this.#hasReset = true
      return 'reset'
    }
    if (term > this.#leaderTerm) {
      this.#leaderTerm = term
      this.#untilIndex = lastIndex
      this.#matchedIndex = 0
    }
    return 'append'
  }

  /**
   * A leader sent a heartbeat. Tells whether it must be made to send an append: without news it would send
   * none, trusting in what this member acknowledged.
   */
  hearHeartbeat(term: number): 'reset' | 'heartbeat' {
    if (term === this.#leaderTerm) return 'heartbeat'
    this.#hasReset = true
    return 'reset'
  }

  /** The log is the leader's up to `index`. */
  matched(index: number): void {
    this.#matchedIndex = Math.max(this.#matchedIndex, index)
  }

  /** Whether all that the leader had is durable here. */
  isOver({ term, durableIndex }: { readonly term: number; readonly durableIndex: number }): boolean {
    return term === this.#leaderTerm && Math.min(this.#matchedIndex, durableIndex) >= this.#untilIndex
  }
}
