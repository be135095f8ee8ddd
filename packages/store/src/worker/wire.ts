// What the two ends say to each other. Both are of one version, since they are loaded from one package.

/** Items of the host. */
export const hostItems = {
  /** id, flags, operation: one of the four calls that make up most of the traffic */
  operation: 0,
  /** id, flags; name, arguments: any other call */
  call: 1,
  /** id: its caller waits no more */
  abort: 2,
  /** id, reader: asks for the next of what a reader reads */
  pull: 3,
  /** value: a {@link ReaderCommand} */
  reader: 4,
  /** count: log lines were taken */
  logged: 5,
} as const

/** Items of the thread. */
export const threadItems = {
  /** id, result as the call has it */
  answer: 0,
  /** id; error */
  refusal: 1,
  /** the store's alarms, when they have changed */
  alarms: 2,
  /** a line for the host's logger */
  log: 3,
  /** the store is open */
  opened: 4,
  /** the store could not be opened; error */
  failed: 5,
} as const

/** Of calls. */
export const callFlags = { signal: 1, serializable: 2 } as const

/** What a watcher is asked for with, keys as byte strings. */
export interface WireWatcher {
  readonly key: string
  readonly rangeEnd: string | undefined
  readonly startRevision: number | undefined
  readonly filters: readonly ('put' | 'delete')[] | undefined
  readonly prevKv: boolean | undefined
  /** Where the host saw the store: a watcher from now begins after it. */
  readonly seenRevision: number
}

/** Opens, changes and closes what the host reads from: watch streams, watches and snapshots. Nothing is answered. */
export type ReaderCommand =
  | { readonly type: 'openWatchStream' | 'openSnapshot' | 'close'; readonly reader: number }
  | {
      readonly type: 'openWatch'
      readonly reader: number
      readonly watcher: WireWatcher
      readonly progressIntervalMs: number | undefined
    }
  | {
      readonly type: 'create'
      readonly reader: number
      readonly watchId: number
      readonly watcher: WireWatcher
    }
  | { readonly type: 'cancel' | 'progress'; readonly reader: number; readonly watchId: number }
  | { readonly type: 'requestProgress'; readonly reader: number }

/** Log lines that the host has not taken yet. Later ones are counted and dropped. */
export const logLinesMax = 1_000

/** How often the thread writes the status where the host reads it, when no answer makes it do so. Unit: ms. */
export const statusMaxAgeMs = 20

/** Calls of the host that may wait for the thread at once. */
export const callsMax = 100_000
