import type { Entry } from '@orrery/raft'

/** How many entries were taken from the front before the rest moves up. */
const moveAtCount = 1_024

/** Committed entries that the host has not taken yet, in the order of the log. Each step costs the same on average. */
export class CommittedQueue {
  #entries: Entry[] = []
  #head = 0

  get size(): number {
    return this.#entries.length - this.#head
  }

  push(entries: readonly Entry[]): void {
    for (const entry of entries) this.#entries.push(entry)
  }

  shift(): Entry | undefined {
    const entry = this.#entries[this.#head]
    if (entry === undefined) return undefined
    this.#head++
    if (this.#head === this.#entries.length) this.clear()
    else if (this.#head >= moveAtCount && this.#head * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head)
      this.#head = 0
    }
    return entry
  }

  /** A snapshot covers what is here. */
  clear(): void {
    this.#entries = []
    this.#head = 0
  }
}
