import { WalError, corrupt } from './errors.ts'
import type { FileWindow } from './file-window.ts'
import {
  type RecordHeader,
  type RecordKind,
  checksumOf,
  claimedRecordBytes,
  decodeRecordHeader,
  forEachEntry,
  formatVersion,
  hasSoundChecksum,
  recordHeaderBytes,
} from './format.ts'
import type { LogPosition, Segment } from './segment.ts'

/** A record that was found in a file. */
export interface StoredRecord extends RecordHeader {
  readonly kind: RecordKind
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Unit: bytes, padding included. */
  readonly length: number
  readonly checksum: number
}

/**
 * Reads the record at `offset`, if there is one with a sound checksum that ends at or before `limit`. Its
 * length is checked before anything of that size is allocated.
 */
export async function readRecordAt(
  window: FileWindow,
  segment: Segment,
  offset: number,
  limit: number,
): Promise<StoredRecord | undefined> {
  const length = claimedRecordBytes(await window.at(offset, recordHeaderBytes))
  if (length === undefined || length > limit - offset) return undefined
  const bytes = await window.at(offset, length)
  if (bytes.length < length || !hasSoundChecksum(bytes, segment.seed)) return undefined
  const header = decodeRecordHeader(bytes)
  if (header.version !== formatVersion || header.kind === undefined) {
    throw new WalError(
      'WAL_UNSUPPORTED_VERSION',
      `${window.path}, byte ${offset}: the record was written by a later version`,
      { details: { file: window.path, offset } },
    )
  }
  return { ...header, kind: header.kind, bytes, length, checksum: checksumOf(bytes) }
}

/**
 * Checks that a record with a sound checksum is the one that belongs here.
 *
 * @throws WalError `WAL_CORRUPT`
 */
export function checkSequel(
  record: StoredRecord,
  place: { readonly segment: Segment; readonly offset: number; readonly position: LogPosition },
): void {
  const { segment, offset, position } = place
  const refuse = (reason: string): never => {
    throw corrupt(segment.path, offset, reason)
  }
  if (record.sequence !== segment.header.sequence) refuse('the record belongs to another segment')
  if (record.offset !== offset) refuse('the record belongs to another place')
  if (record.previousChecksum !== position.checksum) refuse('the record does not follow the one before it')
  const expectsNext = record.kind !== 'replace'
  if (record.firstIndex < 1 || record.firstIndex > position.nextIndex) refuse('the record skips entries')
  if (expectsNext && record.firstIndex !== position.nextIndex) refuse('the record repeats entries')
  if (!Number.isSafeInteger(record.firstIndex + record.entryCount)) refuse('the index is out of range')
  if (!forEachEntry(record.bytes, record, () => {})) refuse('the entries do not fill the record')
}
