import { invariant } from '@orrery/environment'
import type { Entry, Snapshot } from './entry.ts'
import { EntryRing } from './entry-ring.ts'
import { Writes } from './writes.ts'

/** Where a {@link RaftLog} starts. All of it is durable. */
export interface LogStart {
  readonly previousIndex: number
  readonly previousTerm: number
  readonly entries: readonly Entry[]
  readonly commitIndex: number
  readonly appliedIndex: number
}

/** What is to be made durable next. */
export interface Unwritten {
  readonly snapshot: Snapshot | undefined
  readonly entries: readonly Entry[]
}

const noEntries: readonly Entry[] = []

/**
 * The log, as far as it is not compacted, and how far each of its entries has come.
 *
 * ```text
 * previousIndex   appliedIndex   deliveredIndex   commitIndex
 *       |--------------|---------------|--------------|------------ lastIndex
 *                                     durableIndex   writtenIndex
 * ```
 *
 * Invariant: previousIndex <= lastIndex, appliedIndex <= deliveredIndex <= commitIndex <= lastIndex and
 * deliveredIndex <= durableIndex <= writtenIndex <= lastIndex. (A snapshot that was installed and is not
 * durable yet is the exception: it counts as delivered.)
 */
export class RaftLog {
  readonly #entries = new EntryRing()
  readonly #writes = new Writes()
  #previousIndex: number
  #previousTerm: number
  /** The log up to here survives a crash. */
  #durableIndex: number
  /** Handed out to be made durable. */
  #writtenIndex: number
  #commitIndex: number
  /** Handed out to be applied. */
  #deliveredIndex: number
  #appliedIndex: number
  /** Installed, and not handed out yet. */
  #snapshot: Snapshot | undefined
  /** Installed, and not durable yet; 0: none. */
  #pendingSnapshotIndex = 0

  constructor({ previousIndex, previousTerm, entries, commitIndex, appliedIndex }: LogStart) {
    this.#previousIndex = previousIndex
    this.#previousTerm = previousTerm
    for (const entry of entries) this.#push(entry)
    this.#durableIndex = this.lastIndex
    this.#writtenIndex = this.lastIndex
    this.#commitIndex = commitIndex
    this.#deliveredIndex = appliedIndex
    this.#appliedIndex = appliedIndex
  }

  get firstIndex(): number {
    return this.#previousIndex + 1
  }
  get lastIndex(): number {
    return this.#previousIndex + this.#entries.length
  }
  get lastTerm(): number {
    return this.#entries.length === 0 ? this.#previousTerm : this.#entries.at(this.#entries.length - 1).term
  }
  get commitIndex(): number {
    return this.#commitIndex
  }
  get appliedIndex(): number {
    return this.#appliedIndex
  }
  get deliveredIndex(): number {
    return this.#deliveredIndex
  }
  get durableIndex(): number {
    return this.#durableIndex
  }
  /** Something is to be made durable that was not handed out. */
  get hasUnwritten(): boolean {
    return this.#snapshot !== undefined || this.#writtenIndex < this.lastIndex
  }
  /** A snapshot was installed that is not durable: a crash would bring back the log before it. */
  get isInstalling(): boolean {
    return this.#pendingSnapshotIndex > 0
  }

  /** Undefined: compacted, or not there yet. */
  termAt(index: number): number | undefined {
    if (index === this.#previousIndex) return this.#previousTerm
    if (index < this.#previousIndex || index > this.lastIndex) return undefined
    return this.#entry(index).term
  }

  /** Whether a candidate's log that ends so is at least as good as this one. Raft, section 5.4.1. */
  isUpToDate({ lastIndex, lastTerm }: { readonly lastIndex: number; readonly lastTerm: number }): boolean {
    return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex)
  }

  /**
   * The highest entry at or before `index` whose term is at most `term`: where two logs, of which one has
   * `term` at `index`, may still agree. Terms never decrease along a log, so whole terms are skipped. The
   * term is 0 when the entry is compacted.
   */
  highestMatch({ index, term }: { readonly index: number; readonly term: number }): Position {
    let low = this.#previousIndex - 1
    let high = Math.min(index, this.lastIndex)
    if (high <= low) return { index: high, term: 0 }
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if ((this.termAt(middle) ?? 0) <= term) low = middle
      else high = middle - 1
    }
    return { index: Math.max(low, 0), term: this.termAt(low) ?? 0 }
  }

  /** A leader's own entry. Raft, figure 2: leaders only append. */
  append(entry: Entry): void {
    this.#push(entry)
  }

