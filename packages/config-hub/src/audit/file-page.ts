import type { AuditEntry } from '../model.ts'
import { filePath, groupPath } from '../keys.ts'
import { refuseAfter } from '../validate/queries.ts'
import { readStored, stateOf } from '../writes/file-state.ts'
import { type AuditPlace, invertId, isAuditId, orderKey, placeOfId, timePart } from './audit-id.ts'
import type { AuditPage, AuditTrailDeps, FoundEntry, SubjectQuery } from './audit-page.ts'
import { allRecords, decodeRecord, isDamaged, type RecordedEntry, subjectOf } from './audit-record.ts'
import { readRecords, recordRange } from './record-range.ts'

/** Reads of one page, each of which finds an entry: where one finds none, the page ends. */
const pageMaxReads = 16

/** Records of a read. Nearly always the first one is the right one; who has to go on takes more. */
const readMaxRecords = { first: 8, behind: 32 } as const

/** Where the next entry is looked for. */
interface Search {
  /** What ids begin with, as they stand in the store; a whole one: behind it. */
  readonly begin: string
  /** Looks through older times, too: what says when the entry was made can not be read. */
  readonly isWide: boolean
}

/**
 * Entries of a file: the file says when the last one was made, and each one when the one before it was. Where that can not be read, the
 * next one is looked for among those of all files.
 *
 * @param after as `AuditPage` says it
 * @throws ConfigError `CONFIG_INVALID`: `after` is none of that
 */
export async function filePage(
  deps: AuditTrailDeps,
  query: SubjectQuery,
  after: string | undefined,
): Promise<AuditPage> {
  const { toMs = Infinity } = query
  const found: FoundEntry[] = []
  let search = after === undefined ? await searchForLast(deps, query) : searchOf(after)
  for (let reads = 0; reads < pageMaxReads && search !== undefined; reads++) {
    const { entry, next }: Looked = await look(deps, query, search)
    search = next
    if (entry === undefined) break
    if (entry.atMs < toMs) found.push({ entry, next: cursorOf(next) })
  }
  return { found, next: cursorOf(search) }
}

/** Undefined: there was none. */
async function searchForLast(deps: AuditTrailDeps, query: SubjectQuery): Promise<Search | undefined> {
  const path = filePath(query)
  const options = { signal: query.signal, serializable: true }
  const stored = await readStored(deps, { path, groupPath: groupPath(query) }, options)
  try {
    const { notBefore } = stateOf(path, stored)
    return notBefore.order === 0 ? undefined : searchAt(notBefore)
  } catch {
    // No hub wrote what is there.
    return { begin: orderKey({ atMs: Infinity, order: Infinity }), isWide: true }
  }
}

/** For the newest entry that was made at a time, and before a revision: of all records of that time, others were decided on what came later. */
function searchAt({ atMs, order }: AuditPlace): Search {
  return { begin: orderKey({ atMs, order: order - 1 }), isWide: false }
}

/** What was found, and where to go on. */
interface Looked {
  /** Undefined: not here. */
  readonly entry: AuditEntry | undefined
  /** Undefined: nothing can come. */
  readonly next: Search | undefined
}

/** Looks for an entry, with one read. */
async function look(deps: AuditTrailDeps, query: SubjectQuery, search: Search): Promise<Looked> {
  const { begin, isWide } = search
  const { signal } = query
  const path = filePath(query)
  const area = allRecords(deps.prefix)
  const isBehind = isAuditId(begin)
  // One that is too new leads to others, and so it is looked for all the same.
  const times = isWide ? query : { fromMs: query.fromMs }
  const range = recordRange(area, times, area + (isBehind ? `${begin}\0` : begin))
  if (range === undefined) return { entry: undefined, next: undefined }
  const { records, more } = await readRecords(deps, {
    ...{ area, key: range.key, rangeEnd: isWide ? range.rangeEnd : `${area}${timePart(begin)}.` },
    ...{ limit: isBehind ? readMaxRecords.behind : readMaxRecords.first, signal },
  })
  for (const record of records) {
    const own = decodeRecord(record.id, record).find(({ entry }) => subjectOf(entry) === path)
    if (own !== undefined) return { entry: own.entry, next: searchBehind(record.id, own) }
  }
  // One that is not there was removed, and the older ones before it; but it may be one that can not be read.
  const isLost = isWide || records.some(isDamaged)
  const last = records.at(-1)
  const goesOn = last !== undefined && (more || (isLost && !isWide))
  return { entry: undefined, next: goesOn ? { begin: last.id, isWide: isLost } : undefined }
}

/** Where the entry before one is looked for. One that does not say so, but something later, is damaged. @param id of its record */
function searchBehind(id: string, { previous }: RecordedEntry): Search | undefined {
  if (previous === undefined) return undefined
  const { atMs, order } = placeOfId(invertId(id))
  const isBefore = previous.atMs <= atMs && previous.order <= order
  return isBefore ? searchAt(previous) : { begin: id, isWide: true }
}

const wide = 'all-'

function cursorOf(search: Search | undefined): string | undefined {
  return search && (search.isWide ? wide : '') + search.begin
}

/** @throws ConfigError `CONFIG_INVALID` */
function searchOf(after: string): Search {
  if (!/^(all-)?\d{14}(-[\da-z]{9}){1,2}$/.test(after)) refuseAfter()
  const isWide = after.startsWith(wide)
  return { begin: isWide ? after.slice(wide.length) : after, isWide }
}
