/**
 * The bytes of a log. All numbers are little endian; records start at multiples of 8.
 *
 * ```text
 * segment = header, record, record, ..., end mark, zeros or what an older segment has left there
 *
 * header                                       record
 *   0  u32  checksum of the rest                 0  u32  checksum of the rest, seeded with that of the header
 *   4  u32  magic "OWSG"                         4  u32  magic "OWRC"
 *   8  u32  format version                       8  u8   format version
 *  12  u32  header length, with metadata         9  u8   kind, 10 u16 zero
 *  16  u64  segment sequence                    12  u32  entry count
 *  24  u64  index of the next entry             16  u64  segment sequence
 *  32  u32  where the previous segment ends     24  u64  index of the first entry
 *  36  u32  checksum of the last record there   32  u32  payload length, without padding
 *  40  u32  bytes that were durable before      36  u32  own offset in the segment
 *           the segment received its name       40  u32  checksum of the previous record or header
 *  44  u32  torn tail that was cut: offset      44  u32  zero
 *  48  u32  torn tail that was cut: bytes       48  entries: u8 type, u32 length, payload
 *  52  u32  metadata length                         zeros up to a multiple of 8
 *  56  metadata, zeros up to a multiple of 8
 *
 * end mark
 *   0  u32  checksum of the rest, seeded with that of the last record
 *   4  u32  magic "OWEN"
 * ```
 *
 * The seed ties every record to its segment and to this log: a block of an older file that shows up again
 * does not pass, even if its content is a sound record. The chain of checksums does the same for order.
 *
 * The end mark is written together with the record before it, and the next record overwrites it: where it
 * stands, nothing of the beginning of another record has come to the disk. A segment without a record has none: zeros follow its header.
 */
import { crc32 } from 'node:zlib'

/** Written into headers and records. Readers refuse later versions. */
export const formatVersion = 1
/** Bytes in front of a record's entries. */
export const recordHeaderBytes = 48
/** Bytes in front of an entry's payload. */
export const entryHeaderBytes = 5
/** Bytes behind the last record that say so. */
export const endMarkBytes = 8
/** No record is longer, whatever its length field says. Unit: bytes. */
export const recordLimitBytes = 64 * 1024 * 1024
/** No segment is longer. Unit: bytes. */
export const segmentLimitBytes = 1024 * 1024 * 1024
/** Largest metadata. Unit: bytes. */
export const metadataMaxBytes = 4096

const segmentMagic = 0x4753574f
const recordMagic = 0x4352574f
const endMagic = 0x4e45574f
const fixedHeaderBytes = 56

/**
 * What a record does to the log. `entries` follow the last entry; `replace` first removes every entry from
 * its first index on; `close` says that the log was closed in good order, and is overwritten by the next
 * record.
 */
export type RecordKind = 'entries' | 'replace' | 'close'

const kindCodes = { entries: 1, replace: 2, close: 3 } as const satisfies Record<RecordKind, number>
const kindsByCode = new Map<number, RecordKind>([
  [1, 'entries'],
  [2, 'replace'],
  [3, 'close'],
])

/** The head of a segment. */
export interface SegmentHeader {
  readonly sequence: number
  /** Index of the next entry when the segment was begun. */
  readonly firstIndex: number
  /** Where the previous segment ends: what lies behind it there is not part of the log. 0 for the first. */
  readonly previousEnd: number
  /** Checksum of the last record before `previousEnd`, or of that segment's header. 0 for the first. */
  readonly previousChecksum: number
  /**
   * Bytes from the start of the file that were durable before the segment received its name. Damage there
   * cannot be a torn write.
   */
  readonly baseBytes: number
  /** Where, in the previous segment, a torn tail was cut when this segment was begun. */
  readonly tornOffset: number
  /** Its length; 0: there was none. */
  readonly tornBytes: number
  readonly metadata: Uint8Array
}

/** Where a record lies, in the log and in the chain of checksums. */
export interface RecordPlace {
  readonly sequence: number
  readonly offset: number
  readonly previousChecksum: number
  /** Checksum of the header of the segment. */
  readonly seed: number
}

