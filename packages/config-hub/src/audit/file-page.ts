import { filePath, groupPath } from '../keys.ts'
import { refuseAfter } from '../validate/queries.ts'
import { readState } from '../writes/file-state.ts'
import { type AuditPlace, orderKey, timeKey } from './audit-id.ts'
import type { AuditPage, AuditTrailDeps, FoundEntry, SubjectQuery } from './audit-page.ts'
import { allRecords, decodeRecord, type RecordedEntry, subjectOf } from './audit-record.ts'

/** Entries of one page: each is read by itself. */
const pageMaxEntries = 16

/** Records of one read. Nearly always the first one is the right one. */
const readMaxRecords = 8

/**
 * Entries of a file: the file says when the last one was made, and each one when the one before it was.
 *
 * @param after as `AuditPage` says it
 * @throws ConfigError `CONFIG_INVALID`: `after` is none of that
 */
export async function filePage(
  deps: AuditTrailDeps,
  query: SubjectQuery,
  after: string | undefined,
): Promise<AuditPage> {
  const { fromMs = 0, toMs = Infinity } = query
  const found: FoundEntry[] = []
  let place = after === undefined ? await lastPlace(deps, query) : placeOf(after)
  for (let read = 0; read < pageMaxEntries && place !== undefined && place.atMs >= fromMs; read++) {
    // One that is not there was removed, and the older ones before it.
    const one = await entryAt(deps, query, place)
    place = one?.previous
    if (one !== undefined && one.entry.atMs < toMs) found.push({ entry: one.entry, next: cursorOf(place) })
  }
  return { found, next: place !== undefined && place.atMs >= fromMs ? cursorOf(place) : undefined }
}

/** The time of the last entry. Undefined: there was none. */
async function lastPlace(deps: AuditTrailDeps, query: SubjectQuery): Promise<AuditPlace | undefined> {
  const place = { path: filePath(query), groupPath: groupPath(query) }
  const { notBefore } = await readState(deps, place, { signal: query.signal, serializable: true })
  return notBefore.order === 0 ? undefined : notBefore
}

/** The newest entry of the file that was made at a time, and before a revision. Undefined: it was removed. */
async function entryAt(
  { store, prefix }: AuditTrailDeps,
  query: SubjectQuery,
  { atMs, order }: AuditPlace,
): Promise<RecordedEntry | undefined> {
  const path = filePath(query)
  const area = allRecords(prefix)
  // Of all records of that time, those are left out that were decided on what came later.
  let key = area + orderKey({ atMs, order: order - 1 })
  const rangeEnd = `${area}${timeKey(atMs)}.`
  for (;;) {
    const { kvs, more } = await store.range(
      { key, rangeEnd, limit: readMaxRecords },
      { signal: query.signal, serializable: true },
    )
    for (const kv of kvs) {
      const entries = decodeRecord(kv.keyString.slice(area.length), kv)
      const own = entries.find(({ entry }) => subjectOf(entry) === path)
      if (own !== undefined) return own
    }
    const last = kvs.at(-1)
    if (!more || last === undefined) return undefined
    key = `${last.keyString}\0`
  }
}

function cursorOf(place: AuditPlace | undefined): string | undefined {
  return place && `${place.atMs}-${place.order}`
}

/** @throws ConfigError `CONFIG_INVALID` */
function placeOf(after: string): AuditPlace {
  if (!/^\d{1,14}-[1-9]\d{0,13}$/.test(after)) refuseAfter()
  const dash = after.indexOf('-')
  return { atMs: Number(after.slice(0, dash)), order: Number(after.slice(dash + 1)) }
}
