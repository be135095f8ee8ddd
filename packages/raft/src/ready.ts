import type { Entry, HardState, Snapshot } from './entry.ts'
import type { Message } from './message.ts'

/** Everything the core asks of its host, in the order in which the host must do it. */
export interface Ready {
  /** Counts the batches, from 1. */
  readonly number: number
  /**
   * 1. Make durable, then call `persisted(number)`; other batches may be taken meanwhile, and are made
   * durable after this one. The snapshot comes first and replaces the whole log; entries replace all that
   * the log holds from their first index on; all of it becomes durable together or not at all.
   */
  readonly snapshot: Snapshot | undefined
  readonly entries: readonly Entry[]
  /** Undefined: unchanged since the last batch. */
  readonly hardState: HardState | undefined
  /**
   * False: only `commitIndex` changed. It may be written with the next batch, and `persisted` need not wait.
   */
  readonly mustSync: boolean
  /**
   * 2. Send at once, without waiting for 1. What promises something durable is not among them: it follows
   * in a batch after `persisted`.
   */
  readonly messages: readonly Message[]
  /**
   * 3. Apply, in order, then call `applied`. They are durable here and on a majority. For each
   * `membership` entry call `applyMembership` before the next entry. More batches may be taken before these
   * are applied: their entries follow.
   */
  readonly committed: readonly Entry[]
  /** 4. Answer reads once the state machine has applied `index`. */
  readonly reads: readonly ReadState[]
  /** 5. Reads that nobody will answer, because the leader that was asked is gone: ask again. */
  readonly droppedReads: readonly number[]
}

/** A read that may be answered. Raft thesis, section 6.4. */
export interface ReadState {
  /** What was given to `readIndex`. */
  readonly context: number
  readonly index: number
}
