/** What a {@link LogKeeper} keeps. */
export interface LogKeeperOptions {
  /** Entries that stay in the log after they are in the state, for followers that are behind. */
  readonly catchUpEntries: number
  /** The same in bytes of payloads, whichever is less. Unit: bytes. */
  readonly catchUpMaxBytes: number
}

/** How many bytes the log had had when an entry was applied. */
interface Mark {
  readonly index: number
  readonly bytes: number
}

/** Entries between two marks, and at least between two compactions. */
const strideEntries = 256

/** Decides up to where the log may be dropped. */
export class LogKeeper {
  readonly #options: LogKeeperOptions
  readonly #holds = new Map<number, number>()
  #nextHold = 0
  #bytes = 0
  #marks: Mark[] = []
  /** Entries up to here are in the state, durably. */
  #releasedIndex = 0

  constructor(options: LogKeeperOptions) {
    this.#options = options
  }

  /** An entry was applied. */
  applied(index: number, payloadBytes: number): void {
    this.#bytes += payloadBytes
    if (index - (this.#marks.at(-1)?.index ?? 0) < strideEntries) return
    this.#marks.push({ index, bytes: this.#bytes })
  }

  /** Entries up to here are in the state, durably. */
  release(index: number): void {
    this.#releasedIndex = Math.max(this.#releasedIndex, index)
  }

  /** Keeps the entries after `index` until the returned function is called: a follower is about to need them. */
  hold(index: number): () => void {
    const hold = this.#nextHold++
    this.#holds.set(hold, index)
    return () => void this.#holds.delete(hold)
  }

  /** Up to where to compact a log that begins at `firstIndex` now; undefined: it is not worth it yet. */
  due(firstIndex: number, appliedIndex: number): number | undefined {
    const { catchUpEntries, catchUpMaxBytes } = this.#options
    const byCount = appliedIndex - catchUpEntries
    const byBytes = this.#marks.findLast(({ bytes }) => this.#bytes - bytes >= catchUpMaxBytes)?.index ?? 0
    const index = Math.min(Math.max(byCount, byBytes), this.#releasedIndex, ...this.#holds.values())
    if (index - firstIndex + 1 < strideEntries) return undefined
    this.#marks = this.#marks.filter((mark) => mark.index > index)
    return index
  }
}