/** The head of a record. */
export interface RecordHeader {
  readonly version: number
  readonly kind: RecordKind | undefined
  readonly entryCount: number
  readonly sequence: number
  readonly firstIndex: number
  readonly payloadBytes: number
  readonly offset: number
  readonly previousChecksum: number
}

/** Rounds up to the alignment of records. */
export function align(length: number): number {
  return Math.ceil(length / 8) * 8
}

/** Length of a segment's header. Unit: bytes. */
export function segmentHeaderBytes(metadataBytes: number): number {
  return align(fixedHeaderBytes + metadataBytes)
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function setUint53(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value >>> 0, true)
  view.setUint32(offset + 4, Math.floor(value / 0x1_0000_0000), true)
}

function getUint53(view: DataView, offset: number): number {
  return view.getUint32(offset + 4, true) * 0x1_0000_0000 + view.getUint32(offset, true)
}

/** Encodes the head of a segment. */
export function encodeSegmentHeader(header: SegmentHeader): {
  bytes: Uint8Array<ArrayBuffer>
  checksum: number
} {
  const bytes = new Uint8Array(segmentHeaderBytes(header.metadata.byteLength))
  const view = viewOf(bytes)
  view.setUint32(4, segmentMagic, true)
  view.setUint32(8, formatVersion, true)
  view.setUint32(12, bytes.length, true)
  setUint53(view, 16, header.sequence)
  setUint53(view, 24, header.firstIndex)
  view.setUint32(32, header.previousEnd, true)
  view.setUint32(36, header.previousChecksum, true)
  view.setUint32(40, header.baseBytes, true)
  view.setUint32(44, header.tornOffset, true)
  view.setUint32(48, header.tornBytes, true)
  view.setUint32(52, header.metadata.byteLength, true)
  bytes.set(header.metadata, fixedHeaderBytes)
  const checksum = crc32(bytes.subarray(4))
  view.setUint32(0, checksum, true)
  return { bytes, checksum }
}

/** A header that was read, or what is wrong with it. */
export type SegmentHeaderRead =
  | { readonly ok: true; readonly header: SegmentHeader; readonly length: number; readonly checksum: number }
  | { readonly ok: false; readonly reason: string; readonly unsupported: boolean }

/** Decodes the head of a segment from the first bytes of its file. */
export function decodeSegmentHeader(bytes: Uint8Array): SegmentHeaderRead {
  const refuse = (reason: string, unsupported = false): SegmentHeaderRead => ({
    ok: false,
    reason,
    unsupported,
  })
  if (bytes.length < fixedHeaderBytes) return refuse('the file is too short for a segment header')
  const view = viewOf(bytes)
  if (view.getUint32(4, true) !== segmentMagic) return refuse('not a segment header')
  const length = view.getUint32(12, true)
  const metadataBytes = view.getUint32(52, true)
  if (metadataBytes > metadataMaxBytes || length !== segmentHeaderBytes(metadataBytes)) {
    return refuse('the segment header has an impossible length')
  }
  if (length > bytes.length) return refuse('the file is too short for its segment header')
  const checksum = view.getUint32(0, true)
  if (crc32(bytes.subarray(4, length)) !== checksum) return refuse('the segment header fails its checksum')
  const version = view.getUint32(8, true)
  if (version !== formatVersion) return refuse(`format version ${version} is not supported`, true)
  const header: SegmentHeader = {
    sequence: getUint53(view, 16),
    firstIndex: getUint53(view, 24),
    previousEnd: view.getUint32(32, true),
    previousChecksum: view.getUint32(36, true),
    baseBytes: view.getUint32(40, true),
    tornOffset: view.getUint32(44, true),
    tornBytes: view.getUint32(48, true),
    metadata: bytes.slice(fixedHeaderBytes, fixedHeaderBytes + metadataBytes),
  }
  return { ok: true, header, length, checksum }
}

/**
 * Completes a record whose entries are already in place behind {@link recordHeaderBytes}.
 *
 * @param record its bytes, with a multiple of 8 as length and zeros as padding
 * @returns its checksum
 */
