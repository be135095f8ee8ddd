import { WalError, corrupt } from './errors.ts'
import { FileWindow } from './file-window.ts'
import { type Entry, forEachEntry } from './format.ts'
import type { Disk } from './ports.ts'
import { type StoredRecord, checkSequel, readRecordAt } from './record-reader.ts'
import { type LogPosition, type Segment, passRecord } from './segment.ts'

/** Which part of the log to read. */
export interface ReadPlan {
  /** Copies, so that the log can go on meanwhile. */
  readonly segments: readonly Segment[]
  readonly fromIndex: number
  readonly lastIndex: number
}

const batchMaxEntries = 1024

/**
 * Copies the state of segments. What a segment holds up to its end never changes under its name; when it is
 * removed, its file may be written over under another one.
 */
export function planRead(segments: readonly Segment[], fromIndex: number, lastIndex: number): ReadPlan {
  const copies = segments.map((segment) => ({ ...segment, replacements: [...segment.replacements] }))
  return { segments: copies, fromIndex, lastIndex }
}

/** Reads entries in order, without those that were replaced later, in batches of bounded size. */
export async function* readEntries(disk: Disk, plan: ReadPlan): AsyncGenerator<readonly Entry[], void> {
  const horizon = new Horizon(plan.segments)
  for (const segment of plan.segments) {
    const window = new FileWindow(disk, segment.path, segment.end)
    try {
      yield* readSegment(window, segment, plan, horizon)
    } catch (error) {
      if (!isMissingFile(error)) throw error
      throw new WalError('WAL_INDEX_OUT_OF_RANGE', 'the entries were compacted while they were read', {
        cause: error,
      })
    } finally {
      // The writer is likely to go on in the last one.
      if (segment !== plan.segments.at(-1)) await window.close()
    }
  }
}

async function* readSegment(
  window: FileWindow,
  segment: Segment,
  plan: ReadPlan,
  horizon: Horizon,
): AsyncGenerator<readonly Entry[], void> {
  const position: LogPosition = { nextIndex: segment.header.firstIndex, checksum: segment.seed }
  let offset = segment.headerBytes
  while (offset < segment.end) {
    const record = await readRecordAt(window, segment, offset, segment.end)
    if (record === undefined) throw corrupt(segment.path, offset, 'no sound record')
    checkSequel(record, { segment, offset, position })
    if (record.kind === 'replace') horizon.pass()
    const entries = visibleEntries(record, plan, horizon.firstReplaced)
    for (let i = 0; i < entries.length; i += batchMaxEntries) {
      yield entries.length <= batchMaxEntries ? entries : entries.slice(i, i + batchMaxEntries)
    }
    passRecord(position, { ...record, offset })
    offset += record.length
  }
}

function visibleEntries(record: StoredRecord, plan: ReadPlan, firstReplaced: number): Entry[] {
  const entries: Entry[] = []
  const before = Math.min(firstReplaced, plan.lastIndex + 1)
  if (record.firstIndex >= before || record.firstIndex + record.entryCount <= plan.fromIndex) return entries
  forEachEntry(record.bytes, record, (index, type, start, end) => {
    if (index < plan.fromIndex || index >= before) return
    entries.push({ index, type, payload: record.bytes.subarray(start, end) })
  })
  return entries
}

/** Knows, for a place in the log, the lowest index that is replaced further on. */
class Horizon {
  readonly #lowest: number[]
  #passed = 0

  constructor(segments: readonly Segment[]) {
    this.#lowest = segments.flatMap((segment) => segment.replacements)
    let lowest = Number.MAX_SAFE_INTEGER
    for (let i = this.#lowest.length - 1; i >= 0; i--) {
      lowest = Math.min(lowest, this.#lowest[i] ?? lowest)
      this.#lowest[i] = lowest
    }
  }

  get firstReplaced(): number {
    return this.#lowest[this.#passed] ?? Number.MAX_SAFE_INTEGER
  }

  /** The reader has come to the next record that replaces entries. */
  pass(): void {
    this.#passed++
  }
}

function isMissingFile(error: unknown): boolean {
  return error instanceof WalError && error.details.errno === 'ENOENT'
}
