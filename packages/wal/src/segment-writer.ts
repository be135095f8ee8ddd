import {
  type SegmentHeader,
  align,
  encodeSegmentHeader,
  endMarkBytes,
  recordHeaderBytes,
  sealRecord,
  segmentHeaderBytes,
  writeEndMark,
} from './format.ts'
import type { DiskOperation } from './ports.ts'
import type { PendingRecord } from './record-queue.ts'
import {
  type LogPosition,
  type RecordSummary,
  type Segment,
  emptySegment,
  passRecord,
  segmentName,
} from './segment.ts'

/** Where a record goes: what the disk has to do, and what is true once it has done it. */
export interface Placement {
  readonly operations: readonly DiskOperation[]
  readonly segment: Segment
  /** Whether the segment begins with this placement. */
  readonly begins: boolean
  /** To be included in the segment when the operations are done; readers do not see it before. */
  readonly summary: RecordSummary | undefined
}

/** A tail that is cut by beginning a new segment. */
export interface Cut {
  readonly offset: number
  readonly bytes: number
}

interface WriterOptions {
  readonly directory: string
  readonly metadata: Uint8Array
  readonly segmentMaxBytes: number
  readonly preallocateBytes: number
}

/** The end of the log, where the writer goes on. */
export interface WriterStart {
  /** `undefined`: the log is to be created. */
  readonly segment: Segment | undefined
  readonly position: LogPosition
  /** Size of the file of `segment`. Unit: bytes. */
  readonly fileBytes: number
}

const sliceMaxBytes = 256 * 1024

/**
 * Decides where records go. It performs nothing itself: it returns the operations.
 *
 * A segment is prepared under a temporary name and receives its own when its header and first record are
 * durable. Zeros run ahead of the records, first in the current segment, then in the one to come; unless that
 * gets the file of a segment that is not needed any more, which is there already.
 */
export class SegmentWriter {
  /** Where the next segment is prepared; the file may not exist. */
  readonly temporaryPath: string
  /** Where the file of a segment that is not needed any more waits until its old name is known to be gone. */
  readonly sparePath: string
  readonly #options: WriterOptions
  #segment: Segment | undefined
  readonly #position: LogPosition
  /** Where the next record goes. */
  #offset: number
  /** How much of the current segment's file exists. */
  #filledBytes: number
  /** How much of the next segment's file exists. */
  #preparedBytes = 0

  constructor(options: WriterOptions, start: WriterStart) {
    this.#options = options
    this.temporaryPath = `${options.directory}/next.wal.tmp`
    this.sparePath = `${options.directory}/spare.wal.tmp`
    this.#segment = start.segment
    this.#position = { ...start.position }
    this.#offset = start.segment?.end ?? 0
    this.#filledBytes = start.fileBytes
  }

  /** The file of the current segment. */
  get path(): string {
    return this.#segment?.path ?? this.temporaryPath
  }

  /** Places a record, in a new segment when it does not fit into the current one. */
  place(record: PendingRecord): Placement {
    const segment = this.#segment
    const end = this.#offset + align(record.length)
    const fits = end + endMarkBytes <= this.#options.segmentMaxBytes || this.#offset === segment?.headerBytes
    if (segment === undefined || !fits) return this.placeInNewSegment(record)
    const { bytes, summary } = this.#seal(record, segment)
    const { path } = segment
    const operations: DiskOperation[] = [
      { type: 'write', path, offset: summary.offset, bytes },
      { type: 'sync', path },
    ]
    return { operations, segment, begins: false, summary }
  }

  /**
   * Begins a segment, with `record` as its first one. Everything that lies behind the current end of the
   * log, in the segment so far, is thereby cut off.
   */
  placeInNewSegment(record?: PendingRecord, cut: Cut = { offset: 0, bytes: 0 }): Placement {
    const { directory } = this.#options
    const previous = this.#segment
    const { header, bytes: headerBytes, checksum } = this.#header(record, cut)
    const path = `${directory}/${segmentName(header.sequence, header.firstIndex)}`
    const segment = emptySegment(path, header, headerBytes.length, checksum)
    this.#segment = segment
    this.#position.checksum = checksum
    this.#offset = headerBytes.length
    this.#filledBytes = Math.max(this.#preparedBytes, headerBytes.length)
    this.#preparedBytes = 0

    const temporary = this.temporaryPath
    const operations: DiskOperation[] = [
      { type: 'open', path: temporary },
      { type: 'write', path: temporary, offset: 0, bytes: headerBytes },
    ]
    const sealed = record === undefined ? undefined : this.#seal(record, segment)
    if (sealed !== undefined) {
      const { bytes, summary } = sealed
      operations.push({ type: 'write', path: temporary, offset: summary.offset, bytes })
    }
    operations.push(
      { type: 'sync', path: temporary },
      { type: 'rename', from: temporary, to: path },
      { type: 'syncDirectory', path: directory },
    )
    if (previous !== undefined) operations.push({ type: 'close', path: previous.path })
    return { operations, segment, begins: true, summary: sealed?.summary }
  }

