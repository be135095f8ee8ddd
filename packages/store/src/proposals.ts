import type { Committed, Proposal } from './ports.ts'

/** What a log of this member alone has appended, in its order, until it is committed and taken. */
export class ProposalQueue {
  #queue: (Committed | undefined)[] = []
  #head = 0

  get size(): number {
    return this.#queue.length - this.#head
  }

  push(index: number, proposal: Proposal): void {
    this.#queue.push({ index, term: 1, command: proposal.command, members: undefined, proposal })
  }

  /** The oldest entry, if it is at or before `index`. */
  take(index: number): Committed | undefined {
    const entry = this.#queue[this.#head]
    if (entry === undefined || entry.index > index) return undefined
    this.#queue[this.#head++] = undefined
    if (this.#head === this.#queue.length) {
      this.#queue = []
      this.#head = 0
    } else if (this.#head >= 4_096 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head)
      this.#head = 0
    }
    return entry
  }

  /** Answers everybody with an error. */
  rejectAll(error: Error): void {
    for (let next = this.take(Infinity); next !== undefined; next = this.take(Infinity)) {
      next.proposal?.reject(error)
    }
  }
}
