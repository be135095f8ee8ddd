/** Options of every call that waits. */
export interface CallOptions {
  /** Stops waiting: the call rejects with `signal.reason`. A write that was begun may take effect all the same. */
  readonly signal?: AbortSignal | undefined
}

/** Options of every write. */
export interface WriteOptions extends CallOptions {
  /**
   * Writes only if what is written is at this revision; 0: only if it does not exist. Otherwise the call fails with
   * `CONFIG_CONFLICT`. @defaultValue whatever revision it is at
   */
  readonly ifRevision?: number | undefined
  /** Who does it, for the audit trail. @defaultValue not known */
  readonly actor?: string | undefined
  /** Why, for the audit trail. */
  readonly reason?: string | undefined
}

/** A part of a list. */
export interface PageRequest {
  /** From 0 on. @defaultValue `0` */
  readonly offset?: number | undefined
  /** From 1 to 10 000. @defaultValue `100` */
  readonly limit?: number | undefined
}

/** A part of a list, and how long all of it is. */
export interface Page<Item> {
  readonly items: readonly Item[]
  readonly total: number
}

/** A part of a list that is read from the store, where nobody counts. */
export interface Slice<Item> {
  readonly items: readonly Item[]
  /** Give it to read on; undefined: that was all. */
  readonly next: string | undefined
}

/** Which part of a list that is read from the store. */
export interface SliceRequest extends CallOptions {
  /** `next` of the slice before. @defaultValue from the beginning */
  readonly after?: string | undefined
  /** From 1 to 10 000. @defaultValue `100` */
  readonly limit?: number | undefined
}
