import type { CallOptions } from './calls.ts'
import type { ConfigClient, FileKey, GroupKey, Release, ReleaseInfo } from './model.ts'

/** What is watched: one file, those whose names begin so, or a whole group. */
export interface WatchTarget extends GroupKey {
  readonly file?: string | undefined
  readonly prefix?: string | undefined
}

/** What a client has already of a file. */
export interface Fingerprint extends FileKey {
  /** 0 or absent: none, or it does not know. */
  readonly version?: number | undefined
  /** As {@link ReleaseInfo.md5} gives it. Empty: it has no content. */
  readonly md5?: string | undefined
}

/** What is watched, by whom. */
export interface WatchQuery {
  readonly targets: readonly WatchTarget[]
  readonly client?: ConfigClient | undefined
  /** What the client has already: only what differs is told. @defaultValue nothing */
  readonly known?: readonly Fingerprint[] | undefined
  /**
   * The client has seen everything up to this revision of the store. This member may lag behind it: nothing is told until it
   * has caught up.
   */
  readonly afterRevision?: number | undefined
}

/** What became of a file, for one watcher. */
export type ConfigChange =
  | { readonly type: 'released'; readonly release: Release }
  /** There is nothing any more that it sees. `version`: of what it saw last. */
  | { readonly type: 'removed'; readonly key: FileKey; readonly version: number }

/** Changes of several files, the newest of each. */
export interface ChangeBatch {
  /** Everything up to this revision of the store is told. */
  readonly revision: number
  /** At least one. */
  readonly changes: readonly ConfigChange[]
}

/** A watch that goes on. */
export interface RunningWatch {
  /** Releases that were never given, because newer ones came first. */
  readonly skipped: number
  /** Ends it: from now on, nothing is told. Safe to call twice. */
  close(): void
}

/**
 * Changes of what is watched. The first batch is what differs from what is known. Whoever is slow gets the newest of each file
 * when he asks next. One reader at a time. Iterating ends when it is closed.
 */
export interface ConfigWatch extends RunningWatch, AsyncIterable<ChangeBatch, undefined>, AsyncDisposable {}

/** Who is told changes as they come. What it throws is logged. */
export interface WatchListener {
  /** The first time, with what differs from what is known. */
  changed(batch: ChangeBatch): void
  /**
   * The watch has ended, once: with `CONFIG_CLOSED` where the hub is being closed, or has lost its store; with `CONFIG_KEYS_MISSING` or
   * `CONFIG_DECRYPTION_FAILED` where what it would be told can never be opened here.
   */
  failed(error: unknown): void
}

/** What a long-poll answers. */
export type PollResult =
  | { readonly type: 'changed'; readonly revision: number; readonly changes: readonly PolledChange[] }
  /** Nothing, until its time was up. */
  | { readonly type: 'unchanged'; readonly revision: number }

/** What became of a file; its content is to be read. */
export type PolledChange =
  | { readonly type: 'released'; readonly key: FileKey; readonly info: ReleaseInfo }
  | { readonly type: 'removed'; readonly key: FileKey; readonly version: number }

/** How long a poll waits. */
export interface PollOptions extends CallOptions {
  /** Unit: ms, from 0 to 600 000. @defaultValue `30_000` */
  readonly timeoutMs?: number | undefined
}

/** Who is told what a poll answers: one of both, once. What it throws is logged. */
export interface PollListener {
  answered(result: PollResult): void
  /** There is no answer any more. With `CONFIG_CLOSED`: the hub is being closed, or has lost its store. */
  failed(error: unknown): void
}

/** A poll that may still wait. */
export interface PendingPoll {
  /** Ends it: from now on its listener is not called. Safe to call twice, and when the poll is over. */
  cancel(): void
}