  /** The next slice of zeros, while fewer than `preallocateBytes` of them lie ahead. */
  fill(): readonly DiskOperation[] | undefined {
    const { segmentMaxBytes, preallocateBytes } = this.#options
    const segment = this.#segment
    const current = this.#filledBytes < segmentMaxBytes
    const ahead = Math.max(0, this.#filledBytes - this.#offset) + (current ? 0 : this.#preparedBytes)
    if (segment === undefined || ahead >= preallocateBytes) return undefined
    const offset = current ? this.#filledBytes : this.#preparedBytes
    const length = Math.min(sliceMaxBytes, segmentMaxBytes - offset)
    if (length <= 0) return undefined
    if (current) this.#filledBytes += length
    else this.#preparedBytes += length
    // Only the file to come may be created here: a file that has the name of a segment has its header.
    const path = current ? segment.path : this.temporaryPath
    const zeros: DiskOperation[] = [
      { type: 'fill', path, offset, length },
      { type: 'sync', path },
    ]
    return current ? zeros : [{ type: 'open', path }, ...zeros]
  }

  /**
   * Whether the file of a segment that is not needed any more is of use for the one to come: what it holds is
   * then overwritten, which costs a commit neither zeros beforehand nor blocks of the file system.
   */
  canRecycle({ end }: Segment): boolean {
    const { preallocateBytes, segmentMaxBytes } = this.#options
    const bytes = end + endMarkBytes
    return preallocateBytes > 0 && bytes > this.#preparedBytes && bytes <= segmentMaxBytes
  }

  /** Takes the file of such a segment from {@link SegmentWriter.sparePath} for the one to come. */
  recycle({ end }: Segment): DiskOperation {
    this.#preparedBytes = end + endMarkBytes
    return { type: 'rename', from: this.sparePath, to: this.temporaryPath }
  }

  #header(
    record: PendingRecord | undefined,
    cut: Cut,
  ): ReturnType<typeof encodeSegmentHeader> & { header: SegmentHeader } {
    const { metadata } = this.#options
    // The mark of a clean close will be overwritten in place, and that write may be torn.
    const recordBytes = record === undefined || record.kind === 'close' ? 0 : align(record.length)
    const header: SegmentHeader = {
      sequence: (this.#segment?.header.sequence ?? 0) + 1,
      firstIndex: this.#position.nextIndex,
      previousEnd: this.#offset,
      previousChecksum: this.#position.checksum,
      baseBytes: segmentHeaderBytes(metadata.byteLength) + recordBytes,
      tornOffset: cut.offset,
      tornBytes: cut.bytes,
      metadata,
    }
    return { header, ...encodeSegmentHeader(header) }
  }

  /** Completes a record for its place, with the mark of the end behind it, and moves there. */
  #seal(record: PendingRecord, segment: Segment): { bytes: Uint8Array<ArrayBuffer>; summary: RecordSummary } {
    const { kind, firstIndex, entryCount } = record
    const offset = this.#offset
    const length = align(record.length)
    const bytes = record.bytes.subarray(0, length + endMarkBytes)
    bytes.fill(0, record.length, length)
    const checksum = sealRecord(
      bytes.subarray(0, length),
      { kind, firstIndex, entryCount, payloadBytes: record.length - recordHeaderBytes },
      {
        sequence: segment.header.sequence,
        offset,
        previousChecksum: this.#position.checksum,
        seed: segment.seed,
      },
    )
    writeEndMark(bytes.subarray(length), checksum)
    const summary = { kind, firstIndex, entryCount, offset, length, checksum }
    passRecord(this.#position, summary)
    this.#offset = offset + length
    this.#filledBytes = Math.max(this.#filledBytes, this.#offset + endMarkBytes)
    return { bytes, summary }
  }
}
