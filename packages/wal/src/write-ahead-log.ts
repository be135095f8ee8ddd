import { type Logger, invariant } from '@orrery/environment'
import { WalError } from './errors.ts'
import { type Entry, entryHeaderBytes } from './format.ts'
import type { Wal, WalRecovery } from './wal.ts'
import { Housekeeping } from './housekeeping.ts'
import type { Disk, DiskOperation, DiskResult } from './ports.ts'
import { planRead, readEntries } from './reader.ts'
import { type PendingRecord, RecordQueue } from './record-queue.ts'
import { type SegmentList, includeRecord } from './segment.ts'
import type { Placement, SegmentWriter } from './segment-writer.ts'
import { Waiters } from './waiters.ts'

/** What a log is made of. */
export interface WalParts {
  readonly disk: Disk
  readonly directory: string
  readonly logger: Logger
  readonly onDurable: (index: number) => void
  readonly onFailure: (error: WalError) => void
  readonly defer: (callback: () => void) => unknown
  readonly segments: SegmentList
  readonly writer: SegmentWriter
  readonly recovery: WalRecovery
  readonly metadata: Uint8Array
  readonly lastIndex: number
  readonly recordMaxBytes: number
  readonly queueMaxBytes: number
}

/** The log behind {@link Wal}: a queue of records of which one at a time is with the disk. */
export class WriteAheadLog implements Wal {
  readonly recovery: WalRecovery
  readonly metadata: Uint8Array
  readonly #parts: WalParts
  readonly #queue: RecordQueue
  readonly #housekeeping: Housekeeping
  readonly #durableWaiters = new Waiters()
  readonly #flushWaiters = new Waiters()
  #lastIndex: number
  #durableIndex: number
  #inFlight: PendingRecord | undefined
  #doneOrdinal = 0
  #pumpScheduled = false
  #failure: WalError | undefined
  #closed: Promise<void> | undefined

  constructor(parts: WalParts) {
    this.#parts = parts
    this.recovery = parts.recovery
    this.metadata = parts.metadata
    this.#queue = new RecordQueue(parts.recordMaxBytes)
    this.#lastIndex = parts.lastIndex
    this.#durableIndex = parts.lastIndex
    this.#housekeeping = new Housekeeping({ ...parts, onFailure: (cause) => this.#fail(cause) })
    this.#housekeeping.start()
  }

