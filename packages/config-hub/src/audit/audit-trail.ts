import type { KeyValue } from '@orrery/mvcc'
import type { Store } from '@orrery/store'
import type { Slice } from '../calls.ts'
import type { AuditQuery, AuditTrail } from '../config-hub.ts'
import { endOf, filePath } from '../keys.ts'
import type { AuditEntry } from '../model.ts'
import { checkAuditQuery, checkSlice } from '../validate/queries.ts'
import { rangeOf } from '../writes/file-state.ts'
import { timeKey } from './audit-id.ts'
import { allEntries, decodeEntry, entriesOf } from './audit-record.ts'

/** What the trail is read from. */
export interface AuditTrailDeps {
  readonly store: Pick<Store, 'range' | 'txn'>
  /** Under which all keys stand. */
  readonly prefix: string
  /** @throws ConfigError when the hub does not serve */
  readonly ensureOpen: () => void
}

/** Entries of one read; of those of one subject, which are found by their keys, so many are read in one txn. */
const pageMaxKeys = 100

/** Reads of one call: of a query that hardly anything matches, a slice may be short, or empty, and the next one goes on. */
const pagesMax = 50

/** Reads the trail. */
export function createAuditTrail(deps: AuditTrailDeps): AuditTrail {
  return { list: (query = {}) => list(deps, query) }
}

async function list(deps: AuditTrailDeps, query: AuditQuery): Promise<Slice<AuditEntry>> {
  deps.ensureOpen()
  checkAuditQuery(query)
  const { after, limit } = checkSlice(query)
  const reading = new Reading(deps, query)
  const items: AuditEntry[] = []
  let position = after
  for (let page = 0; page < pagesMax; page++) {
    const { found, last } = await reading.page(position)
    for (const [at, { id, entry }] of found.entries()) {
      if (!isWanted(entry, query)) continue
      items.push(entry)
      if (items.length < limit) continue
      return { items, next: last === undefined && at === found.length - 1 ? undefined : id }
    }
    if (last === undefined) return { items, next: undefined }
    position = last
  }
  return { items, next: position }
}

/** An entry, and what it is called in the store. */
interface Found {
  readonly id: string
  readonly entry: AuditEntry
}

/** Where entries of a query stand, read a page at a time. Ids are as they stand in the store. */
class Reading {
  readonly #deps: AuditTrailDeps
  readonly #signal: AbortSignal | undefined
  readonly #all: string
  /** Where entries of the subject stand; undefined: more than one is asked for. */
  readonly #own: string | undefined
  readonly #from: string
  readonly #end: string

  constructor(deps: AuditTrailDeps, { namespace, group, file, fromMs, toMs, signal }: AuditQuery) {
    const { prefix } = deps
    this.#deps = deps
    this.#signal = signal
    this.#all = allEntries(prefix)
    this.#own =
      namespace === undefined || group === undefined || file === undefined
        ? undefined
        : entriesOf(prefix, filePath({ namespace, group, file }))
    const area = this.#own ?? this.#all
    // Newer ones come first. All ids of a time are its key, a dash, and more: before its key and a dot.
    this.#end = fromMs === undefined ? endOf(area) : `${area}${timeKey(fromMs)}.`
    if (toMs === 0) this.#from = this.#end
    else this.#from = toMs === undefined ? area : area + timeKey(toMs - 1)
  }

  /** @param after the last that was looked at @returns `last`: of this page; undefined: there are no more */
  async page(
    after: string | undefined,
  ): Promise<{ readonly found: readonly Found[]; readonly last: string | undefined }> {
    const area = this.#own ?? this.#all
    const begin = after === undefined ? this.#from : `${area}${after}\0`
    const key = begin > this.#from ? begin : this.#from
    if (key >= this.#end) return { found: [], last: undefined }
    const { kvs, more } = await this.#deps.store.range(
      { key, rangeEnd: this.#end, limit: pageMaxKeys },
      { signal: this.#signal, serializable: true },
    )
    const ids = kvs.map(({ keyString }) => keyString.slice(area.length))
    const found = (this.#own === undefined ? kvs : await this.#values(ids)).flatMap((kv) => {
      const id = kv.keyString.slice(this.#all.length)
      const entry = decodeEntry(id, kv)
      return entry === undefined ? [] : [{ id, entry }]
    })
    return { found, last: more ? ids.at(-1) : undefined }
  }

  async #values(ids: readonly string[]): Promise<readonly KeyValue[]> {
    if (ids.length === 0) return []
    const { responses } = await this.#deps.store.txn(
      { success: ids.map((id) => ({ type: 'range', key: this.#all + id })) },
      { signal: this.#signal, serializable: true },
    )
    return responses.flatMap((response) => rangeOf(response).kvs)
  }
}

function isWanted(entry: AuditEntry, { namespace, group, file, actions, actor }: AuditQuery): boolean {
  return (
    (namespace === undefined || entry.namespace === namespace) &&
    (group === undefined || entry.group === group) &&
    (file === undefined || entry.file === file) &&
    (actions === undefined || actions.includes(entry.action)) &&
    (actor === undefined || entry.actor === actor)
  )
}
