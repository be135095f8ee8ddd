import { decodeFile, decodeGone } from '../codec.ts'
import type { AuditQuery } from '../config-hub.ts'
import { filePath } from '../keys.ts'
import type { FileKey } from '../model.ts'
import { refuse } from '../validate/fields.ts'
import { rangeOf } from '../writes/file-state.ts'
import { type AuditPlace, orderKey, timeKey } from './audit-id.ts'
import { allRecords, decodeRecord, type RecordedEntry, subjectOf } from './audit-record.ts'
import type { AuditPage, AuditPages, AuditTrailDeps, FoundEntry } from './audit-trail.ts'

/** Entries of one page: each is read by itself. */
const pageMaxEntries = 16

/** Records of one read. Nearly always the first one is the right one. */
const readMaxRecords = 8

/** Entries of a file: the file says when the last one was made, and each one when the one before it was. */
export class FilePages implements AuditPages {
  readonly #deps: AuditTrailDeps
  readonly #path: string
  readonly #query: AuditQuery

  constructor(deps: AuditTrailDeps, file: FileKey, query: AuditQuery) {
    this.#deps = deps
    this.#path = filePath(file)
    this.#query = query
  }

  async page(after: string | undefined): Promise<AuditPage> {
    const { fromMs = 0, toMs = Infinity } = this.#query
    const found: FoundEntry[] = []
    let place = after === undefined ? await this.#last() : placeOf(after)
    for (let read = 0; read < pageMaxEntries && place !== undefined && place.atMs >= fromMs; read++) {
      // What is older was removed with it, if it was.
      const one = await this.#entryAt(place)
      place = one?.previous
      if (one !== undefined && one.entry.atMs < toMs) found.push({ entry: one.entry, next: cursorOf(place) })
    }
    return { found, next: place !== undefined && place.atMs >= fromMs ? cursorOf(place) : undefined }
  }

  /** The time of the last entry. Undefined: there was none. */
  async #last(): Promise<AuditPlace | undefined> {
    const { store, prefix } = this.#deps
    const { responses } = await store.txn(
      {
        success: [
          { type: 'range', key: `${prefix}live/files/${this.#path}` },
          { type: 'range', key: `${prefix}live/gone/${this.#path}` },
        ],
      },
      { signal: this.#query.signal, serializable: true },
    )
    const [file, gone] = responses.map((response) => rangeOf(response).kvs[0])
    if (file !== undefined) {
      return { atMs: decodeFile(this.#path, file).file.changedAtMs, order: file.modRevision }
    }
    return gone && { atMs: decodeGone(gone.value).deletedAtMs, order: gone.modRevision }
  }

  /** The newest entry of the file that was made at a time, and before a revision. Undefined: it was removed. */
  async #entryAt({ atMs, order }: AuditPlace): Promise<RecordedEntry | undefined> {
    const { store, prefix } = this.#deps
    const area = allRecords(prefix)
    // Of all records of that time, those are left out that were decided on what came later.
    let key = area + orderKey({ atMs, order: order - 1 })
    const rangeEnd = `${area}${timeKey(atMs)}.`
    for (;;) {
      const { kvs, more } = await store.range(
        { key, rangeEnd, limit: readMaxRecords },
        { signal: this.#query.signal, serializable: true },
      )
      for (const kv of kvs) {
        const entries = decodeRecord(kv.keyString.slice(area.length), kv)
        const own = entries.find(({ entry }) => subjectOf(entry) === this.#path)
        if (own !== undefined) return own
      }
      const last = kvs.at(-1)
      if (!more || last === undefined) return undefined
      key = `${last.keyString}\0`
    }
  }
}

function cursorOf(place: AuditPlace | undefined): string | undefined {
  return place && `${place.atMs}-${place.order}`
}

/** @throws ConfigError `CONFIG_INVALID` */
function placeOf(after: string): AuditPlace {
  if (!/^\d{1,14}-[1-9]\d{0,13}$/.test(after)) refuse('after', 'must be what an earlier slice gave')
  const dash = after.indexOf('-')
  return { atMs: Number(after.slice(0, dash)), order: Number(after.slice(dash + 1)) }
}
