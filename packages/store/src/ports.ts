import type { Backend } from '@orrery/mvcc'
import type { Command } from './command.ts'
import type { CommandResult } from './state-machine.ts'
import type { CallOptions } from './store.ts'

/**
 * A {@link Backend} that a store can own: it groups writes, makes them durable in the background, and
 * closes.
 *
 * Writes become durable in the order in which they were made, and only up to a {@link seal}: after a crash
 * the backend holds exactly the writes before some seal, never a part of what lies between two.
 */
export interface StoreBackend extends Backend {
  /**
   * Everything written since the last seal belongs together. Cheap: called after every applied entry.
   *
   * @param index of the log entry whose effects these writes are; never decreases
   */
  seal(index: number): void
  /** Resolves when everything sealed before the call is durable. Rejects when the backend failed. */
  flush(): Promise<void>
  /** What was written and is not durable yet: a host that is faster than the disk waits. Unit: bytes. */
  readonly pendingBytes: number
  /** Space occupied. Unit: bytes. */
  readonly sizeBytes: number
  /** Of it, space that holds data. Unit: bytes. */
  readonly sizeInUseBytes: number
  /**
   * Called once when a write failed. Nothing sealed since the last successful flush is durable then, and
   * none of the later writes will be; reads are still answered from memory and disk.
   */
  onFailure: ((error: Error) => void) | undefined
  /** Called with the highest index whose seal became durable: the log is not needed up to there. */
  onDurable: ((index: number) => void) | undefined
  /** Flushes, then releases files and workers. Safe to call twice. */
  close(): Promise<void>
}

/** A command that is to be in the log, and who waits for its answer. */
export interface Proposal {
  readonly command: Command
  /** Takes effect while this member leads, or not at all. */
  readonly isLeaderOnly: boolean
  readonly resolve: (result: CommandResult) => void
  readonly reject: (error: unknown) => void
}

/** An entry of the log whose turn it is to be applied. */
export interface Committed {
  readonly index: number
  readonly term: number
  /** Undefined: the entry is none of the state's, but for its index. */
  readonly command: Command | undefined
  /** Who is in the cluster from now on: kept beside the state. */
  readonly members: Uint8Array | undefined
  /** Who waits here for the answer. */
  readonly proposal: Proposal | undefined
}

/**
 * The order in which commands take effect. A local store's log commits what its disk has synced; that of a
 * cluster commits what a quorum has.
 */
export interface CommitLog {
  /**
   * Proposes an entry. It takes effect when {@link take} gives it back, if ever: `proposal` is told otherwise.
   *
   * @param payload the encoded command; copied
   * @throws StoreError `STORE_TOO_MANY_REQUESTS` when too much waits, `STORE_FAILED` after a failure
   */
  propose(payload: Uint8Array, proposal: Proposal): void
  /** The next entry that is committed and was not taken; undefined: none now. */
  take(): Committed | undefined
  /** Everything taken up to `index` is applied. */
  applied(index: number): void
  /** Proposals that wait for their answer. */
  readonly waiting: number
  /** Called when nobody waits any more because the log, and not the state, gave the last answer. */
  onIdle: (() => void) | undefined
  /** Answers all proposals that wait with an error. */
  rejectAll(error: Error): void
  /** Entries up to this one are committed. */
  readonly commitIndex: number
  /**
   * Resolves when the state holds every write that was acknowledged before this call; undefined: it does now.
   *
   * @throws StoreError `STORE_TIMED_OUT` when no leader confirms it
   */
  readBarrier(options: CallOptions): Promise<void> | undefined
  /** {@link take} has something. Called in a turn in which nothing else of the store runs. */
  onCommit: (() => void) | undefined
  /** Called once when the log failed: nothing after the last commit will ever be committed. */
  onFailure: ((error: Error) => void) | undefined
  /** Entries up to this one are in the backend, durably, and need not be kept. */
  release(index: number): void
  /** Waits for what was appended, then releases the log's resources. */
  close(): Promise<void>
}