  get state(): Wal['state'] {
    if (this.#failure !== undefined) return 'failed'
    return this.#closed === undefined ? 'open' : 'closed'
  }

  get firstIndex(): number {
    return Math.min(this.#parts.segments.firstIndex, this.#lastIndex + 1)
  }

  get lastIndex(): number {
    return this.#lastIndex
  }

  get durableIndex(): number {
    return this.#durableIndex
  }

  get bufferedBytes(): number {
    return this.#queue.bytes + (this.#inFlight?.length ?? 0)
  }

  append(type: number, payload: Uint8Array): number {
    const length = entryHeaderBytes + payload.byteLength
    this.#admit(length)
    requireType(type)
    this.#queue.add(this.#queue.reserve(this.#lastIndex + 1, length), type, payload)
    this.#schedulePump()
    return ++this.#lastIndex
  }

  appendAll(entries: readonly { readonly type: number; readonly payload: Uint8Array }[]): number {
    let length = 0
    for (const { type, payload } of entries) {
      requireType(type)
      length += entryHeaderBytes + payload.byteLength
    }
    this.#admit(length)
    if (entries.length === 0) return this.#lastIndex
    const record = this.#queue.reserve(this.#lastIndex + 1, length)
    for (const { type, payload } of entries) this.#queue.add(record, type, payload)
    this.#schedulePump()
    return (this.#lastIndex += entries.length)
  }

  truncateSuffix(lastKeptIndex: number): void {
    this.#requireOpen()
    this.#requireIndex(lastKeptIndex, this.firstIndex - 1, this.#lastIndex)
    if (lastKeptIndex === this.#lastIndex) return
    this.#durableIndex = Math.min(this.#durableIndex, lastKeptIndex)
    if (this.#inFlight !== undefined) {
      this.#inFlight.durableIndex = Math.min(this.#inFlight.durableIndex, lastKeptIndex)
    }
    this.#queue.lowerDurableIndex(lastKeptIndex)
    this.#queue.begin('replace', lastKeptIndex + 1)
    this.#lastIndex = lastKeptIndex
    this.#schedulePump()
    this.#durableWaiters.rejectAbove(
      lastKeptIndex,
      new WalError('WAL_TRUNCATED', `the entries after ${lastKeptIndex} were removed`),
    )
  }

  async compactPrefix(index: number): Promise<void> {
    this.#requireOpen()
    this.#requireIndex(index, 0, this.#durableIndex)
    return this.#housekeeping.compact(index)
  }

  async durable(index: number, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    this.#requireIndex(index, 0, this.#lastIndex)
    if (index > this.#durableIndex) await this.#durableWaiters.wait(index, options.signal)
  }

  async flush(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    const ordinal = this.#queue.lastOrdinal
    if (ordinal > this.#doneOrdinal) await this.#flushWaiters.wait(ordinal, options.signal)
  }

  read(fromIndex: number): AsyncGenerator<readonly Entry[], void> {
    this.#requireOpen()
    this.#requireIndex(fromIndex, this.firstIndex, this.#durableIndex + 1)
    const { disk, segments } = this.#parts
    return readEntries(disk, planRead(segments.holding(fromIndex), fromIndex, this.#durableIndex))
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#drain())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #requireOpen(): void {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#closed !== undefined) throw new WalError('WAL_CLOSED', 'the log is closed')
  }

  #requireIndex(index: number, min: number, max: number): void {
    if (Number.isSafeInteger(index) && index >= min && index <= max) return
    throw new WalError('WAL_INDEX_OUT_OF_RANGE', `index ${index} is not in [${min}, ${max}]`)
  }

  #admit(length: number): void {
    this.#requireOpen()
    const { capacity } = this.#queue
    if (length > capacity) {
      throw new WalError('WAL_ENTRY_TOO_LARGE', `${length} bytes do not fit into a record of ${capacity}`)
    }
    if (this.bufferedBytes + length > this.#parts.queueMaxBytes) {
      throw new WalError('WAL_QUEUE_FULL', `${this.bufferedBytes} bytes wait for the disk`)
    }
  }

  /**
   * Entries of one turn go into one record: writing starts when the turn is over. When the disk is done with a
   * record, that is after the host has heard of it: what it appends in answer goes with what has waited. A sync
   * costs the processor as much as many entries do.
   */
  #schedulePump(): void {
    if (this.#pumpScheduled || this.#inFlight !== undefined) return
    this.#pumpScheduled = true
    this.#parts.defer(() => {
      this.#pumpScheduled = false
      this.#pump()
    })
  }

  /** Hands the next record to the disk, unless it is still busy with one. */
  #pump(): void {
    if (this.#inFlight !== undefined || this.#failure !== undefined) return
    const record = this.#queue.take()
    if (record === undefined) return
    this.#inFlight = record
    const placement = this.#parts.writer.place(record)
    this.#parts.disk.submit(placement.operations).then(
      (results) => this.#written(record, placement, results),
      (error: unknown) => {
        this.#withdraw(placement, error)
        this.#fail(error)
      },
    )
    this.#housekeeping.start()
  }

  #written(record: PendingRecord, placement: Placement, results: readonly DiskResult[]): void {
    if (this.#failure !== undefined) return
    invariant(this.#inFlight === record, 'one record at a time is with the disk')
    this.#inFlight = undefined
    this.#doneOrdinal = record.ordinal
    if (record.kind !== 'close') this.#durableIndex = record.durableIndex
    includePlacement(this.#parts.segments, placement)
    this.#recycle(results)
    if (this.#queue.isEmpty) this.#housekeeping.start()
    else this.#schedulePump()
    this.#flushWaiters.release(this.#doneOrdinal)
    this.#durableWaiters.release(this.#durableIndex)
    if (record.kind !== 'close') this.#parts.onDurable(this.#durableIndex)
  }

  /** The buffer of the record is the one of the last write of its batch. */
  #recycle(results: readonly DiskResult[]): void {
    let buffer: ArrayBuffer | undefined
    for (const result of results) if (result.type === 'write') buffer = result.buffer
    if (buffer !== undefined) this.#queue.recycle(buffer)
  }

  /**
   * A record that found no room was promised to nobody. Nothing of it may stay: the next opening could not tell it from
   * one that was lost, and a host whose members all ran out of space would not know whom to trust.
   */
  #withdraw({ operations, begins }: Placement, cause: unknown): void {
    const { errno, operation = -1 } = cause instanceof WalError ? cause.details : {}
    const failed = operations[operation]
    if (this.#failure !== undefined || begins || errno !== 'ENOSPC' || failed?.type !== 'write') return
    const { path, offset } = failed
    const withdrawal: DiskOperation[] = [
      { type: 'truncate', path, length: offset },
      { type: 'sync', path },
    ]
    this.#parts.disk.submit(withdrawal).catch((error: unknown) => {
      this.#parts.logger.warn('a record that found no room could not be taken back', { error })
    })
  }

  /** The first failure is the last thing that happens: what the disk holds is not known any more. */
  #fail(cause: unknown): void {
    if (this.#failure !== undefined) return
    const reason = cause instanceof Error ? cause.message : String(cause)
    const details = cause instanceof WalError ? cause.details : {}
    const failure = new WalError('WAL_FAILED', `the log has failed: ${reason}`, { cause, details })
    this.#failure = failure
    this.#inFlight = undefined
    this.#queue.clear()
    this.#durableWaiters.rejectAbove(-1, failure)
    this.#flushWaiters.rejectAbove(-1, failure)
    this.#housekeeping.stop(failure)
    this.#parts.logger.error('the log has failed', { error: failure })
    this.#parts.onFailure(failure)
  }

  async #drain(): Promise<void> {
    const failedBefore = this.#failure !== undefined
    const { disk, directory, writer } = this.#parts
    try {
      if (failedBefore) return
      const unmarked = this.#queue.lastOrdinal > 0 || this.recovery.state !== 'clean'
      if (unmarked) {
        this.#queue.begin('close', this.#lastIndex + 1)
        this.#schedulePump()
        await this.flush()
      }
      await this.#housekeeping.finish()
      this.#requireNoFailure()
      await disk.submit([
        { type: 'unlink', path: writer.temporaryPath },
        { type: 'close', path: writer.path },
      ])
    } finally {
      await disk.submit([{ type: 'unlock', path: `${directory}/LOCK` }]).catch((error: unknown) => {
        this.#parts.logger.warn('the lock of the log could not be released', { error })
      })
    }
  }

  #requireNoFailure(): void {
    if (this.#failure !== undefined) throw this.#failure
  }
}

/** Makes what was written visible to readers. */
export function includePlacement(segments: SegmentList, placement: Placement): void {
  if (placement.begins) segments.add(placement.segment)
  if (placement.summary !== undefined) includeRecord(placement.segment, placement.summary)
}

function requireType(type: number): void {
  if (Number.isInteger(type) && type >= 0 && type <= 255) return
  throw new RangeError(`the type of an entry is an integer in [0, 255], got ${type}`)
}
