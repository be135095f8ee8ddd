import type { Compare, Store, TxnOp } from '@orrery/store'
import type { StoredValue } from '../codec.ts'
import type { CallOptions } from '../calls.ts'
import { endOf, fileKeyOf, filePath } from '../keys.ts'
import type { AuditAction, AuditEntry } from '../model.ts'
import { type AuditIds, type AuditPlace, invertId, isAuditId, placeOfId } from './audit-id.ts'

/** A write that is to be in the trail. */
export interface AuditNote {
  /** Path of a file; of a group, with an empty name of a file; of a template, with two empty names before it. */
  readonly subject: string
  readonly action: AuditAction
  readonly version: number | undefined
  readonly beforeRevision: number
  readonly place: AuditPlace
}

/** Who wrote, and why: the same for all that a call writes. */
export interface AuditAuthor {
  readonly actor: string
  readonly reason: string
}

/** `audit/all/`, below a prefix: every entry, the newest first. */
export function allEntries(prefix: string): string {
  return `${prefix}audit/all/`
}

/** `audit/of/<subject>/`, below a prefix: entries of one subject, the newest first. */
export function entriesOf(prefix: string, subject: string): string {
  return `${prefix}audit/of/${subject}/`
}

/** What is put into the trail together with a write: the entry, and where its subject finds it. */
export function auditOps(
  { prefix, ids }: { readonly prefix: string; readonly ids: AuditIds },
  { subject, action, version, beforeRevision, place }: AuditNote,
  { actor, reason }: AuditAuthor,
): readonly [TxnOp, TxnOp] {
  const id = ids.next(place)
  const value = JSON.stringify({
    action,
    subject,
    version,
    beforeRevision,
    actor: actor === '' ? undefined : actor,
    reason: reason === '' ? undefined : reason,
  })
  return [
    { type: 'put', key: allEntries(prefix) + id, value },
    { type: 'put', key: entriesOf(prefix, subject) + id },
  ]
}

/** @param id as it stands in the store @returns undefined: this is no entry */
export function decodeEntry(id: string, { value, modRevision }: StoredValue): AuditEntry | undefined {
  const stored = isAuditId(id) ? parse(value) : undefined
  if (stored?.subject === undefined || stored.action === undefined) return undefined
  const upright = invertId(id)
  return Object.freeze({
    ...{ id: upright, atMs: placeOfId(upright).atMs, action: stored.action },
    ...{ actor: stored.actor ?? '', reason: stored.reason ?? '' },
    ...fileKeyOf(stored.subject),
    ...{ version: stored.version, beforeRevision: stored.beforeRevision ?? 0, revision: modRevision },
  })
}

/** The subject of an entry, as it was noted. */
export function subjectOf({ namespace, group, file }: AuditEntry): string {
  return filePath({ namespace, group, file })
}

interface StoredEntry {
  readonly action?: AuditAction
  readonly subject?: string
  readonly version?: number
  readonly beforeRevision?: number
  readonly actor?: string
  readonly reason?: string
}

function parse(value: Uint8Array): StoredEntry | undefined {
  try {
    return (JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.length).toString()) ?? undefined) as
      | StoredEntry
      | undefined
  } catch {
    return undefined
  }
}

/** After what the next entry of a subject has to come, where nothing else says so: of what is created. */
export interface LastEntry {
  /** Where the next one may stand, at the earliest. */
  readonly notBefore: AuditPlace
  /** Holds as long as no other entry has come. */
  readonly isLast: Compare
}

/** The newest entry of a subject. */
export async function lastEntryOf(
  { store, prefix }: { readonly store: Pick<Store, 'range'>; readonly prefix: string },
  subject: string,
  { signal }: CallOptions,
): Promise<LastEntry> {
  const all = entriesOf(prefix, subject)
  const range = { key: all, rangeEnd: endOf(all), limit: 1, keysOnly: true } as const
  // What is missed here is found by the comparison.
  const { kvs } = await store.range(range, { signal, serializable: true })
  return lastEntry(all, kvs[0]?.keyString)
}

/** @param all where entries of the subject stand @param key the first of them; undefined: there is none */
export function lastEntry(all: string, key: string | undefined): LastEntry {
  const isLast: Compare = {
    ...{ key: all, rangeEnd: key ?? endOf(all) },
    ...({ target: 'createRevision', result: 'equal', value: 0 } as const),
  }
  const id = key?.slice(all.length) ?? ''
  if (!isAuditId(id)) return { notBefore: { atMs: 0, order: 0 }, isLast }
  const { atMs, order } = placeOfId(invertId(id))
  return { notBefore: { atMs, order: order + 1 }, isLast }
}
