import type { Compare, Store, TxnOp } from '@orrery/store'
import type { StoredValue } from '../codec.ts'
import type { CallOptions } from '../calls.ts'
import { endOf, fileKeyOf, filePath } from '../keys.ts'
import type { AuditAction, AuditEntry, FileKey } from '../model.ts'
import { isStoredEntry, type StoredEntry } from '../stored-shapes.ts'
import { type AuditIds, type AuditPlace, entryIdOf, invertId, isAuditId, placeOfId } from './audit-id.ts'

/** Who wrote, and why: the same for all that a call writes. */
export interface AuditAuthor {
  readonly actor: string
  readonly reason: string
}

/** A write that is to be in the trail. */
export interface AuditNote {
  /** Path of a file; of a group, with an empty name of a file; of a template, with two empty names before it. */
  readonly subject: string
  readonly action: AuditAction
  readonly version: number | undefined
  readonly beforeRevision: number
  readonly author: AuditAuthor
  readonly place: AuditPlace
  /** Of a file: where its entry before this one was made, see {@link RecordedEntry.previous}. */
  readonly previous: AuditPlace | undefined
}

/** An entry, as a record has it. */
export interface RecordedEntry {
  readonly entry: AuditEntry
  /** Which of the record it is, from 0. */
  readonly at: number
  /**
   * Of a file: the time of its entry before this one, and a revision above that of the record of that, up to which nothing else was
   * written of the file. Undefined: it is the first one.
   */
  readonly previous: AuditPlace | undefined
}

/** What notes are written with. */
export interface AuditParts {
  /** Under which all keys stand. */
  readonly prefix: string
  readonly ids: AuditIds
}

/** `audit/all/`, below a prefix: every record, the newest first. */
export function allRecords(prefix: string): string {
  return `${prefix}audit/all/`
}

/** `audit/of/`, below a prefix: all that {@link recordsOf} gives. */
export function allSubjects(prefix: string): string {
  return `${prefix}audit/of/`
}

/** `audit/of/<subject>/`, below a prefix: ids of the records of a subject that is no file, the newest first. */
export function recordsOf(prefix: string, subject: string): string {
  return `${allSubjects(prefix)}${subject}/`
}

/**
 * What is put into the trail together with writes of files: a record for all of the same time. Each key takes the store as much work as
 * all else that a write does to the trail, and files are written in batches.
 */
export function recordOps({ prefix, ids }: AuditParts, notes: readonly AuditNote[]): readonly TxnOp[] {
  const times = new Map<number, AuditNote[]>()
  for (const note of notes) {
    const { atMs } = note.place
    const same = times.get(atMs)
    if (same === undefined) times.set(atMs, [note])
    else same.push(note)
  }
  return Array.from(times, ([atMs, same]): TxnOp => {
    const order = same.reduce((highest, { place }) => Math.max(highest, place.order), 0)
    return putRecord(prefix, ids.next({ atMs, order }), same)
  })
}

/** The same for one write of what is no file: its record, and where its subject finds it. */
export function subjectOps({ prefix, ids }: AuditParts, note: AuditNote): readonly [TxnOp, TxnOp] {
  const id = ids.next(note.place)
  return [putRecord(prefix, id, [note]), { type: 'put', key: recordsOf(prefix, note.subject) + id }]
}

function putRecord(prefix: string, id: string, notes: readonly AuditNote[]): TxnOp {
  return { type: 'put', key: allRecords(prefix) + id, value: JSON.stringify(notes.map(storedEntry)) }
}

function storedEntry({ subject, action, version, beforeRevision, author, previous }: AuditNote): StoredEntry {
  return {
    action,
    subject,
    version,
    beforeRevision,
    previous: previous && [previous.atMs, previous.order],
    actor: author.actor === '' ? undefined : author.actor,
    reason: author.reason === '' ? undefined : author.reason,
  }
}

/** @param id as it stands in the store @returns in the order of their ids; none: this is no record */
export function decodeRecord(id: string, { value, modRevision }: StoredValue): readonly RecordedEntry[] {
  const stored = isAuditId(id) ? parse(value) : undefined
  if (!Array.isArray(stored)) return []
  const { atMs } = placeOfId(invertId(id))
  return stored.flatMap((one: unknown, at): RecordedEntry[] => {
    if (!isStoredEntry(one)) return []
    const entry = Object.freeze({
      ...{ id: entryIdOf(id, at), atMs, action: one.action },
      ...{ actor: one.actor ?? '', reason: one.reason ?? '' },
      ...fileKeyOf(one.subject),
      ...{ version: one.version, beforeRevision: one.beforeRevision ?? 0, revision: modRevision },
    })
    const { previous } = one
    return [{ entry, at, previous: previous && { atMs: previous[0], order: previous[1] } }]
  })
}

/** Whether not all entries of a record can be read, or none. */
export function isDamaged({ value }: Pick<StoredValue, 'value'>): boolean {
  const stored = parse(value)
  return !Array.isArray(stored) || stored.length === 0 || !stored.every(isStoredEntry)
}

/** Whether a subject is a file: its entries are found by one another, those of others by `audit/of/`. */
export function isFile({ namespace, group, file }: FileKey): boolean {
  return namespace !== '' && group !== '' && file !== ''
}

/** The subject of an entry, as it was noted. */
export function subjectOf({ namespace, group, file }: AuditEntry): string {
  return filePath({ namespace, group, file })
}

function parse(value: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.length).toString())
  } catch {
    return undefined
  }
}

/** After what the next entry of a subject that is no file has to come. */
export interface LastEntry {
  /** Where the next one may stand, at the earliest. */
  readonly notBefore: AuditPlace
  /** Holds as long as no other entry has come. */
  readonly isLast: Compare
}

/** The newest entry of a subject that is no file. */
export async function lastEntryOf(
  { store, prefix }: { readonly store: Pick<Store, 'range'>; readonly prefix: string },
  subject: string,
  { signal }: CallOptions,
): Promise<LastEntry> {
  const all = recordsOf(prefix, subject)
  const range = { key: all, rangeEnd: endOf(all), limit: 1, keysOnly: true } as const
  // What is missed here is found by the comparison.
  const { kvs } = await store.range(range, { signal, serializable: true })
  const key = kvs[0]?.keyString
  const isLast: Compare = {
    ...{ key: all, rangeEnd: key ?? endOf(all) },
    ...({ target: 'createRevision', result: 'equal', value: 0 } as const),
  }
  const id = key?.slice(all.length) ?? ''
  if (!isAuditId(id)) return { notBefore: { atMs: 0, order: 0 }, isLast }
  const { atMs, order } = placeOfId(invertId(id))
  return { notBefore: { atMs, order: order + 1 }, isLast }
}
