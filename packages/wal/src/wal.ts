import type { Entry } from './format.ts'

/** What was found when the log was opened. */
export interface WalRecovery {
  /**
   * `created`: there was no log; `clean`: it had been closed; `unclean`: its process had stopped without
   * closing it.
   */
  readonly state: 'created' | 'clean' | 'unclean'
  /**
   * An unfinished write that was cut off. Normally nobody was told that it was durable; but a damaged last
   * record looks the same, so a host that has peers should ask them. It is reported until the next record
   * has been written.
   */
  readonly tornTail: TornTailReport | undefined
}

/** Where a torn tail was found. */
export interface TornTailReport {
  readonly file: string
  /** Where it began in `file`. Unit: bytes. */
  readonly offset: number
  /** Up to the last one that is not zero: it may be what an older segment has left in the file. Unit: bytes. */
  readonly bytes: number
  /** Index of the first entry that it may have held. */
  readonly firstLostIndex: number
}

/** A write-ahead log: entries that are durable in the order in which they were appended. */
export interface Wal extends AsyncDisposable {
  /**
   * `open`: in use; `failed`: a write or sync has failed, nothing works any more; `closed`: closing or
   * closed.
   */
  readonly state: 'open' | 'failed' | 'closed'
  /** What was found when the log was opened. */
  readonly recovery: WalRecovery
  /** What was given when the log was created. */
  readonly metadata: Uint8Array
  /** The lowest index that can be read; `lastIndex + 1` when the log is empty. */
  readonly firstIndex: number
  /** The highest index that was appended, durable or not; 0 in a new log. */
  readonly lastIndex: number
  /** The highest index such that it and all entries before it are durable. */
  readonly durableIndex: number
  /** What waits for the disk: use it for back pressure before `WAL_QUEUE_FULL` does. Unit: bytes. */
  readonly bufferedBytes: number
  /**
   * Queues an entry and returns its index. The payload is copied. Entries of one turn, and those that come
   * while the disk is busy, share one write and one sync.
   *
   * @param type the caller's own, 0 to 255
   * @throws WalError `WAL_QUEUE_FULL`, `WAL_ENTRY_TOO_LARGE`, `WAL_FAILED`, `WAL_CLOSED`
   */
  append(type: number, payload: Uint8Array): number
  /**
   * Queues entries that survive a crash together or not at all, and returns the index of the last one.
   *
   * @throws WalError as {@link Wal.append}; nothing was queued then
   */
  appendAll(entries: readonly { readonly type: number; readonly payload: Uint8Array }[]): number
  /**
   * Removes the entries after `lastKeptIndex`; the next append takes their place. It is durable together
   * with the next entry that is appended in the same turn, or by itself: {@link Wal.flush} waits for it.
   *
   * @throws WalError `WAL_INDEX_OUT_OF_RANGE`, `WAL_FAILED`, `WAL_CLOSED`
   */
  truncateSuffix(lastKeptIndex: number): void
  /**
   * Gives back the disk space of segments of which no entry above `index` is left. Resolves when that is
   * durable. Entries up to `index` that share a segment with later ones stay readable.
   *
   * @param index at most {@link Wal.durableIndex}
   * @throws WalError `WAL_INDEX_OUT_OF_RANGE`, `WAL_FAILED`, `WAL_CLOSED`
   */
  compactPrefix(index: number): Promise<void>
  /**
   * Resolves when the entry is durable.
   *
   * @throws WalError `WAL_TRUNCATED` when it is removed before, `WAL_INDEX_OUT_OF_RANGE`, `WAL_FAILED`
   */
  durable(index: number, options?: { readonly signal?: AbortSignal }): Promise<void>
  /**
   * Resolves when everything that was queued before this call is durable, truncation included.
   *
   * @throws WalError `WAL_FAILED`
   */
  flush(options?: { readonly signal?: AbortSignal }): Promise<void>
  /**
   * Reads the durable entries from `fromIndex` on, as they are at the time of this call, in batches of at
   * most 1024. Payloads are views on larger buffers: copy those that are kept.
   *
   * @throws WalError `WAL_INDEX_OUT_OF_RANGE`, also when the entries are compacted while they are read;
   * `WAL_CORRUPT`, `WAL_DISK_FAILED`, `WAL_FAILED`, `WAL_CLOSED`
   */
  read(fromIndex: number): AsyncGenerator<readonly Entry[], void>
  /**
   * Refuses new entries, makes those in the queue durable, and releases the directory. Rejects with
   * `WAL_FAILED` when entries could not be made durable. The disk stays open. Safe to call twice.
   */
  close(): Promise<void>
}