export function sealRecord(
  record: Uint8Array,
  content: {
    readonly kind: RecordKind
    readonly firstIndex: number
    readonly entryCount: number
    readonly payloadBytes: number
  },
  place: RecordPlace,
): number {
  const view = viewOf(record)
  view.setUint32(4, recordMagic, true)
  view.setUint32(8, formatVersion | (kindCodes[content.kind] << 8), true)
  view.setUint32(12, content.entryCount, true)
  setUint53(view, 16, place.sequence)
  setUint53(view, 24, content.firstIndex)
  view.setUint32(32, content.payloadBytes, true)
  view.setUint32(36, place.offset, true)
  view.setUint32(40, place.previousChecksum, true)
  view.setUint32(44, 0, true)
  const checksum = crc32(record.subarray(4), place.seed)
  view.setUint32(0, checksum, true)
  return checksum
}

/** Writes the mark of the end. @param checksum of the last record */
export function writeEndMark(mark: Uint8Array, checksum: number): void {
  const view = viewOf(mark)
  view.setUint32(4, endMagic, true)
  view.setUint32(0, crc32(mark.subarray(4, endMarkBytes), checksum), true)
}

/** Whether some bytes begin with the mark of the end. @param checksum as for {@link writeEndMark} */
export function hasEndMark(bytes: Uint8Array, checksum: number): boolean {
  if (bytes.length < endMarkBytes) return false
  const view = viewOf(bytes)
  return (
    view.getUint32(4, true) === endMagic &&
    view.getUint32(0, true) === crc32(bytes.subarray(4, endMarkBytes), checksum)
  )
}

/** Tells from its head alone how long a record claims to be; `undefined`: this is not a record. */
export function claimedRecordBytes(head: Uint8Array): number | undefined {
  if (head.length < recordHeaderBytes) return undefined
  const view = viewOf(head)
  if (view.getUint32(4, true) !== recordMagic) return undefined
  const length = align(recordHeaderBytes + view.getUint32(32, true))
  return length <= recordLimitBytes ? length : undefined
}

/** Whether the checksum of a whole record is right; `seed` is the checksum of its segment's header. */
export function hasSoundChecksum(record: Uint8Array, seed: number): boolean {
  return viewOf(record).getUint32(0, true) === crc32(record.subarray(4), seed)
}

/** The checksum that a record carries. */
export function checksumOf(record: Uint8Array): number {
  return viewOf(record).getUint32(0, true)
}

/** Decodes the head of a record. */
export function decodeRecordHeader(record: Uint8Array): RecordHeader {
  const view = viewOf(record)
  return {
    version: view.getUint8(8),
    kind: kindsByCode.get(view.getUint8(9)),
    entryCount: view.getUint32(12, true),
    sequence: getUint53(view, 16),
    firstIndex: getUint53(view, 24),
    payloadBytes: view.getUint32(32, true),
    offset: view.getUint32(36, true),
    previousChecksum: view.getUint32(40, true),
  }
}

/** One unit of a log: bytes that only the caller understands. */
export interface Entry {
  /** Position in the log: consecutive, from 1. */
  readonly index: number
  /** What the payload is, in the caller's own numbering, 0 to 255. */
  readonly type: number
  readonly payload: Uint8Array
}

/**
 * Walks over the entries of a record.
 *
 * @returns false when the entries do not fill the record exactly
 */
export function forEachEntry(
  record: Uint8Array,
  header: RecordHeader,
  visit: (index: number, type: number, start: number, end: number) => void,
): boolean {
  const view = viewOf(record)
  const end = recordHeaderBytes + header.payloadBytes
  let at = recordHeaderBytes
  for (let i = 0; i < header.entryCount; i++) {
    if (at + entryHeaderBytes > end) return false
    const start = at + entryHeaderBytes
    const length = view.getUint32(at + 1, true)
    if (length > end - start) return false
    visit(header.firstIndex + i, view.getUint8(at), start, start + length)
    at = start + length
  }
  return at === end
}
