import type { Command } from './command.ts'
import type { CommandResult } from './state-machine.ts'

/** A command that was appended to the log, and who waits for its answer. */
export interface Proposal {
  readonly index: number
  readonly command: Command
  readonly resolve: (result: CommandResult) => void
  readonly reject: (error: unknown) => void
}

/** Proposals in the order of the log. */
export class ProposalQueue {
  #queue: (Proposal | undefined)[] = []
  #head = 0

  get size(): number {
    return this.#queue.length - this.#head
  }

  push(proposal: Proposal): void {
    this.#queue.push(proposal)
  }

  /** The oldest proposal, if its entry is at or before `index`. */
  take(index: number): Proposal | undefined {
    const proposal = this.#queue[this.#head]
    if (proposal === undefined || proposal.index > index) return undefined
    this.#queue[this.#head++] = undefined
    if (this.#head === this.#queue.length) {
      this.#queue = []
      this.#head = 0
    } else if (this.#head >= 4_096 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head)
      this.#head = 0
    }
    return proposal
  }

  /** Answers everybody with an error. */
  rejectAll(error: unknown): void {
    for (let next = this.take(Infinity); next !== undefined; next = this.take(Infinity)) next.reject(error)
  }
}
