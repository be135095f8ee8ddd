import { filePath } from '../keys.ts'
import { refuseAfter } from '../validate/queries.ts'
import { isAuditId } from './audit-id.ts'
import {
  type AuditPage,
  type AuditTrailDeps,
  type FoundEntry,
  noEntries,
  type SubjectQuery,
} from './audit-page.ts'
import { allRecords, decodeRecord, recordsOf, subjectOf } from './audit-record.ts'
import { readRecords, recordRange } from './record-range.ts'

/** Ids of one page. Their records are read each by itself: a store may be told to take fewer at once. */
const pageMaxRecords = 32

/**
 * Entries of a group or a template, which are found by its own list of ids.
 *
 * @param after as `AuditPage` says it
 * @throws ConfigError `CONFIG_INVALID`: `after` is none of that
 */
export async function subjectPage(
  deps: AuditTrailDeps,
  query: SubjectQuery,
  after: string | undefined,
): Promise<AuditPage> {
  if (after !== undefined && !isAuditId(after)) refuseAfter()
  const area = recordsOf(deps.prefix, filePath(query))
  const range = recordRange(area, query, after === undefined ? area : `${area}${after}\0`)
  if (range === undefined) return noEntries
  const { records, more } = await readRecords(deps, {
    ...range,
    ...{ area, limit: pageMaxRecords, keysOnly: true, signal: query.signal },
  })
  const found = await Promise.all(records.map(({ id }) => entriesOf(deps, query, id)))
  return { found: found.flat(), next: more ? records.at(-1)?.id : undefined }
}

async function entriesOf(
  { store, prefix }: AuditTrailDeps,
  query: SubjectQuery,
  id: string,
): Promise<readonly FoundEntry[]> {
  const subject = filePath(query)
  const options = { signal: query.signal, serializable: true }
  const { kvs } = await store.range({ key: allRecords(prefix) + id }, options)
  return kvs.flatMap((kv) =>
    decodeRecord(id, kv)
      .filter(({ entry }) => subjectOf(entry) === subject)
      .map(({ entry }) => ({ entry, next: id })),
  )
}
