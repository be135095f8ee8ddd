interface Write {
  readonly number: number
  /** What is durable once this write is, as far as later writes do not replace it. */
  durableTo: number
  /** The snapshot that it installs; 0: none. */
  readonly snapshotIndex: number
}

/**
 * Which part of the log each batch in progress makes durable.
 *
 * The index of an entry does not name it: 7 may be handed out in term 2, be replaced by another 7 in term 3
 * and by the first one again in term 4, all before the first write is done. When that one is reported, the
 * disk does hold it, but will hold the second next. So a write whose entries are replaced is remembered as
 * making durable only what was before them.
 */
export class Writes {
  readonly #inProgress: Write[] = []

  begin(write: {
    readonly number: number
    readonly durableTo: number
    readonly snapshotIndex: number
  }): void {
    this.#inProgress.push({ ...write })
  }

  /** The log keeps only entries up to `index`. */
  truncate(index: number): void {
    for (const write of this.#inProgress) write.durableTo = Math.min(write.durableTo, index)
  }

  /** All writes up to `number` are durable: up to where, and the newest snapshot among them. */
  finish(number: number): { durableTo: number; snapshotIndex: number } {
    let durableTo = 0
    let snapshotIndex = 0
    for (;;) {
      const write = this.#inProgress[0]
      if (write === undefined || write.number > number) return { durableTo, snapshotIndex }
      this.#inProgress.shift()
      durableTo = Math.max(durableTo, write.durableTo)
      snapshotIndex = Math.max(snapshotIndex, write.snapshotIndex)
    }
  }
}
