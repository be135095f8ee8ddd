import type { Random } from '@orrery/environment'
import {
  type Entry,
  type HardState,
  type Membership,
  type RaftStart,
  type Ready,
  emptyMembership,
} from '@orrery/raft'
import { type Registers, emptyRegisters } from './registers.ts'

/** A state of the replicated registers, and what it stands for. */
export interface MemberState {
  readonly index: number
  readonly term: number
  readonly membership: Membership
  readonly registers: Registers
}

/** Nothing was ever applied. */
export const emptyState: MemberState = {
  index: 0,
  term: 0,
  membership: emptyMembership,
  registers: emptyRegisters,
}

/** What a loss of power leaves of a member: an honest disk, on which a batch is whole or not there. */
export class MemberDisk {
  hardState: HardState = { term: 0, vote: 0n, commitIndex: 0, isOnProbation: false }
  previousIndex = 0
  previousTerm = 0
  entries: Entry[] = []
  /** A state that survives; the log begins at it or before. */
  state: MemberState

  constructor(state: MemberState) {
    this.state = state
  }

  get lastIndex(): number {
    return this.previousIndex + this.entries.length
  }

  get start(): RaftStart {
    const { hardState, previousIndex, previousTerm, state } = this
    const { index: appliedIndex, membership } = state
    return { hardState, previousIndex, previousTerm, entries: [...this.entries], appliedIndex, membership }
  }

  /** Whether an entry, or a state that covers it, survives. */
  holds(index: number, term: number): boolean {
    if (index <= this.previousIndex) return true
    return this.entries[index - this.previousIndex - 1]?.term === term
  }

  /**
   * Writes what a Ready asks for, in its order.
   *
   * @param received the state that came with its snapshot
   * @returns how many entries were replaced
   */
  write({ snapshot, entries, hardState }: Ready, received: MemberState | undefined): number {
    let replaced = 0
    if (snapshot !== undefined && received !== undefined) {
      this.state = received
      this.previousIndex = snapshot.index
      this.previousTerm = snapshot.term
      this.entries = []
    }
    const [first] = entries
    if (first !== undefined) {
      const kept = first.index - this.previousIndex - 1
      replaced = Math.max(0, this.entries.length - kept)
      this.entries.length = Math.min(this.entries.length, kept)
      this.entries.push(...entries)
    }
    if (hardState !== undefined) this.hardState = hardState
    return replaced
  }

  /** Keeps a state, and of the log behind it what comes after `compactIndex`. */
  checkpoint(state: MemberState, compactIndex: number): void {
    // A snapshot was installed meanwhile.
    if (state.index < this.state.index) return
    this.state = state
    const count = compactIndex - this.previousIndex
    if (count <= 0) return
    this.previousTerm = this.entries[count - 1]?.term ?? this.previousTerm
    this.previousIndex = compactIndex
    this.entries.splice(0, count)
  }

  /**
   * The end of the log is damaged: up to four entries that were durable are lost, and the member knows that
   * some may be.
   */
  tear(random: Random): void {
    const kept = Math.max(this.state.index - this.previousIndex, 0)
    const lost = Math.min(random.below(5), this.entries.length - kept)
    this.entries.length -= lost
    this.hardState = { ...this.hardState, isOnProbation: true }
  }
}
