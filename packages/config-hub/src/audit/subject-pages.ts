import type { AuditQuery } from '../config-hub.ts'
import { filePath } from '../keys.ts'
import type { FileKey } from '../model.ts'
import { refuse } from '../validate/fields.ts'
import { rangeOf } from '../writes/file-state.ts'
import { isAuditId } from './audit-id.ts'
import { allRecords, decodeRecord, recordsOf, subjectOf } from './audit-record.ts'
import type { AuditPage, AuditPages, AuditTrailDeps, FoundEntry } from './audit-trail.ts'
import { recordRange } from './record-range.ts'

/** Ids of one read: their records are read in one txn. */
const pageMaxRecords = 100

/** Entries of a group or a template, which are found by its own list of ids. */
export class SubjectPages implements AuditPages {
  readonly #deps: AuditTrailDeps
  readonly #subject: string
  readonly #query: AuditQuery

  constructor(deps: AuditTrailDeps, subject: FileKey, query: AuditQuery) {
    this.#deps = deps
    this.#subject = filePath(subject)
    this.#query = query
  }

  async page(after: string | undefined): Promise<AuditPage> {
    if (after !== undefined && !isAuditId(after)) refuse('after', 'must be what an earlier slice gave')
    const { store, prefix } = this.#deps
    const area = recordsOf(prefix, this.#subject)
    const range = recordRange(area, this.#query)
    if (range === undefined) return { found: [], next: undefined }
    const begin = after === undefined ? area : `${area}${after}\0`
    const key = begin > range.key ? begin : range.key
    if (key >= range.rangeEnd) return { found: [], next: undefined }
    const { kvs, more } = await store.range(
      { key, rangeEnd: range.rangeEnd, limit: pageMaxRecords, keysOnly: true },
      { signal: this.#query.signal, serializable: true },
    )
    const ids = kvs.map(({ keyString }) => keyString.slice(area.length))
    return { found: await this.#entries(ids), next: more ? ids.at(-1) : undefined }
  }

  async #entries(ids: readonly string[]): Promise<readonly FoundEntry[]> {
    if (ids.length === 0) return []
    const { store, prefix } = this.#deps
    const all = allRecords(prefix)
    const { responses } = await store.txn(
      { success: ids.map((id) => ({ type: 'range', key: all + id })) },
      { signal: this.#query.signal, serializable: true },
    )
    return responses.flatMap((response, n) =>
      rangeOf(response).kvs.flatMap((kv) =>
        decodeRecord(ids[n] ?? '', kv)
          .filter(({ entry }) => subjectOf(entry) === this.#subject)
          .map(({ entry }) => ({ entry, next: ids[n] })),
      ),
    )
  }
}
