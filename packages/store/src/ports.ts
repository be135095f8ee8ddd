import type { Backend } from '@orrery/mvcc'

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

/**
 * The order in which commands take effect. A local store's log commits what its disk has synced; that of a
 * cluster commits what a quorum has.
 */
export interface CommitLog {
  /**
   * Appends an entry and returns its index; indexes are consecutive. Copies `payload`. The entry takes effect
   * when {@link onCommit} reports its index.
   *
   * @throws StoreError `STORE_TOO_MANY_REQUESTS` when too much waits, `STORE_FAILED` after a failure
   */
  append(payload: Uint8Array): number
  /** Entries up to this one are committed. */
  readonly commitIndex: number
  /** Called with the index of the last entry that is committed, in a turn in which nothing else runs. */
  onCommit: ((index: number) => void) | undefined
  /** Called once when the log failed: nothing after the last commit will ever be committed. */
  onFailure: ((error: Error) => void) | undefined
  /** Entries up to this one are in the backend, durably, and need not be kept. */
  release(index: number): void
  /** Waits for what was appended, then releases the log's resources. */
  close(): Promise<void>
}
