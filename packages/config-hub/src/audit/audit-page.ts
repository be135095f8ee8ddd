import type { Clock } from '@orrery/environment'
import type { Store } from '@orrery/store'
import type { AuditQuery } from '../config-hub.ts'
import type { AuditEntry, FileKey } from '../model.ts'

/** What the trail is read from. */
export interface AuditTrailDeps {
  readonly store: Pick<Store, 'range' | 'txn'>
  readonly clock: Pick<Clock, 'defer'>
  /** Under which all keys stand. */
  readonly prefix: string
  /** @throws ConfigError when the hub does not serve */
  readonly ensureOpen: () => void
}

/** A query for the entries of one subject: a file, or as the trail names groups and templates. */
export type SubjectQuery = AuditQuery & FileKey

/** Some entries of a query, the newest first, whatever it says of actions and actors. */
export interface AuditPage {
  readonly found: readonly FoundEntry[]
  /** Where the next page begins, to be given as `after`. Undefined: there is none. */
  readonly next: string | undefined
}

/** An entry, and how to go on behind it. */
export interface FoundEntry {
  readonly entry: AuditEntry
  /** Undefined: nothing can come behind it. */
  readonly next: string | undefined
}

/** A page on which nothing is, and the last one. */
export const noEntries: AuditPage = { found: [], next: undefined }
