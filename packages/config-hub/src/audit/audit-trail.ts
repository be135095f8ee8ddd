import type { Slice } from '../calls.ts'
import type { AuditQuery, AuditTrail } from '../config-hub.ts'
import type { AuditEntry } from '../model.ts'
import { checkAuditQuery, checkSlice } from '../validate/queries.ts'
import { allPage } from './all-page.ts'
import type { AuditPage, AuditTrailDeps } from './audit-page.ts'
import { isFile } from './audit-record.ts'
import { filePage } from './file-page.ts'
import { subjectPage } from './subject-page.ts'

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
  const items: AuditEntry[] = []
  let position = after
  for (let count = 1; ; count++) {
    const { found, next } = await pageOf(deps, query, position)
    for (const [at, { entry, next: behind }] of found.entries()) {
      if (!isWanted(entry, query)) continue
      items.push(entry)
      if (items.length === limit) return { items, next: at === found.length - 1 ? next : behind }
    }
    if (next === undefined || count === pagesMax) return { items, next }
    position = next
    // What others want comes in between.
    await new Promise<void>((resolve) => deps.clock.defer(resolve))
  }
}

function pageOf(deps: AuditTrailDeps, query: AuditQuery, after: string | undefined): Promise<AuditPage> {
  const { namespace, group, file } = query
  if (namespace === undefined || group === undefined || file === undefined) {
    return allPage(deps, query, after)
  }
  const own = { ...query, namespace, group, file }
  return isFile(own) ? filePage(deps, own, after) : subjectPage(deps, own, after)
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
