import type { KeyValue, Mvcc, RangeRequest, RangeResult } from '@orrery/mvcc'

/** Keys that one turn of the event loop reads. */
const pageMaxKeys = 2_000

/**
 * Reads a range, a large one in several turns of the event loop: all of it at the revision at which the read
 * began, whatever is written or compacted meanwhile.
 *
 * @throws what `nextTurn` throws when the read is to be abandoned
 */
export async function readRange(
  { mvcc, nextTurn }: { readonly mvcc: Mvcc; readonly nextTurn: () => Promise<void> },
  request: RangeRequest,
): Promise<RangeResult> {
  if (!isPageable(request)) return mvcc.range(request)
  const limit = request.limit !== undefined && request.limit > 0 ? request.limit : Infinity
  const first = mvcc.range({ ...request, limit: Math.min(limit, pageMaxKeys) })
  if (!first.more || limit <= pageMaxKeys) return first
  const revision = request.revision !== undefined && request.revision > 0 ? request.revision : first.revision
  const unpin = mvcc.pin(revision)
  try {
    const kvs: KeyValue[] = [...first.kvs]
    let more: boolean = first.more
    while (more && kvs.length < limit) {
      await nextTurn()
      const key = `${kvs.at(-1)?.keyString ?? ''}\0`
      const page = mvcc.range({ ...request, key, revision, limit: Math.min(limit - kvs.length, pageMaxKeys) })
      for (const kv of page.kvs) kvs.push(kv)
      more = page.more
    }
    return { revision: first.revision, kvs, more, count: first.count }
  } finally {
    unpin()
  }
}

/** Sorted and filtered results need all keys at once; counts and single keys are small. */
function isPageable(request: RangeRequest): boolean {
  const { rangeEnd = '', sortOrder = 'none', sortTarget = 'key', countOnly } = request
  const filters = [
    request.minModRevision,
    request.maxModRevision,
    request.minCreateRevision,
    request.maxCreateRevision,
  ]
  return (
    rangeEnd !== '' &&
    countOnly !== true &&
    sortOrder === 'none' &&
    sortTarget === 'key' &&
    filters.every((filter) => filter === undefined || filter === 0)
  )
}
