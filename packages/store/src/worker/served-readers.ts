import type { FieldWriter } from '../field-writer.ts'
import type { WatchResponse } from '@orrery/mvcc'
import type { Store, WatchBatch, WatcherRequest } from '../store.ts'
import { toBytes } from './operations.ts'
import { writeBatch, writeResponses } from './results.ts'
import type { ReaderCommand, WireWatcher } from './wire.ts'

/** Writes a part of what is read. */
type WritePart = (to: FieldWriter) => void

/** Something that the host reads part by part. */
interface Reader {
  /** Undefined: it has ended. */
  next(): Promise<WritePart | undefined>
  /** What is specific to watch streams. */
  perform?(command: ReaderCommand): void
  close(): void
  /** Watchers that it has in the store. */
  readonly watchers: number
}

/** What the host reads from. A part leaves for it when it asks, so that nothing heaps up between the threads. */
export class ServedReaders {
  readonly #store: Store
  readonly #readers = new Map<number, { readonly reader: Reader; counted: number }>()
  #watchers = 0

  constructor(store: Store) {
    this.#store = store
  }

  /** Watchers that the host has in the store. */
  get watchers(): number {
    return this.#watchers
  }

  perform(command: ReaderCommand): void {
    switch (command.type) {
      case 'openWatchStream':
        this.#open(command.reader, () => watchStreamReader(this.#store))
        break
      case 'openWatch':
        this.#open(command.reader, () => watchReader(this.#store, command))
        break
      case 'openSnapshot':
        this.#open(command.reader, () => snapshotReader(this.#store))
        break
      case 'close':
        this.#close(command.reader)
        break
      default:
        this.#readers.get(command.reader)?.reader.perform?.(command)
        this.#count(command.reader)
    }
  }

  /** The next part of a reader; undefined at its end. */
  async pull(number: number): Promise<WritePart | undefined> {
    try {
      const part = await this.#readers.get(number)?.reader.next()
      if (part === undefined) this.#close(number)
      else this.#count(number)
      return part
    } catch (error) {
      this.#close(number)
      throw error
    }
  }

  #open(number: number, open: () => Reader): void {
    let reader: Reader
    try {
      reader = open()
    } catch (error) {
      // Who opens does not wait for an answer: the reason waits for who reads.
      reader = refusal(error)
    }
    this.#readers.set(number, { reader, counted: 0 })
    this.#count(number)
  }

  #close(number: number): void {
    const entry = this.#readers.get(number)
    if (entry === undefined) return
    this.#readers.delete(number)
    this.#watchers -= entry.counted
    entry.reader.close()
  }

  #count(number: number): void {
    const entry = this.#readers.get(number)
    if (entry === undefined) return
    const { watchers } = entry.reader
    this.#watchers += watchers - entry.counted
    entry.counted = watchers
  }
}

function watchStreamReader(store: Store): Reader {
  const stream = store.openWatchStream()
  const iterator: AsyncIterator<readonly WatchResponse[], unknown> = stream[Symbol.asyncIterator]()
  return {
    next: async () => {
      const next = await iterator.next()
      return next.done === true ? undefined : (to) => writeResponses(to, next.value)
    },
    perform: (command) => {
      switch (command.type) {
        case 'create':
          // The host gives an id once: it cannot be in use.
          stream.create({ ...toRequest(store, command.watcher), watchId: command.watchId })
          break
        case 'cancel':
          stream.cancel(command.watchId)
          break
        case 'progress':
          stream.progress(command.watchId)
          break
        case 'requestProgress':
          stream.requestProgress()
          break
        default:
      }
    },
    close: () => stream.close(),
    get watchers() {
      return stream.size
    },
  }
}

function watchReader(
  store: Store,
  { watcher, progressIntervalMs }: Extract<ReaderCommand, { type: 'openWatch' }>,
): Reader {
  const watch = store.watch({ ...toRequest(store, watcher), progressIntervalMs })
  const iterator: AsyncIterator<WatchBatch, unknown> = watch[Symbol.asyncIterator]()
  return {
    next: async () => {
      const next = await iterator.next()
      return next.done === true ? undefined : (to) => writeBatch(to, next.value)
    },
    close: () => watch.close(),
    watchers: 1,
  }
}

function snapshotReader(store: Store): Reader {
  const snapshot = store.snapshot()
  const iterator: AsyncIterator<Uint8Array, unknown> = snapshot[Symbol.asyncIterator]()
  return {
    next: async () => {
      const next = await iterator.next()
      if (next.done === true) return undefined
      const chunk = next.value
      const { revision } = snapshot
      return (to) => {
        to.number(revision)
        to.bytes(chunk)
      }
    },
    close: () => {
      // It ends because its reader has left: nobody is there to be told how.
      iterator.return?.().catch(() => {})
    },
    watchers: 0,
  }
}

function refusal(error: unknown): Reader {
  return {
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- it is what the store threw
    next: () => Promise.reject(error),
    close: () => {},
    watchers: 0,
  }
}

/** A watcher from now is one from where the host saw the store: it was told so, and may have read what is there. */
function toRequest(store: Store, watcher: WireWatcher): WatcherRequest {
  const { key, rangeEnd, startRevision = 0, filters, prevKv, seenRevision } = watcher
  const isBehind = startRevision <= 0 && store.status().revision > seenRevision
  return {
    key: toBytes(key),
    rangeEnd: rangeEnd === undefined ? undefined : toBytes(rangeEnd),
    startRevision: isBehind ? seenRevision + 1 : startRevision,
    filters,
    prevKv,
  }
}
