import type { MemberId } from './entry.ts'
import type { InflightLimits } from './inflights.ts'
import { Inflights } from './inflights.ts'

/**
 * What a leader knows of one member.
 *
 * - `probe`: where the logs agree is unknown; one append at a time looks for it
 * - `replicate`: they agree; appends are sent ahead of their answers
 * - `snapshot`: a state is on its way, and nothing but heartbeats beside it
 */
export class Progress {
  readonly id: MemberId
  readonly inflights: Inflights
  state: 'probe' | 'replicate' | 'snapshot' = 'probe'
  /** The last entry that is known to be durable there. It goes back only when the member lost its log. */
  match = 0
  /** The next entry to send. Invariant: greater than `match`. */
  next: number
  /** In `probe`: an append is on its way, or a state got lost. Nothing is sent until the member is heard of. */
  isPaused = false
  /** In `replicate`: a heartbeat was answered before all appends; one more append shows whether they got lost. */
  isPingDue = false
  /** The member cannot use the beginning of the log. */
  needsSnapshot = false
  /** The highest commit index that was sent. */
  sentCommit = 0
  /** In `snapshot`: the index of the state on its way. */
  snapshotIndex = 0
  /** When something was last heard of it. Unit: ticks of this member's life. */
  heardTick: number
  /** The newest round of reads that it confirmed. */
  confirmedRound = 0

  constructor(
    id: MemberId,
    { next, tick }: { readonly next: number; readonly tick: number },
    limits: InflightLimits,
  ) {
    this.id = id
    this.next = next
    // Somebody new is given the time to be heard of.
    this.heardTick = tick
    this.inflights = new Inflights(limits)
  }

  becomeProbe(next: number): void {
    this.#become('probe')
    this.next = Math.max(next, this.match + 1)
    this.sentCommit = Math.min(this.sentCommit, this.next - 1)
  }

  becomeReplicate(): void {
    this.#become('replicate')
    this.next = this.match + 1
  }

  becomeSnapshot(snapshotIndex: number): void {
    this.#become('snapshot')
    this.snapshotIndex = snapshotIndex
    this.next = Math.max(snapshotIndex, this.match) + 1
    this.sentCommit = snapshotIndex
  }

  /** An append with entries up to `lastIndex` was sent. */
  sent({
    lastIndex,
    bytes,
    count,
  }: {
    readonly lastIndex: number
    readonly bytes: number
    readonly count: number
  }): void {
    if (this.state === 'probe') {
      this.isPaused = true
      return
    }
    this.isPingDue = false
    if (count === 0) return
    this.next = lastIndex + 1
    this.inflights.add(lastIndex, bytes)
  }

  /** The member has all entries up to `index`. Tells whether that is news. */
  acknowledge(index: number): boolean {
    if (this.next <= index) this.next = index + 1
    if (index <= this.match) return false
    this.match = index
    return true
  }

  /**
   * The member does not have the entry before an append. `mayMatch` is the highest one that it may have.
   * Tells whether the answer is to what was sent last, and not a late one.
   */
  reject({ rejected, mayMatch }: { readonly rejected: number; readonly mayMatch: number }): boolean {
    if (this.state === 'snapshot') return false
    if (this.state === 'replicate') {
      if (rejected <= this.match) return false
      // Which append it answers is unknown. The match is certain.
      this.becomeProbe(this.match + 1)
      return true
    }
    if (rejected !== this.next - 1) return false
    this.next = Math.max(Math.min(rejected, mayMatch + 1), this.match + 1)
    this.isPaused = false
    this.needsSnapshot = rejected === 0
    return true
  }

  /** The member lost the end of its log. */
  forget(mayMatch: number): void {
    this.match = 0
    if (this.state !== 'snapshot') this.becomeProbe(mayMatch + 1)
  }

  #become(state: 'probe' | 'replicate' | 'snapshot'): void {
    this.state = state
    this.isPaused = false
    this.isPingDue = false
    this.needsSnapshot = false
    this.snapshotIndex = 0
    this.inflights.clear()
  }
}
