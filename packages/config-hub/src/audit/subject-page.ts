import { filePath } from '../keys.ts'
import { refuseAfter } from '../validate/queries.ts'
import { rangeOf } from '../writes/file-state.ts'
import { isAuditId } from './audit-id.ts'
import {
  type AuditPage,
  type AuditTrailDeps,
  type FoundEntry,
  noEntries,
  type SubjectQuery,
} from './audit-page.ts'
import { allRecords, decodeRecord, recordsOf, subjectOf } from './audit-record.ts'
import { recordRange } from './record-range.ts'

/** Ids of one read: their records are read in one txn. */
const pageMaxRecords = 100

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
  const { kvs, more } = await deps.store.range(
    { ...range, limit: pageMaxRecords, keysOnly: true },
    { signal: query.signal, serializable: true },
  )
  const ids = kvs.map(({ keyString }) => keyString.slice(area.length))
  return { found: await entriesIn(deps, query, ids), next: more ? ids.at(-1) : undefined }
}

async function entriesIn(
  { store, prefix }: AuditTrailDeps,
  query: SubjectQuery,
  ids: readonly string[],
): Promise<readonly FoundEntry[]> {
  if (ids.length === 0) return []
  const subject = filePath(query)
  const all = allRecords(prefix)
  const { responses } = await store.txn(
    { success: ids.map((id) => ({ type: 'range', key: all + id })) },
    { signal: query.signal, serializable: true },
  )
  return responses.flatMap((response, n) =>
    rangeOf(response).kvs.flatMap((kv) =>
      decodeRecord(ids[n] ?? '', kv)
        .filter(({ entry }) => subjectOf(entry) === subject)
        .map(({ entry }) => ({ entry, next: ids[n] })),
    ),
  )
}
