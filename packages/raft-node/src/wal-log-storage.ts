import type { Environment } from '@orrery/environment'
import type { Entry, HardState } from '@orrery/raft'
import { type Disk, openWal, type Wal, type Entry as WalEntry } from '@orrery/wal'
import { NodeError } from './errors.ts'
import type { Durables, LogStorage, StoredLog } from './log-storage.ts'
import {
  decodeBase,
  decodeHardState,
  decodeInstalled,
  decodePosition,
  encodeBase,
  encodeHardState,
  encodeInstalled,
  encodePosition,
  type Installed,
  entryTypeOf,
  recordTypeOf,
  recordTypes,
} from './log-records.ts'

/** A log on disk, and what it held when it was opened. */
export interface WalLogStorage extends LogStorage {
  readonly stored: StoredLog
  /** What was given when the log was created. */
  readonly metadata: Uint8Array
}

/** Where a log is. */
export interface WalLogParts {
  readonly disk: Disk
  readonly directory: string
  readonly environment: Environment
  /** Kept in a new log: whose it is. */
  readonly metadata: Uint8Array
}

/** Where in the write-ahead log the entries from an index on begin. */
interface Place {
  readonly index: number
  readonly walIndex: number
}

/**
 * More than the core's own limits let wait. Beyond it the member stops, rather than to take what it cannot
 * write. Unit: bytes.
 */
const queueMaxBytes = 1_073_741_824
/** Entries between two places that are remembered, so that they stay few. */
const placeStrideEntries = 512

/**
 * Opens a member's log. Each batch of the core is written as a hard state, if it changed, and a run of entries
 * behind the position of the first; a run whose position is not behind the last entry replaces what follows.
 *
 * ```text
 * hardState  position(index, term)  entry entry entry  position(index, term)  entry …  base(index, term, hardState, stateName)
 * ```
 *
 * The hard state comes first: whatever part of a batch survives a crash, its commit index is as durable as its
 * entries, and its term is at least theirs.
 *
 * @throws WalError
 * @throws NodeError `NODE_DAMAGED`
 */
export async function openWalLogStorage(parts: WalLogParts): Promise<WalLogStorage> {
  let storage: WalStorage | undefined
  const wal = await openWal(
    {
      disk: parts.disk,
      directory: parts.directory,
      logger: parts.environment.logger,
      onDurable: (index) => storage?.walDurable(index),
      onFailure: (error) => storage?.onFailure?.(error),
    },
    { metadata: parts.metadata, queueMaxBytes },
  )
  try {
    const recovered = await readLog(wal)
    storage = new WalStorage(wal, recovered)
    return storage
  } catch (error) {
    await wal.close().catch(() => {})
    throw error
  }
}

class WalStorage implements WalLogStorage {
  readonly stored: StoredLog
  onDurable: ((readyNumber: number) => void) | undefined
  onFailure: ((error: Error) => void) | undefined
  readonly #wal: Wal
  /** Where entries begin, oldest first. */
  #places: Place[]
  /** Batches that are not durable, with the record that completes them. */
  #waiting: { readonly number: number; readonly walIndex: number }[] = []
  #hardState: HardState | undefined
  #stateName: string
  /** The hard state has changed since it was written: only its commit index. */
  #isHardStateHeld = false
  /** Where the next entry of the present run would be. */
  #next: { index: number; term: number } | undefined

  constructor(wal: Wal, { stored, places }: RecoveredLog) {
    this.#wal = wal
    this.stored = stored
    this.#places = places
    this.#hardState = stored.hardState
    this.#stateName = stored.stateName ?? ''
  }

  get metadata(): Uint8Array {
    return this.#wal.metadata
  }

  get pendingBytes(): number {
    return this.#wal.bufferedBytes
  }

