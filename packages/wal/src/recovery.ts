import { invariant } from '@orrery/environment'
import { WalError, corrupt } from './errors.ts'
import { FileWindow } from './file-window.ts'
import {
  type SegmentHeader,
  decodeSegmentHeader,
  metadataMaxBytes,
  segmentHeaderBytes,
  segmentLimitBytes,
} from './format.ts'
import type { DirectoryEntry, Disk } from './ports.ts'
import type { StoredRecord } from './record-reader.ts'
import { type LastSegmentScan, type TornTail, scanInnerSegment, scanLastSegment } from './scan.ts'
import {
  type LogPosition,
  type Segment,
  emptySegment,
  includeRecord,
  parseSegmentName,
  passRecord,
} from './segment.ts'

/** A log as it was found. Nothing has been changed yet. */
export interface RecoveredLog {
  /** Oldest first; empty when there is no log. */
  readonly segments: readonly Segment[]
  readonly position: LogPosition
  /** Size of the file of the last segment. Unit: bytes. */
  readonly lastFileBytes: number
  /**
   * Whether the end of the log is known to be on disk, so that the next record can follow in place. If not,
   * the log has to go on in a new segment.
   */
  readonly settled: boolean
  /** Whether the log was closed in good order. */
  readonly closedCleanly: boolean
  /** The last record, when it might exist in the page cache only and has to be written once more. */
  readonly unsettledRecord: StoredRecord | undefined
  /** What was found behind the last record. */
  readonly torn: (TornTail & { readonly file: string }) | undefined
  /** Files that an interrupted preparation of a segment left behind. */
  readonly leftovers: readonly string[]
}

interface FoundSegment {
  readonly segment: Segment
  readonly size: number
}

/**
 * Reads and checks the log in `directory`.
 *
 * @throws WalError `WAL_CORRUPT` or `WAL_UNSUPPORTED_VERSION`, naming file and offset; `WAL_DISK_FAILED`
 */
export async function recover(disk: Disk, directory: string): Promise<RecoveredLog> {
  const [listed] = await disk.submit([{ type: 'list', path: directory }])
  invariant(listed?.type === 'list', 'a list answers with entries')
  const pathsEndingIn = (suffix: string): string[] =>
    listed.entries.filter((entry) => entry.name.endsWith(suffix)).map((entry) => `${directory}/${entry.name}`)
  try {
    const found = await findSegments(disk, directory, listed.entries)
    return { ...(await check(disk, found)), leftovers: pathsEndingIn('.wal.tmp') }
  } catch (error) {
    // Whoever repairs the directory may put other files in the place of these.
    await disk.submit(pathsEndingIn('.wal').map((path) => ({ type: 'close', path })))
    throw error
  }
}

async function check(disk: Disk, found: readonly FoundSegment[]): Promise<Omit<RecoveredLog, 'leftovers'>> {
  const last = found.at(-1)
  if (last === undefined) return nothing
  const position: LogPosition = { nextIndex: 1, checksum: 0 }
  for (const [i, { segment, size }] of found.entries()) {
    if (i > 0) checkLink(segment, position, found[i - 1])
    position.nextIndex = segment.header.firstIndex
    position.checksum = segment.seed
    const next = found[i + 1]?.segment
    if (next === undefined) break
    const window = new FileWindow(disk, segment.path, size)
    await scanInnerSegment(window, segment, position, next.header.previousEnd)
    await window.close()
  }
  const window = new FileWindow(disk, last.segment.path, last.size)
  const scan = await scanLastSegment(window, last.segment, position)
  return {
    ...settle(last.segment, position, scan, found.at(-2)?.segment),
    segments: found.map(({ segment }) => segment),
    position,
    lastFileBytes: last.size,
  }
}

const nothing: Omit<RecoveredLog, 'leftovers'> = {
  segments: [],
  position: { nextIndex: 1, checksum: 0 },
  lastFileBytes: 0,
  settled: true,
  closedCleanly: true,
  unsettledRecord: undefined,
  torn: undefined,
}

