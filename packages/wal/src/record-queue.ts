import { align, endMarkBytes, entryHeaderBytes, recordHeaderBytes } from './format.ts'
import type { RecordKind } from './format.ts'

/** A record that is being filled, or waits for the disk. */
export interface PendingRecord {
  readonly kind: RecordKind
  /** Counts the records of this opening, from 1. */
  readonly ordinal: number
  readonly firstIndex: number
  entryCount: number
  /** Its buffer, longer than its content. */
  bytes: Uint8Array<ArrayBuffer>
  view: DataView
  /** Header and entries, without padding. Unit: bytes. */
  length: number
  /** The highest index that is durable once this record is; lowered when entries are truncated meanwhile. */
  durableIndex: number
}

const initialBufferBytes = 64 * 1024
const spareBuffersMax = 4
/** Zeros up to a multiple of 8 belong to a record. */
const paddingMaxBytes = 8

/**
 * Frames entries into records while the disk is busy with an earlier one. Each payload is copied once, to
 * the place from which it is written.
 */
export class RecordQueue {
  readonly #recordMaxBytes: number
  #pending: PendingRecord[] = []
  /** The record that takes the next entry: the last one pending. */
  #open: PendingRecord | undefined
  readonly #spare: ArrayBuffer[] = []
  #ordinal = 0
  #bytes = 0

  constructor(recordMaxBytes: number) {
    this.#recordMaxBytes = recordMaxBytes
  }

  /** What waits. Unit: bytes. */
  get bytes(): number {
    return this.#bytes
  }

  get isEmpty(): boolean {
    return this.#pending.length === 0
  }

  /** Ordinal of the record that was begun last. */
  get lastOrdinal(): number {
    return this.#ordinal
  }

  /** Largest total of payloads and their heads in one record. Unit: bytes. */
  get capacity(): number {
    return this.#recordMaxBytes - recordHeaderBytes - paddingMaxBytes
  }

  /** Makes sure that the next `length` bytes of entries go into one record. */
  reserve(index: number, length: number): PendingRecord {
    let record = this.#open
    if (record === undefined || record.length + length > this.#recordMaxBytes - paddingMaxBytes) {
      record = this.begin('entries', index)
    }
    const needed = record.length + length + paddingMaxBytes + endMarkBytes
    if (needed > record.bytes.length) this.#grow(record, needed)
    return record
  }

  /** Adds an entry to a record with enough space. */
  add(record: PendingRecord, type: number, payload: Uint8Array): void {
    const at = record.length
    record.view.setUint8(at, type)
    record.view.setUint32(at + 1, payload.byteLength, true)
    record.bytes.set(payload, at + entryHeaderBytes)
    const bytes = entryHeaderBytes + payload.byteLength
    record.length = at + bytes
    record.entryCount++
    record.durableIndex++
    this.#bytes += bytes
  }

  /** Begins a record; earlier ones take no more entries. */
  begin(kind: RecordKind, firstIndex: number): PendingRecord {
    const buffer =
      this.#spare.pop() ?? new ArrayBuffer(Math.min(initialBufferBytes, align(this.#recordMaxBytes)))
    const record: PendingRecord = {
      kind,
      ordinal: ++this.#ordinal,
      firstIndex,
      entryCount: 0,
      bytes: new Uint8Array(buffer),
      view: new DataView(buffer),
      length: recordHeaderBytes,
      durableIndex: firstIndex - 1,
    }
    this.#pending.push(record)
    this.#open = record
    this.#bytes += recordHeaderBytes
    return record
  }

  /** Takes the oldest record out; it gets no more entries. */
  take(): PendingRecord | undefined {
    const record = this.#pending.shift()
    if (record === undefined) return undefined
    if (record === this.#open) this.#open = undefined
    this.#bytes -= record.length
    return record
  }

  /** The entries behind `index` are gone: no record that waits makes more than that durable. */
  lowerDurableIndex(index: number): void {
    for (const record of this.#pending) record.durableIndex = Math.min(record.durableIndex, index)
  }

  /** Forgets everything that waits. */
  clear(): void {
    this.#pending = []
    this.#open = undefined
    this.#bytes = 0
  }

  /** Takes back the buffer of a record that was written. */
  recycle(buffer: ArrayBuffer): void {
    if (this.#spare.length < spareBuffersMax) this.#spare.push(buffer)
  }

  #grow(record: PendingRecord, atLeast: number): void {
    const capacity = Math.min(Math.max(atLeast, record.bytes.length * 2), align(this.#recordMaxBytes))
    const bytes = new Uint8Array(Math.max(capacity, atLeast))
    bytes.set(record.bytes.subarray(0, record.length))
    record.bytes = bytes
    record.view = new DataView(bytes.buffer)
  }
}
