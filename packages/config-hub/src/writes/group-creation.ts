import type { AuditIds } from '../audit/audit-id.ts'
import { type AuditAuthor, type LastEntry, subjectOps } from '../audit/audit-record.ts'
import { encodeGroup } from '../codec.ts'
import { groupPath } from '../keys.ts'
import type { GroupDraft } from '../validate/specs.ts'
import type { GroupCreation } from './file-batch.ts'

/** The subject of a group in the trail: a file without a name. @param path as `groupPath` makes it */
export function groupSubject(path: string): string {
  return `${path}/`
}

/** A group that its first file needs. */
export interface NewGroup {
  readonly draft: GroupDraft
  /** Of the groups that had its name. */
  readonly last: LastEntry
  /** When its first file is written. Unit: ms since the epoch. */
  readonly atMs: number
}

/** How a group comes to be with its first file. */
export function createGroup(
  parts: { readonly prefix: string; readonly ids: AuditIds },
  { draft, last, atMs }: NewGroup,
  author: AuditAuthor,
): GroupCreation {
  const path = groupPath(draft)
  const place = { ...last.notBefore, atMs: Math.max(atMs, last.notBefore.atMs) }
  const group = { ...draft, createdAtMs: place.atMs, changedAtMs: place.atMs, revision: 0 }
  const what = { subject: groupSubject(path), action: 'groupCreated', version: undefined } as const
  return {
    place,
    conditions: [last.isLast],
    ops: [
      { type: 'put', key: `${parts.prefix}live/groups/${path}`, value: encodeGroup(group) },
      ...subjectOps(parts, { ...what, beforeRevision: 0, author, place, previous: undefined }),
    ],
  }
}
