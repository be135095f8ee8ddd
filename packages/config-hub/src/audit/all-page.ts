import type { AuditQuery } from '../config-hub.ts'
import { refuseAfter } from '../validate/queries.ts'
import { isAuditId } from './audit-id.ts'
import { allRecords, decodeRecord } from './audit-record.ts'
import { type AuditPage, type AuditTrailDeps, type FoundEntry, noEntries } from './audit-page.ts'
import { readRecords, recordRange } from './record-range.ts'

/** Records of one read: each has up to as many entries as a txn has writes. */
const pageMaxRecords = 32

/** An entry: the id of its record, as it stands in the store, and which of it it is. */
interface EntryPlace {
  readonly id: string
  readonly at: number
}

/** Entries of everything. @param after as `AuditPage` says it @throws ConfigError `CONFIG_INVALID`: `after` is none of that */
export async function allPage(
  deps: AuditTrailDeps,
  query: AuditQuery,
  after: string | undefined,
): Promise<AuditPage> {
  const area = allRecords(deps.prefix)
  const behind = after === undefined ? undefined : placeOf(after)
  const range = recordRange(area, query, behind === undefined ? area : area + beginBehind(behind))
  if (range === undefined) return noEntries
  const { signal } = query
  const { records, more } = await readRecords(deps, { ...range, area, limit: pageMaxRecords, signal })
  const found = records.flatMap((record): readonly FoundEntry[] => {
    const { id } = record
    return decodeRecord(id, record)
      .filter(({ at }) => id !== behind?.id || at < behind.at)
      .map(({ entry, at }) => ({ entry, next: `${id}-${at}` }))
      .reverse()
  })
  const last = records.at(-1)
  return { found, next: more && last !== undefined ? `${last.id}-0` : undefined }
}

/** The id from which the entries behind another one are read: of its record they are the earlier ones. */
function beginBehind({ id, at }: EntryPlace): string {
  return at === 0 ? `${id}\0` : id
}

/** @throws ConfigError `CONFIG_INVALID` */
function placeOf(after: string): EntryPlace {
  const dash = after.lastIndexOf('-')
  const id = after.slice(0, dash)
  const at = after.slice(dash + 1)
  if (isAuditId(id) && /^\d{1,4}$/.test(at)) return { id, at: Number(at) }
  return refuseAfter()
}
