import type { SourceOptions } from './operation-source.ts'

/** What the writer is to do, as JSON in its first argument. */
export interface WriterOptions extends SourceOptions {
  readonly directory: string
  readonly seed: number
  /** Begins all values: no two writers write the same. */
  readonly name: string
  /** Where its watcher begins, if that is not compacted. */
  readonly watchFrom: number
  /** Puts that each session begins with, followed by one compaction of all of them. @defaultValue none */
  readonly hoard?: number
  /** How often it opens the store. */
  readonly sessions: readonly {
    /** Absent: without end. */
    readonly operations?: number
    /** Whether it closes the store, or kills itself. */
    readonly close: boolean
  }[]
}
