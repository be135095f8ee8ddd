import type { AuditQuery } from '../config-hub.ts'
import { endOf } from '../keys.ts'
import { timeKey } from './audit-id.ts'

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
): { readonly key: string; readonly rangeEnd: string } | undefined {
  if (toMs === 0) return undefined
  const first = toMs === undefined ? area : area + timeKey(toMs - 1)
  const key = begin > first ? begin : first
  const rangeEnd = fromMs === undefined ? endOf(area) : `${area}${timeKey(fromMs)}.`
  return key < rangeEnd ? { key, rangeEnd } : undefined
}
