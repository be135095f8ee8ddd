import type { Clock } from '@orrery/environment'
import type { Store } from '@orrery/store'
import type { Slice } from '../calls.ts'
import type { AuditQuery, AuditTrail } from '../config-hub.ts'
import type { AuditEntry } from '../model.ts'
import { checkAuditQuery, checkSlice } from '../validate/queries.ts'
import { isFile } from './audit-record.ts'
import { AllPages } from './all-pages.ts'
import { FilePages } from './file-pages.ts'
import { SubjectPages } from './subject-pages.ts'

/** What the trail is read from. */
export interface AuditTrailDeps {
  readonly store: Pick<Store, 'range' | 'txn'>
  readonly clock: Pick<Clock, 'defer'>
  /** Under which all keys stand. */
  readonly prefix: string
  /** @throws ConfigError when the hub does not serve */
  readonly ensureOpen: () => void
}

/** Some entries of a query, the newest first, whatever it says of actions and actors. */
export interface AuditPage {
  readonly found: readonly FoundEntry[]
  /** Where the next page begins. Undefined: there is none. */
  readonly next: string | undefined
}

/** An entry, and how to go on behind it. */
export interface FoundEntry {
  readonly entry: AuditEntry
  /** Undefined: nothing can come behind it. */
  readonly next: string | undefined
}

/** Where the entries of a query stand, read a page at a time. */
export interface AuditPages {
  /**
   * @param after what an earlier page, or an entry, said; undefined: from the beginning
   * @throws ConfigError `CONFIG_INVALID`: it is none of that
   */
  page(after: string | undefined): Promise<AuditPage>
}

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
  const pages = pagesOf(deps, query)
  const items: AuditEntry[] = []
  let position = after
  for (let count = 1; ; count++) {
    const { found, next } = await pages.page(position)
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

function pagesOf(deps: AuditTrailDeps, query: AuditQuery): AuditPages {
  const { namespace, group, file } = query
  if (namespace === undefined || group === undefined || file === undefined) return new AllPages(deps, query)
  const subject = { namespace, group, file }
  return isFile(subject) ? new FilePages(deps, subject, query) : new SubjectPages(deps, subject, query)
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