  /**
   * Takes a leader's entries, which follow an entry that matches: those that are there already stay, the
   * first that conflicts goes with all that follow it. Raft, figure 2, AppendEntries 3 and 4.
   */
  merge(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (entry.index <= this.lastIndex) {
        if (this.termAt(entry.index) === entry.term) continue
        this.#truncate(entry.index - 1)
      }
      this.#push(entry)
    }
  }

  /** Entries from `start` on whose payloads fit into `maxBytes` together, but at least one if there is one. */
  slice(start: number, maxBytes: number): Entry[] {
    return this.#page(start, this.lastIndex, maxBytes)
  }

  /** Never backwards. */
  commitTo(index: number): void {
    if (index <= this.#commitIndex) return
    invariant(index <= this.lastIndex, 'an entry was committed that is not here: the log was lost or damaged')
    this.#commitIndex = index
  }

  /** Replaces the whole log by a snapshot. Raft, section 7. */
  install(snapshot: Snapshot): void {
    invariant(snapshot.index > this.#commitIndex, 'a snapshot does not undo what is committed')
    // What was committed is also in the snapshot, and stays durable whatever happens to the write.
    this.#durableIndex = Math.min(this.#durableIndex, this.#commitIndex)
    this.#writes.truncate(this.#durableIndex)
    this.#entries.truncate(0)
    this.#previousIndex = snapshot.index
    this.#previousTerm = snapshot.term
    this.#writtenIndex = snapshot.index
    this.#commitIndex = snapshot.index
    this.#deliveredIndex = snapshot.index
    this.#snapshot = snapshot
    this.#pendingSnapshotIndex = snapshot.index
  }

  /** Forgets the entries up to `index`. */
  compact(index: number): void {
    if (index <= this.#previousIndex) return
    invariant(index <= this.#appliedIndex, 'only applied entries can be compacted')
    this.#previousTerm = this.#entry(index).term
    this.#entries.dropFirst(index - this.#previousIndex)
    this.#previousIndex = index
  }

  /** Hands out, as batch `number`, what is not durable and was not handed out. */
  takeUnwritten(number: number): Unwritten {
    if (!this.hasUnwritten) return { snapshot: undefined, entries: noEntries }
    const snapshot = this.#snapshot
    this.#snapshot = undefined
    const entries = this.#page(this.#writtenIndex + 1, this.lastIndex, Infinity)
    this.#writtenIndex = this.lastIndex
    this.#writes.begin({ number, durableTo: this.lastIndex, snapshotIndex: snapshot?.index ?? 0 })
    return { snapshot, entries }
  }

  /** The batches up to `number` are durable. A snapshot among them is the state from now on. */
  written(number: number): void {
    const { durableTo, snapshotIndex } = this.#writes.finish(number)
    if (durableTo > this.#durableIndex) this.#durableIndex = durableTo
    if (snapshotIndex === 0) return
    if (snapshotIndex > this.#appliedIndex) this.#appliedIndex = snapshotIndex
    if (snapshotIndex === this.#pendingSnapshotIndex) this.#pendingSnapshotIndex = 0
  }

  /** Whether entries are committed and durable that were not handed out to be applied. */
  get hasDeliverable(): boolean {
    return this.#deliveredIndex < Math.min(this.#commitIndex, this.#durableIndex)
  }

  /** Hands out the next entries to be applied. */
  takeCommitted(maxBytes: number): readonly Entry[] {
    if (!this.hasDeliverable) return noEntries
    const entries = this.#page(
      this.#deliveredIndex + 1,
      Math.min(this.#commitIndex, this.#durableIndex),
      maxBytes,
    )
    this.#deliveredIndex += entries.length
    return entries
  }

  /** Entries up to `index` are applied. */
  applyTo(index: number): void {
    if (index <= this.#appliedIndex) return
    invariant(index <= this.#deliveredIndex, 'only entries that were handed out can be applied')
    this.#appliedIndex = index
  }

  /** Whether a membership change is committed here and not applied. */
  hasUnappliedMembership(): boolean {
    const first = Math.max(this.#appliedIndex, this.#previousIndex) + 1
    for (let index = first; index <= this.#commitIndex; index++) {
      if (this.#entry(index).type === 'membership') return true
    }
    return false
  }

  /** Payload bytes of the entries of `term` from `start` to `end`. */
  payloadBytes({
    start,
    end,
    term,
  }: {
    readonly start: number
    readonly end: number
    readonly term: number
  }): number {
    let bytes = 0
    for (let index = Math.max(start, this.firstIndex); index <= end; index++) {
      const entry = this.#entry(index)
      if (entry.term === term) bytes += entry.payload.length
    }
    return bytes
  }

  #entry(index: number): Entry {
    return this.#entries.at(index - this.#previousIndex - 1)
  }

  #push(entry: Entry): void {
    invariant(
      entry.index === this.lastIndex + 1 && entry.term >= this.lastTerm,
      'indexes are consecutive, terms do not decrease',
    )
    this.#entries.push(entry)
  }

  #truncate(lastIndex: number): void {
    invariant(lastIndex >= this.#commitIndex, 'a committed entry is never replaced')
    this.#entries.truncate(lastIndex - this.#previousIndex)
    this.#writtenIndex = Math.min(this.#writtenIndex, lastIndex)
    this.#durableIndex = Math.min(this.#durableIndex, lastIndex)
    this.#writes.truncate(lastIndex)
  }

  #page(start: number, end: number, maxBytes: number): Entry[] {
    let bytes = 0
    let stop = start
    for (; stop <= end; stop++) {
      bytes += this.#entry(stop).payload.length
      if (bytes > maxBytes && stop > start) break
    }
    return this.#entries.slice(start - this.firstIndex, stop - this.firstIndex)
  }
}

/** An entry of a log, named exactly. */
export interface Position {
  readonly index: number
  readonly term: number
}
