import type { Entry, HardState, Ready } from '@orrery/raft'

/** What a Ready asks to be made durable. */
export type Durables = Pick<Ready, 'number' | 'snapshot' | 'entries' | 'hardState' | 'mustSync'>

/** What a log was found to hold. */
export interface StoredLog {
  /** Undefined: a new log. */
  readonly hardState: HardState | undefined
  /** The entry before `entries`. */
  readonly previousIndex: number
  readonly previousTerm: number
  readonly entries: readonly Entry[]
  /** Of the state that came with the last snapshot that was installed; undefined: none was. */
  readonly stateName: string | undefined
  /** The end of the log was cut off: entries that were acknowledged may be missing. */
  readonly isTailLost: boolean
}

/** Where a member keeps its log and what it promised. */
export interface LogStorage {
  /**
   * Queues writes; {@link LogStorage.onDurable} tells when they are durable, in the order of the calls.
   *
   * @param stateName with a snapshot: which of the states that the host has belongs to it
   * @throws when the log has failed or is closed
   */
  append(durables: Durables, stateName?: string): void
  /** Everything up to this batch is durable. */
  onDurable: ((readyNumber: number) => void) | undefined
  /** Called once: nothing after the last durable batch will be durable. */
  onFailure: ((error: Error) => void) | undefined
  /** Entries up to this one are not needed any more. */
  compact(index: number, term: number): void
  /** What waits to be written. Unit: bytes. */
  readonly pendingBytes: number
  /** Makes durable what waits, and releases the log. */
  close(): Promise<void>
}

/** A log that keeps nothing: for members that live as long as their process. */
export function createMemoryLogStorage(): LogStorage {
  let durable = 0
  let isScheduled = false
  const storage: LogStorage = {
    append: ({ number }) => {
      durable = number
      if (isScheduled) return
      isScheduled = true
      queueMicrotask(() => {
        isScheduled = false
        storage.onDurable?.(durable)
      })
    },
    onDurable: undefined,
    onFailure: undefined,
    compact: () => {},
    pendingBytes: 0,
    close: () => Promise.resolve(),
  }
  return storage
}
