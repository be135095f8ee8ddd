import { type Logger, invariant, silentLogger } from '@orrery/environment'
import { WalError } from './errors.ts'
import { endMarkBytes, recordHeaderBytes } from './format.ts'
import { type WalOptions, resolveOptions } from './options.ts'
import type { Disk } from './ports.ts'
import type { PendingRecord } from './record-queue.ts'
import type { StoredRecord } from './record-reader.ts'
import { type RecoveredLog, recover } from './recovery.ts'
import { SegmentList } from './segment.ts'
import { type Cut, SegmentWriter } from './segment-writer.ts'
import type { Wal, WalRecovery } from './wal.ts'
import { WriteAheadLog, includePlacement } from './write-ahead-log.ts'

/** What a log needs from its host. */
export interface WalDependencies {
  /** Where the files are. The host creates it and closes it after the log; logs may share one. */
  readonly disk: Disk
  /** Directory of the log, as a path that the disk understands. Nothing else should be kept in it. */
  readonly directory: string
  readonly logger?: Logger
  /**
   * Called once per record that has become durable, with the highest index such that it and all entries
   * before it are durable. After `truncateSuffix` it never counts an entry that was removed, even if its
   * write finishes later. What it throws is not caught.
   */
  readonly onDurable?: (index: number) => void
  /**
   * Runs a callback when the present turn of the event loop is over. Entries that are appended until then share a
   * write and a sync: with a `clock.defer`, those of all the input that has arrived.
   *
   * @defaultValue `queueMicrotask`: the entries of one callback of the host, and what follows from it
   */
  readonly defer?: (callback: () => void) => unknown
  /** Called once, when the log fails. The error is a `WAL_FAILED` with the reason as its cause. */
  readonly onFailure?: (error: WalError) => void
}

/**
 * Opens the log in a directory, or creates it.
 *
 * All of it is read and checked before anything is changed. If the log was not closed in good order, the
 * record at its end is written and synced once more, in a new segment, because a failed sync may have left
 * it in the page cache only.
 *
 * @throws WalError `WAL_LOCKED`, `WAL_MISSING`, `WAL_CORRUPT`, `WAL_UNSUPPORTED_VERSION`,
 * `WAL_DISK_FAILED`, `WAL_INVALID_OPTION`
 */
export async function openWal(dependencies: WalDependencies, options: WalOptions = {}): Promise<Wal> {
  const resolved = resolveOptions(options)
  const { disk, directory } = dependencies
  const lock = `${directory}/LOCK`
  await disk.submit([
    { type: 'makeDirectory', path: directory },
    { type: 'lock', path: lock },
  ])
  try {
    return await openLocked(dependencies, resolved)
  } catch (error) {
    await disk.submit([{ type: 'unlock', path: lock }]).catch(() => {})
    throw error
  }
}

async function openLocked(dependencies: WalDependencies, options: Required<WalOptions>): Promise<Wal> {
  const { disk, directory, logger = silentLogger } = dependencies
  const log = await recover(disk, directory)
  const last = log.segments.at(-1)
  if (last === undefined && options.ifMissing === 'fail') {
    throw new WalError('WAL_MISSING', `there is no log in ${directory}`, { details: { file: directory } })
  }
  const metadata = last?.header.metadata ?? options.metadata.slice()
  const writer = new SegmentWriter(
    { ...options, directory, metadata },
    { segment: last, position: log.position, fileBytes: log.lastFileBytes },
  )
  const segments = new SegmentList(log.segments)
  const recovery = describe(log)
  const lastIndex = await secureEnd({ disk, directory }, log, writer, segments)
  if (recovery.tornTail !== undefined)
    logger.warn('an unfinished write was cut off', { ...recovery.tornTail })
  return new WriteAheadLog({
    disk,
    directory,
    logger,
    onDurable: dependencies.onDurable ?? (() => {}),
    onFailure: dependencies.onFailure ?? (() => {}),
    defer: dependencies.defer ?? queueMicrotask,
    segments,
    writer,
    recovery,
    metadata,
    lastIndex,
    recordMaxBytes: options.recordMaxBytes,
    queueMaxBytes: options.queueMaxBytes,
  })
}

function describe({ segments, closedCleanly, torn, position, unsettledRecord }: RecoveredLog): WalRecovery {
  const state = segments.length === 0 ? 'created' : closedCleanly ? 'clean' : 'unclean'
  if (torn === undefined) return { state, tornTail: undefined }
  const firstLostIndex = indexAfter(position.nextIndex, unsettledRecord)
  return { state, tornTail: { ...torn, firstLostIndex } }
}

function indexAfter(nextIndex: number, record: StoredRecord | undefined): number {
  return record === undefined ? nextIndex : record.firstIndex + record.entryCount
}

/**
 * Brings the end of the log into a state that is known to be on disk, and returns its last index. Every
 * step is either invisible (a file under a temporary name) or complete (the rename).
 */
async function secureEnd(
  { disk, directory }: { readonly disk: Disk; readonly directory: string },
  log: RecoveredLog,
  writer: SegmentWriter,
  segments: SegmentList,
): Promise<number> {
  // A new segment begins in a new file: behind its end are zeros, as long as it has no record that marks it.
  for (const path of log.leftovers) await disk.submit([{ type: 'unlink', path }])
  const lastIndex = indexAfter(log.position.nextIndex, log.unsettledRecord) - 1
  if (log.segments.length > 0 && log.settled) {
    // The name of the last segment may itself be no more than cached.
    await disk.submit([{ type: 'syncDirectory', path: directory }])
    return lastIndex
  }
  const cut: Cut = log.torn ?? { offset: 0, bytes: 0 }
  const placement = writer.placeInNewSegment(log.unsettledRecord && toPending(log.unsettledRecord), cut)
  await disk.submit(placement.operations)
  includePlacement(segments, placement)
  invariant(segments.firstIndex <= lastIndex + 1, 'the log does not begin behind its end')
  return lastIndex
}

/** A record that was read, to be written again. */
function toPending(record: StoredRecord): PendingRecord {
  const bytes = new Uint8Array(record.length + endMarkBytes)
  bytes.set(record.bytes)
  return {
    kind: record.kind,
    ordinal: 0,
    firstIndex: record.firstIndex,
    entryCount: record.entryCount,
    bytes,
    view: new DataView(bytes.buffer),
    length: recordHeaderBytes + record.payloadBytes,
    durableIndex: record.firstIndex + record.entryCount - 1,
  }
}
