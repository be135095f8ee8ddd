import type { AuditQuery } from '../config-hub.ts'
import { refuse } from '../validate/fields.ts'
import { isAuditId } from './audit-id.ts'
import { allRecords, decodeRecord } from './audit-record.ts'
import type { AuditPage, AuditPages, AuditTrailDeps, FoundEntry } from './audit-trail.ts'
import { recordRange } from './record-range.ts'

/** Records of one read: each has up to as many entries as a txn has writes. */
const pageMaxRecords = 32

/** An entry: the id of its record, as it stands in the store, and which of it it is. */
interface EntryPlace {
  readonly id: string
  readonly at: number
}

/** Entries of everything. */
export class AllPages implements AuditPages {
  readonly #deps: AuditTrailDeps
  readonly #query: AuditQuery

  constructor(deps: AuditTrailDeps, query: AuditQuery) {
    this.#deps = deps
    this.#query = query
  }

  async page(after: string | undefined): Promise<AuditPage> {
    const { store, prefix } = this.#deps
    const area = allRecords(prefix)
    const behind = after === undefined ? undefined : placeOf(after)
    const range = recordRange(area, this.#query)
    if (range === undefined) return { found: [], next: undefined }
    const begin = area + (behind?.id ?? '')
    const key = begin > range.key ? begin : range.key
    if (key >= range.rangeEnd) return { found: [], next: undefined }
    const { kvs, more } = await store.range(
      { key, rangeEnd: range.rangeEnd, limit: pageMaxRecords },
      { signal: this.#query.signal, serializable: true },
    )
    const found = kvs.flatMap((kv): readonly FoundEntry[] => {
      const id = kv.keyString.slice(area.length)
      return decodeRecord(id, kv)
        .filter(({ at }) => id !== behind?.id || at < behind.at)
        .map(({ entry, at }) => ({ entry, next: `${id}-${at}` }))
        .reverse()
    })
    const last = kvs.at(-1)?.keyString.slice(area.length)
    return { found, next: more && last !== undefined ? `${last}-0` : undefined }
  }
}

/** @throws ConfigError `CONFIG_INVALID` */
function placeOf(after: string): EntryPlace {
  const dash = after.lastIndexOf('-')
  const id = after.slice(0, dash)
  const at = after.slice(dash + 1)
  if (isAuditId(id) && /^\d{1,4}$/.test(at)) return { id, at: Number(at) }
  return refuse('after', 'must be what an earlier slice gave')
}
