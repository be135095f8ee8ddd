import type { AuditQuery } from '../config-hub.ts'
import type { StoredValue } from '../codec.ts'
import { endOf } from '../keys.ts'
import { isAuditId, timeKey } from './audit-id.ts'
import type { AuditTrailDeps } from './audit-page.ts'

/** Keys from one on, before another. */
export interface KeyRange {
  readonly key: string
  readonly rangeEnd: string
}

/**
 * The keys of the records of some time. Newer ones come first; all ids of a time are its key, a dash, and more: before its key and a dot.
 *
 * @param area `allRecords` or `recordsOf`
 * @param begin not before this key of the area; the area itself: from its beginning
 * @returns undefined: there are none
 */
export function recordRange(
  area: string,
  { fromMs, toMs }: Pick<AuditQuery, 'fromMs' | 'toMs'>,
  begin: string,
): KeyRange | undefined {
  if (toMs === 0) return undefined
  const first = toMs === undefined ? area : area + timeKey(toMs - 1)
  const key = begin > first ? begin : first
  const rangeEnd = fromMs === undefined ? endOf(area) : `${area}${timeKey(fromMs)}.`
  return key < rangeEnd ? { key, rangeEnd } : undefined
}

/** What stands below an id. */
export interface FoundRecord extends StoredValue {
  /** As it stands in the store. */
  readonly id: string
}

/** What is read of an area at once. */
export interface RecordRequest extends KeyRange {
  /** `allRecords` or `recordsOf` */
  readonly area: string
  readonly limit: number
  readonly keysOnly?: boolean
  readonly signal: AbortSignal | undefined
}

/**
 * Reads records, or where they are found. What stands there below no id was written by no hub, and is passed over.
 *
 * @throws ConfigError the hub does not serve any more
 */
export async function readRecords(
  { store, ensureOpen }: Pick<AuditTrailDeps, 'store' | 'ensureOpen'>,
  { area, signal, ...range }: RecordRequest,
): Promise<{ readonly records: readonly FoundRecord[]; readonly more: boolean }> {
  for (let { key } = range; ; ) {
    ensureOpen()
    const { kvs, more } = await store.range({ ...range, key }, { signal, serializable: true })
    const records = kvs.flatMap(({ keyString, value, modRevision }): readonly FoundRecord[] => {
      const id = keyString.slice(area.length)
      return isAuditId(id) ? [{ id, value, modRevision }] : []
    })
    const last = kvs.at(-1)
    if (records.length > 0 || !more || last === undefined) return { records, more }
    key = `${last.keyString}\0`
  }
}
