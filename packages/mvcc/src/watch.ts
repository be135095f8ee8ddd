import type { Key } from './key.ts'
import type { KeyValue } from './key-value.ts'

/** One change of one key. */
export interface WatchEvent {
  readonly type: 'put' | 'delete'
  /** For a deletion only key and modRevision are set. */
  readonly kv: KeyValue
  /** What the key was before, when the watcher asked for it, the key existed, and it is not compacted away. */
  readonly prevKv?: KeyValue | undefined
}

/** What to watch. */
export interface WatcherRequest<K = Key> {
  readonly key: K
  readonly rangeEnd?: K | undefined
  /**
   * The first revision to deliver. 0 or absent: everything after now. A future one delivers nothing, not
   * even progress, that is older than it.
   */
  readonly startRevision?: number | undefined
  /** Kinds of events to leave out. */
  readonly filters?: readonly ('put' | 'delete')[] | undefined
  /** Fills in {@link WatchEvent.prevKv}. */
  readonly prevKv?: boolean | undefined
  /**
   * The watcher's id within its stream, chosen by the caller. Unit: safe integer.
   * @defaultValue the lowest id from 0 on that was never used on this stream
   */
  readonly watchId?: number | undefined
}

/** What a watch stream delivers, in order. */
export type WatchResponse =
  | {
      /** All changes of one or more whole revisions, in order. A revision is never split. */
      readonly type: 'events'
      readonly watchId: number
      /** Everything up to this revision has been delivered to this watcher. */
      readonly revision: number
      readonly events: readonly WatchEvent[]
    }
  | {
      /** Nothing older than `revision` is still to come. */
      readonly type: 'progress'
      /** The watcher, or `undefined` for all watchers of the stream. */
      readonly watchId: number | undefined
      readonly revision: number
    }
  | {
      /** The watcher cannot go on: what it needs next is compacted. It is gone. */
      readonly type: 'compacted'
      readonly watchId: number
      readonly compactRevision: number
    }
