import type { RecordHeader, SegmentHeader } from './format.ts'

/** A segment of the log, as far as it is durable. */
export interface Segment {
  readonly path: string
  readonly header: SegmentHeader
  /** Length of the header. Unit: bytes. */
  readonly headerBytes: number
  /** Checksum of the header: seed of the checksums of its records. */
  readonly seed: number
  /** Where its last record ends. Unit: bytes. */
  end: number
  /** Lowest index that an entry of this segment can have. */
  lowestIndex: number
  /** First indexes of the records that replace older entries, in their order. */
  readonly replacements: number[]
}

/** Where the log stands between two records. */
export interface LogPosition {
  /** Index of the next entry. */
  nextIndex: number
  /** Checksum of the last record, or of the header when the segment has none. */
  checksum: number
}

/** Name of a segment in its directory; sorts by sequence. */
export function segmentName(sequence: number, firstIndex: number): string {
  const hex = (value: number): string => value.toString(16).padStart(16, '0')
  return `${hex(sequence)}-${hex(firstIndex)}.wal`
}

/** What a segment's name says; `undefined` when it is not the name of a segment. */
export function parseSegmentName(name: string): { sequence: number; firstIndex: number } | undefined {
  const match = /^([0-9a-f]{16})-([0-9a-f]{16})\.wal$/.exec(name)
  if (match?.[1] === undefined || match[2] === undefined) return undefined
  const sequence = Number.parseInt(match[1], 16)
  const firstIndex = Number.parseInt(match[2], 16)
  return Number.isSafeInteger(sequence) && Number.isSafeInteger(firstIndex)
    ? { sequence, firstIndex }
    : undefined
}

/** A segment without records. */
export function emptySegment(
  path: string,
  header: SegmentHeader,
  headerBytes: number,
  seed: number,
): Segment {
  const { firstIndex } = header
  return { path, header, headerBytes, seed, end: headerBytes, lowestIndex: firstIndex, replacements: [] }
}

/** What segment and position need to know of a record. */
export interface RecordSummary extends Pick<RecordHeader, 'kind' | 'firstIndex' | 'entryCount'> {
  readonly offset: number
  /** Unit: bytes, padding included. */
  readonly length: number
  readonly checksum: number
}

/** Takes one more record of a segment into account. */
export function includeRecord(segment: Segment, record: RecordSummary): void {
  if (record.kind === 'replace') {
    segment.replacements.push(record.firstIndex)
    segment.lowestIndex = Math.min(segment.lowestIndex, record.firstIndex)
  }
  segment.end = record.offset + record.length
}

/** Moves behind a record. */
export function passRecord(position: LogPosition, record: RecordSummary): void {
  position.nextIndex = record.firstIndex + record.entryCount
  position.checksum = record.checksum
}

/** The segments of a log, oldest first. */
export class SegmentList {
  readonly #segments: Segment[]

  constructor(segments: readonly Segment[]) {
    this.#segments = [...segments]
  }

  get all(): readonly Segment[] {
    return this.#segments
  }

  /** The lowest index that can be read, or would be if the log were not empty. */
  get firstIndex(): number {
    return this.#lowestFrom(0)
  }

  add(segment: Segment): void {
    this.#segments.push(segment)
  }

  /**
   * The segments that hold the entries from `index` on. A segment whose lowest index is not above `index`
   * makes all older ones unnecessary: whatever they hold from there on was replaced.
   */
  holding(index: number): readonly Segment[] {
    for (let i = this.#segments.length - 1; i > 0; i--) {
      const segment = this.#segments[i]
      if (segment !== undefined && segment.lowestIndex <= index) return this.#segments.slice(i)
    }
    return this.#segments.slice()
  }

  /** The oldest segment, if every entry that it still contributes is at or below `index`. */
  removable(index: number): Segment | undefined {
    return this.#segments.length > 1 && this.#lowestFrom(1) <= index + 1 ? this.#segments[0] : undefined
  }

  removeOldest(): void {
    this.#segments.shift()
  }

  #lowestFrom(start: number): number {
    let lowest = Number.MAX_SAFE_INTEGER
    for (let i = start; i < this.#segments.length; i++) {
      lowest = Math.min(lowest, this.#segments[i]?.lowestIndex ?? lowest)
    }
    return lowest
  }
}
