/**
 * One step of a batch for a {@link Disk}. Paths are passed to the disk as they are; a file that an
 * operation names is opened when needed and stays open until it is closed, unlinked or replaced.
 */
export type DiskOperation =
  /** Creates a directory and its parents, durably. Does nothing when it exists. */
  | { readonly type: 'makeDirectory'; readonly path: string }
  /** Lists a directory. */
  | { readonly type: 'list'; readonly path: string }
  /** Opens a file for reading and writing; creates it, empty, when it is missing. */
  | { readonly type: 'open'; readonly path: string }
  /**
   * Writes all of `bytes`, repeating short writes. The buffer behind `bytes` belongs to the disk from the
   * submission on; the result hands it back.
   */
  | {
      readonly type: 'write'
      readonly path: string
      readonly offset: number
      readonly bytes: Uint8Array<ArrayBuffer>
    }
  /** Writes zeros. */
  | { readonly type: 'fill'; readonly path: string; readonly offset: number; readonly length: number }
  /** Makes the content and the size of a file durable (`fdatasync`). */
  | { readonly type: 'sync'; readonly path: string }
  /** Reads `length` bytes, fewer at the end of the file. */
  | { readonly type: 'read'; readonly path: string; readonly offset: number; readonly length: number }
  /** Sets the size of a file. */
  | { readonly type: 'truncate'; readonly path: string; readonly length: number }
  /** Renames a file, replacing `to` at once. */
  | { readonly type: 'rename'; readonly from: string; readonly to: string }
  /** Removes a name. Does nothing when it is missing. */
  | { readonly type: 'unlink'; readonly path: string }
  /** Makes creations, renames and removals in a directory durable. */
  | { readonly type: 'syncDirectory'; readonly path: string }
  /** Closes a file. Does nothing when it is not open. */
  | { readonly type: 'close'; readonly path: string }
  /**
   * Takes an exclusive lock that dies with its holder: at `unlock`, when the disk is closed, or when the
   * process ends in whatever way. Fails at once with `WAL_LOCKED` when it is taken, also by another disk of
   * the same process.
   */
  | { readonly type: 'lock'; readonly path: string }
  /** Releases a lock. Does nothing when this disk does not hold it. */
  | { readonly type: 'unlock'; readonly path: string }

/** One file in a directory. */
export interface DirectoryEntry {
  readonly name: string
  /** `'other'` for everything that is not a regular file: directories, symbolic links, sockets. */
  readonly type: 'file' | 'other'
  /** Unit: bytes. 0 unless it is a file. */
  readonly size: number
}

/** What one {@link DiskOperation} answers. */
export type DiskResult =
  | { readonly type: 'list'; readonly entries: readonly DirectoryEntry[] }
  | { readonly type: 'read'; readonly bytes: Uint8Array<ArrayBuffer> }
  /** The buffer that was written, for reuse. */
  | { readonly type: 'write'; readonly buffer: ArrayBuffer }
  | { readonly type: 'done' }

/**
 * Where a log keeps its files. An implementation performs batches strictly in the order of their
 * submission, and the operations of a batch strictly in their order.
 */
export interface Disk {
  /**
   * Performs a batch. It stops at the first operation that fails: the later ones of the batch do not
   * happen, later batches do. Results are in the order of the operations.
   *
   * @throws WalError `WAL_DISK_FAILED` with `details.errno` and `details.operation`; `WAL_LOCKED` for a
   * refused lock
   */
  submit(operations: readonly DiskOperation[]): Promise<readonly DiskResult[]>
  /** Finishes what was submitted, closes all files, releases all locks. Safe to call twice. */
  close(): Promise<void>
}
