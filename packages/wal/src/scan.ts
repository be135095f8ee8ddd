import { corrupt } from './errors.ts'
import type { FileWindow } from './file-window.ts'
import { decodeRecordHeader, endMarkBytes, hasEndMark, recordHeaderBytes } from './format.ts'
import { type StoredRecord, checkSequel, readRecordAt } from './record-reader.ts'
import { type LogPosition, type Segment, includeRecord, passRecord } from './segment.ts'

/** What follows the last record of the last segment. */
export interface TornTail {
  /** Where it begins. Unit: bytes. */
  readonly offset: number
  /** Up to its last byte that is not zero. Unit: bytes. */
  readonly bytes: number
}

/** How the last segment ends. */
export interface LastSegmentScan {
  /**
   * The last record. It is *not* yet included in the segment and the position: the caller decides whether
   * it can be trusted to be on disk.
   */
  readonly held: StoredRecord | undefined
  /** What follows it, when that is neither the mark of the end nor only zeros. */
  readonly torn: TornTail | undefined
}

/**
 * Checks a segment that is followed by another one, and takes its records into account. They have to end
 * exactly at `end`: the next segment says so.
 *
 * @throws WalError `WAL_CORRUPT`, `WAL_UNSUPPORTED_VERSION`
 */
export async function scanInnerSegment(
  window: FileWindow,
  segment: Segment,
  position: LogPosition,
  end: number,
): Promise<void> {
  if (end < segment.headerBytes || end > window.size) {
    throw corrupt(window.path, Math.min(end, window.size), `the segment has to end at byte ${end}`)
  }
  while (segment.end < end) {
    const record = await readRecordAt(window, segment, segment.end, end)
    if (record === undefined) throw corrupt(window.path, segment.end, 'no sound record')
    checkSequel(record, { segment, offset: segment.end, position })
    includeRecord(segment, record)
    passRecord(position, record)
  }
}

/**
 * Checks the segment at the end of the log. An unsound record that nothing sound follows is a write that
 * never finished; anything else is damage.
 *
 * @throws WalError `WAL_CORRUPT`, `WAL_UNSUPPORTED_VERSION`
 */
export async function scanLastSegment(
  window: FileWindow,
  segment: Segment,
  position: LogPosition,
): Promise<LastSegmentScan> {
  const { baseBytes } = segment.header
  if (baseBytes < segment.headerBytes || baseBytes > window.size) {
    throw corrupt(window.path, Math.min(baseBytes, window.size), `the segment begins with ${baseBytes} bytes`)
  }
  let held: StoredRecord | undefined
  let offset = segment.end
  for (;;) {
    const record = await readRecordAt(window, segment, offset, window.size)
    if (record === undefined) break
    if (held !== undefined) {
      includeRecord(segment, held)
      passRecord(position, held)
    }
    checkSequel(record, { segment, offset, position })
    held = record
    offset += record.length
  }
  if (offset < baseBytes) throw corrupt(window.path, offset, 'no sound record')
  const torn = await inspectTail(window, segment, offset)
  const mark = await window.at(offset, endMarkBytes)
  return { held, torn: held !== undefined && hasEndMark(mark, held.checksum) ? undefined : torn }
}

/**
 * Looks at everything behind the last sound record. A record is only written after the one before it is
 * durable: a sound one further on proves that the bytes in between were durable once. What an older segment
 * has left in the file is not sound here.
 */
async function inspectTail(
  window: FileWindow,
  segment: Segment,
  start: number,
): Promise<TornTail | undefined> {
  const stepBytes = 256 * 1024
  let lastNonZero = -1
  for (let from = start; from < window.size; from += stepBytes) {
    const bytes = await window.at(from, stepBytes)
    if (isZero(bytes)) continue
    for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) lastNonZero = from + i
    for (let i = 0; i < bytes.length; i += 8) {
      const offset = from + i
      if (offset === start || !couldBeRecord(bytes, i)) continue
      const head = await window.at(offset, recordHeaderBytes)
      if (head.length < recordHeaderBytes) continue
      const claimed = decodeRecordHeader(head)
      if (claimed.offset !== offset || claimed.sequence !== segment.header.sequence) continue
      if ((await readRecordAt(window, segment, offset, window.size)) !== undefined) {
        throw corrupt(window.path, start, `no sound record, but one follows at byte ${offset}`)
      }
    }
  }
  return lastNonZero < 0 ? undefined : { offset: start, bytes: lastNonZero + 1 - start }
}

/** Compares the second word with the magic of a record, "OWRC". */
function couldBeRecord(bytes: Uint8Array, at: number): boolean {
  return bytes[at + 4] === 0x4f && bytes[at + 5] === 0x57 && bytes[at + 6] === 0x52 && bytes[at + 7] === 0x43
}

function isZero(bytes: Uint8Array): boolean {
  return Buffer.compare(bytes, zeros.subarray(0, bytes.length)) === 0
}

const zeros = new Uint8Array(256 * 1024)
