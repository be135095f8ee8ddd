import type { AuditQuery } from '../config-hub.ts'
import { endOf } from '../keys.ts'
import { timeKey } from './audit-id.ts'

/**
 * The keys of the records of some time. Newer ones come first; all ids of a time are its key, a dash, and more: before its key and a dot.
 *
 * @param area `allRecords` or `recordsOf`
 * @returns undefined: there are none
 */
export function recordRange(
  area: string,
  { fromMs, toMs }: Pick<AuditQuery, 'fromMs' | 'toMs'>,
): { readonly key: string; readonly rangeEnd: string } | undefined {
  if (toMs === 0) return undefined
  const key = toMs === undefined ? area : area + timeKey(toMs - 1)
  const rangeEnd = fromMs === undefined ? endOf(area) : `${area}${timeKey(fromMs)}.`
  return key < rangeEnd ? { key, rangeEnd } : undefined
}
