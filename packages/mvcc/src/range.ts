import { MvccError } from './errors.ts'
import { fromKeyEnd, type Key } from './key.ts'
import type { KeyIndex } from './key-index.ts'
import { KeyValue } from './key-value.ts'
import type { Backend } from './ports.ts'
import type { RangeRequest, RangeResult } from './requests.ts'

/** What a read needs of the store. */
export interface ReadView {
  readonly index: KeyIndex
  readonly backend: Backend
  /** The newest revision that the reader may see: inside a txn that changed something, the txn's own. */
  readonly revision: number
  readonly compactRevision: number
  /** Whether a compacted revision is kept readable for a read in progress. */
  isPinned(revision: number): boolean
}

/**
 * Which keys a request means: exactly `key`, or those from `key` up to `end` (exclusive; undefined: all).
 * An inverted range is one with `end` not above `key`: it holds nothing.
 */
export type KeySpan =
  | { readonly single: true; readonly key: Key }
  | { readonly single: false; readonly key: Key; readonly end: Key | undefined }

/** Source: etcd v3 API, RangeRequest.range_end. */
export function spanOf(request: { readonly key: Key; readonly rangeEnd?: Key | undefined }): KeySpan {
  const { key, rangeEnd } = request
  if (rangeEnd === undefined || rangeEnd === '') return { single: true, key }
  return { single: false, key, end: rangeEnd === fromKeyEnd ? undefined : rangeEnd }
}

/**
 * Refuses a revision that a range cannot be read at.
 *
 * @throws MvccError `MVCC_FUTURE_REVISION`, `MVCC_COMPACTED`
 */
export function checkReadRevision(view: ReadView, revision: number): void {
  if (revision <= 0) return
  if (revision > view.revision) {
    throw new MvccError('MVCC_FUTURE_REVISION', `revision ${revision} is after ${view.revision}`)
  }
  if (revision < view.compactRevision && !view.isPinned(revision)) {
    throw new MvccError('MVCC_COMPACTED', `revision ${revision} is before ${view.compactRevision}`)
  }
}

/** @throws MvccError `MVCC_FUTURE_REVISION`, `MVCC_COMPACTED` */
export function executeRange(view: ReadView, request: RangeRequest): RangeResult {
  const asked = request.revision ?? 0
  checkReadRevision(view, asked)
  const atRevision = asked > 0 ? asked : view.revision
  const current = atRevision === view.revision
  const { revision } = view
  if (request.countOnly === true) {
    return { revision, kvs: [], more: false, count: count(view, spanOf(request), atRevision, current) }
  }

  const limit = request.limit ?? 0
  const order = request.sortOrder ?? 'none'
  const target = request.sortTarget ?? 'key'
  const filter = revisionFilter(request)
  // One more than asked for tells whether there are more. Sorting and filtering need all of them.
  const fetchMax = limit > 0 && order === 'none' && filter === undefined ? limit + 1 : Infinity
  const fetched = fetch(view, spanOf(request), { atRevision, current, fetchMax })
  let kvs = fetched.kvs
  if (filter !== undefined) kvs = kvs.filter(filter)
  if (order !== 'none' || target !== 'key') sort(kvs, target, order === 'descend')
  const more = limit > 0 && kvs.length > limit
  if (more) kvs.length = limit
  if (request.keysOnly === true) kvs = kvs.map((kv) => kv.withoutValue())
  return { revision, kvs, more, count: fetched.count }
}

function count({ index }: ReadView, span: KeySpan, atRevision: number, current: boolean): number {
  if (span.single) return index.get(span.key)?.liveAt(atRevision) === true ? 1 : 0
  if (current) return index.countLive(span.key, span.end)
  let live = 0
  index.visit(span.key, span.end, (_, history) => {
    if (history.liveAt(atRevision)) live++
    return true
  })
  return live
}

function fetch(
  { index, backend }: ReadView,
  span: KeySpan,
  { atRevision, current, fetchMax }: { atRevision: number; current: boolean; fetchMax: number },
): { kvs: KeyValue[]; count: number } {
  const kvs: KeyValue[] = []
  if (span.single) {
    const history = index.get(span.key)
    const position = history?.find(atRevision) ?? -1
    if (history !== undefined && position >= 0 && !history.tombstoneAt(position)) {
      kvs.push(new KeyValue(backend.get(history.mainAt(position), history.subAt(position))))
    }
    return { kvs, count: kvs.length }
  }
  let live = 0
  index.visit(span.key, span.end, (_, history) => {
    const position = history.find(atRevision)
    if (position < 0 || history.tombstoneAt(position)) return true
    live++
    if (kvs.length < fetchMax) {
      kvs.push(new KeyValue(backend.get(history.mainAt(position), history.subAt(position))))
    }
    // Of the present the index knows the count without a walk over the rest.
    return kvs.length < fetchMax || !current
  })
  if (current && kvs.length >= fetchMax) live = index.countLive(span.key, span.end)
  return { kvs, count: live }
}

function revisionFilter(request: RangeRequest): ((kv: KeyValue) => boolean) | undefined {
  const { maxModRevision = 0, minModRevision = 0, maxCreateRevision = 0, minCreateRevision = 0 } = request
  if (maxModRevision === 0 && minModRevision === 0 && maxCreateRevision === 0 && minCreateRevision === 0) {
    return undefined
  }
  return (kv) =>
    (maxModRevision === 0 || kv.modRevision <= maxModRevision) &&
    (minModRevision === 0 || kv.modRevision >= minModRevision) &&
    (maxCreateRevision === 0 || kv.createRevision <= maxCreateRevision) &&
    (minCreateRevision === 0 || kv.createRevision >= minCreateRevision)
}

function sort(kvs: KeyValue[], target: NonNullable<RangeRequest['sortTarget']>, descending: boolean): void {
  const ascending = comparators[target]
  kvs.sort(descending ? (a, b) => ascending(b, a) : ascending)
}

const comparators: Record<NonNullable<RangeRequest['sortTarget']>, (a: KeyValue, b: KeyValue) => number> = {
  key: (a, b) => compareBytes(a.key, b.key),
  version: (a, b) => a.version - b.version,
  createRevision: (a, b) => a.createRevision - b.createRevision,
  modRevision: (a, b) => a.modRevision - b.modRevision,
  value: (a, b) => compareBytes(a.value, b.value),
}

/** Bytewise order: negative when `a` comes first. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}