  append({ number, snapshot, entries, hardState, mustSync }: Durables, stateName = ''): void {
    if (hardState !== undefined) {
      this.#hardState = hardState
      this.#isHardStateHeld = true
    }
    if (mustSync) {
      this.#writeHardState()
      if (snapshot !== undefined) this.#writeInstalled({ ...snapshot, stateName })
      if (entries.length > 0) this.#writeEntries(entries)
    }
    this.#waiting.push({ number, walIndex: this.#wal.lastIndex })
    // Nothing was written that anybody waits for.
    if (this.#wal.durableIndex >= this.#wal.lastIndex)
      queueMicrotask(() => this.walDurable(this.#wal.durableIndex))
  }

  /** All records up to this one are durable. */
  walDurable(walIndex: number): void {
    let number: number | undefined
    let done = 0
    for (const batch of this.#waiting) {
      if (batch.walIndex > walIndex) break
      number = batch.number
      done++
    }
    if (number === undefined) return
    this.#waiting.splice(0, done)
    this.onDurable?.(number)
  }

  compact(index: number, term: number): void {
    if (this.#wal.state !== 'open' || this.#hardState === undefined) return
    const place = this.#places.findLast((one) => one.index <= index + 1)
    if (place === undefined) return
    this.#places = this.#places.filter((one) => one.walIndex >= place.walIndex)
    this.#isHardStateHeld = false
    const record = encodeBase({
      base: { index, term },
      hardState: this.#hardState,
      stateName: this.#stateName,
    })
    const base = this.#wal.append(recordTypes.base, record)
    this.#next = undefined
    const release = async (): Promise<void> => {
      await this.#wal.durable(base)
      await this.#wal.compactPrefix(place.walIndex - 1)
    }
    // A failure of the disk is reported by itself; else the space comes back later.
    release().catch(() => {})
  }

  async close(): Promise<void> {
    if (this.#wal.state === 'open') this.#writeHardState()
    await this.#wal.close()
  }

  #writeHardState(): void {
    if (!this.#isHardStateHeld || this.#hardState === undefined) return
    this.#isHardStateHeld = false
    this.#wal.append(recordTypes.hardState, encodeHardState(this.#hardState))
  }

  #writeInstalled(installed: Installed): void {
    this.#stateName = installed.stateName
    const walIndex = this.#wal.append(recordTypes.installed, encodeInstalled(installed))
    this.#next = undefined
    this.#places = [{ index: installed.index + 1, walIndex }]
  }

  #writeEntries(entries: readonly Entry[]): void {
    for (const { index, term, type, payload } of entries) {
      const follows = this.#next?.index === index && this.#next.term === term
      if (!follows || this.#isFarFromPlace(index)) this.#writePosition(index, term)
      this.#wal.append(recordTypeOf(type), payload)
      this.#next = { index: index + 1, term }
    }
  }

  #writePosition(index: number, term: number): void {
    const walIndex = this.#wal.append(recordTypes.position, encodePosition({ index, term }))
    while ((this.#places.at(-1)?.index ?? 0) >= index) this.#places.pop()
    if (this.#isFarFromPlace(index)) this.#places.push({ index, walIndex })
  }

  /** A long run needs positions on its way: the log is only ever cut in front of one. */
  #isFarFromPlace(index: number): boolean {
    const last = this.#places.at(-1)
    return last === undefined || index - last.index >= placeStrideEntries
  }
}

interface RecoveredLog {
  readonly stored: StoredLog
  readonly places: Place[]
}

/** Reads the whole log: what was replaced later in it is left out. */
async function readLog(wal: Wal): Promise<RecoveredLog> {
  const reading = new LogReading()
  if (wal.lastIndex >= wal.firstIndex) {
    for await (const records of wal.read(wal.firstIndex)) {
      for (const record of records) reading.add(record)
    }
  }
  return reading.finish(wal.recovery.tornTail !== undefined)
}

class LogReading {
  #hardState: HardState | undefined
  #base: { readonly index: number; readonly term: number } | undefined
  #stateName = ''
  #entries: Entry[] = []
  #next: { index: number; term: number } | undefined
  readonly #places: Place[] = []

  add({ type, payload, index: walIndex }: WalEntry): void {
    switch (type) {
      case recordTypes.hardState:
        this.#hardState = decodeHardState(payload)
        break
      case recordTypes.position:
        this.#position(decodePosition(payload), walIndex)
        break
      case recordTypes.installed: {
        const installed = decodeInstalled(payload)
        this.#base = installed
        this.#stateName = installed.stateName
        this.#entries = []
        this.#next = undefined
        this.#places.splice(0, this.#places.length, { index: installed.index + 1, walIndex })
        break
      }
      case recordTypes.base: {
        const { base, hardState, stateName } = decodeBase(payload)
        this.#base = base
        this.#hardState = hardState
        this.#stateName = stateName
        this.#next = undefined
        break
      }
      default:
        this.#entry(type, payload)
    }
  }

  finish(isTailLost: boolean): RecoveredLog {
    const { index: previousIndex, term: previousTerm } = this.#base ?? { index: 0, term: 0 }
    const entries = this.#entries.filter(({ index }) => index > previousIndex)
    const first = entries[0]
    if (first !== undefined && first.index !== previousIndex + 1) {
      throw new NodeError(
        'NODE_DAMAGED',
        `the log lacks the entries ${previousIndex + 1} to ${first.index - 1}`,
      )
    }
    const lastIndex = previousIndex + entries.length
    const stored: StoredLog = {
      // A crash may have kept the hard state of a batch, and not its entries.
      hardState: this.#hardState && {
        ...this.#hardState,
        commitIndex: Math.max(previousIndex, Math.min(this.#hardState.commitIndex, lastIndex)),
      },
      previousIndex,
      previousTerm,
      entries,
      stateName: this.#stateName === '' ? undefined : this.#stateName,
      isTailLost,
    }
    return { stored, places: this.#places }
  }

  #position(position: { index: number; term: number }, walIndex: number): void {
    this.#next = position
    const last = this.#entries.at(-1)
    // What a later leader replaced.
    if (last !== undefined && position.index <= last.index) {
      const first = last.index - this.#entries.length + 1
      this.#entries.length = Math.max(0, position.index - first)
    }
    while ((this.#places.at(-1)?.index ?? 0) >= position.index) this.#places.pop()
    this.#places.push({ index: position.index, walIndex })
  }

  #entry(type: number, payload: Uint8Array): void {
    const entryType = entryTypeOf(type)
    if (entryType === undefined) {
      throw new NodeError('NODE_DAMAGED', `the log has a record of the unknown type ${type}`)
    }
    // Compaction frees whole files: the first may begin within a run that is compacted.
    if (this.#next === undefined) return
    const last = this.#entries.at(-1)
    if (last !== undefined && last.index + 1 !== this.#next.index) this.#entries = []
    // The reader's buffers are large: a view would keep all of one alive for a single entry.
    this.#entries.push({ ...this.#next, type: entryType, payload: new Uint8Array(payload) })
    this.#next = { index: this.#next.index + 1, term: this.#next.term }
  }
}