/**
 * Decides what to trust. After a failed sync the page cache keeps showing bytes that are not on disk, and a
 * later sync succeeds without writing them. Only the last record can be in that state: each is written
 * after the one before it was synced. A record that was part of the file before the segment had its name
 * was synced by then.
 */
function settle(
  segment: Segment,
  position: LogPosition,
  { held, torn }: LastSegmentScan,
  previous: Segment | undefined,
): Pick<RecoveredLog, 'settled' | 'closedCleanly' | 'unsettledRecord' | 'torn'> {
  const cut = torn === undefined ? earlierCut(segment, held, previous) : { ...torn, file: segment.path }
  if (held?.kind === 'close') {
    // The next record takes the place of the mark, so the mark itself need not be trusted.
    return {
      settled: torn === undefined,
      closedCleanly: torn === undefined,
      unsettledRecord: undefined,
      torn: cut,
    }
  }
  const heldIsDurable = held === undefined || held.offset + held.length <= segment.header.baseBytes
  if (held !== undefined && heldIsDurable) {
    includeRecord(segment, held)
    passRecord(position, held)
  }
  return {
    settled: heldIsDurable && torn === undefined,
    closedCleanly: false,
    unsettledRecord: heldIsDurable ? undefined : held,
    torn: cut,
  }
}

/**
 * A tail that an earlier recovery cut is reported again until something was written after it: the host may
 * have been stopped before it could note the loss.
 */
function earlierCut(
  segment: Segment,
  held: StoredRecord | undefined,
  previous: Segment | undefined,
): RecoveredLog['torn'] {
  const { tornBytes, tornOffset, baseBytes } = segment.header
  const writtenUpTo = held === undefined ? 0 : held.kind === 'close' ? held.offset : held.offset + held.length
  if (tornBytes === 0 || writtenUpTo > baseBytes) return undefined
  return { file: (previous ?? segment).path, offset: tornOffset, bytes: tornBytes }
}

async function findSegments(
  disk: Disk,
  directory: string,
  entries: readonly DirectoryEntry[],
): Promise<FoundSegment[]> {
  const found: FoundSegment[] = []
  const names = entries.filter((entry) => entry.name.endsWith('.wal'))
  names.sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const entry of names) {
    const path = `${directory}/${entry.name}`
    const named = parseSegmentName(entry.name)
    if (named === undefined || entry.type !== 'file') throw corrupt(path, 0, 'not a segment of a log')
    if (entry.size > segmentLimitBytes) throw corrupt(path, segmentLimitBytes, 'the file is too long')
    const window = new FileWindow(disk, path, entry.size)
    const read = decodeSegmentHeader(await window.at(0, segmentHeaderBytes(metadataMaxBytes)))
    if (!read.ok) {
      throw read.unsupported
        ? new WalError('WAL_UNSUPPORTED_VERSION', `${path}: ${read.reason}`, {
            details: { file: path, offset: 0 },
          })
        : corrupt(path, 0, read.reason)
    }
    const { header } = read
    if (header.sequence !== named.sequence || header.firstIndex !== named.firstIndex) {
      throw corrupt(path, 0, 'the segment has the name of another one')
    }
    found.push({ segment: emptySegment(path, header, read.length, read.checksum), size: entry.size })
  }
  return found
}

/** Checks that a segment goes on where the previous one ends. */
function checkLink(segment: Segment, position: LogPosition, previous: FoundSegment | undefined): void {
  const { header, path } = segment
  const before: SegmentHeader | undefined = previous?.segment.header
  if (before === undefined || header.sequence !== before.sequence + 1) {
    throw corrupt(path, 0, `segment ${header.sequence - 1} is missing`)
  }
  if (header.previousChecksum !== position.checksum || header.firstIndex !== position.nextIndex) {
    throw corrupt(path, 0, 'the segment does not follow the one before it')
  }
  if (Buffer.compare(header.metadata, before.metadata) !== 0) {
    throw corrupt(path, 0, 'the segment carries the metadata of another log')
  }
}
