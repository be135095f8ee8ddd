import type { MemberId } from './entry.ts'

/** A read that a leader was asked for. */
export interface PendingRead {
  readonly context: number
  /** Who asked; the leader's own id: its host. */
  readonly from: MemberId
}

/** A read with the index at which it may be answered. */
export interface IndexedRead extends PendingRead {
  readonly index: number
}

interface Round {
  readonly round: number
  /** When its heartbeats were sent. Unit: ticks. */
  readonly tick: number
  readonly reads: readonly IndexedRead[]
}

/**
 * The reads that a leader was asked for in its term. Raft thesis, section 6.4.
 *
 * Reads that are asked for together share a round of heartbeats. A round has a number of its own, and an
 * answer confirms this round and all before it: the heartbeat that is answered was sent after those reads
 * were asked for. What a host calls its reads is not used, because a host that repeats itself would let an
 * answer to the first heartbeat confirm a later read.
 */
export class ReadRounds {
  #round = 0
  #postponed: PendingRead[] = []
  #asked: IndexedRead[] = []
  #waiting: Round[] = []
  #confirmedTick = -Infinity

  /** The newest round that waits for its answers; 0: none. */
  get openRound(): number {
    return this.#waiting.at(-1)?.round ?? 0
  }

  /** Reads wait for a round to begin. */
  get isRoundDue(): boolean {
    return this.#asked.length > 0
  }

  /** When the newest confirmed round began. Unit: ticks. */
  get confirmedTick(): number {
    return this.#confirmedTick
  }

  /** The leader does not know yet what is committed. */
  postpone(read: PendingRead): void {
    this.#postponed.push(read)
  }

  takePostponed(): readonly PendingRead[] {
    if (this.#postponed.length === 0) return this.#postponed
    const reads = this.#postponed
    this.#postponed = []
    return reads
  }

  /** The read takes part in the next round. */
  ask(read: IndexedRead): void {
    this.#asked.push(read)
  }

  /** Begins a round, of all reads asked for until now. */
  begin(tick: number): number {
    this.#round++
    this.#waiting.push({ round: this.#round, tick, reads: this.#asked })
    this.#asked = []
    return this.#round
  }

  /** A majority has confirmed `round`, and with it those before. Returns their reads. */
  confirm(round: number): IndexedRead[] {
    const count = this.#waiting.findIndex((waiting) => waiting.round > round)
    const rounds = this.#waiting.splice(0, count < 0 ? this.#waiting.length : count)
    for (const { tick } of rounds) this.#confirmedTick = tick
    return rounds.flatMap(({ reads }) => reads)
  }

  /** Leadership is over. Returns the reads that nobody will answer. */
  clear(): PendingRead[] {
    const reads = [...this.#postponed, ...this.#waiting.flatMap((round) => round.reads), ...this.#asked]
    this.#postponed = []
    this.#asked = []
    this.#waiting = []
    this.#round = 0
    this.#confirmedTick = -Infinity
    return reads
  }
}
