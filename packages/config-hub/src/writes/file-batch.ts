import { invariant } from '@orrery/environment'
import type { TxnOpResult, TxnResult } from '@orrery/mvcc'
import type { Compare, TxnOp, TxnRequest } from '@orrery/store'
import type { AuditPlace } from '../audit/audit-id.ts'
import { type AuditNote, type AuditParts, recordOps } from '../audit/audit-record.ts'

/** A group that comes to be with the first file in it. */
export interface GroupCreation {
  /** What has to hold, beside that there is no such group. */
  readonly conditions: readonly Compare[]
  readonly ops: readonly TxnOp[]
  /** Of its entry in the trail: that of its first file comes after it, where clocks agree. */
  readonly place: AuditPlace
}

/** One change of one file, decided on what it was at `expected`. */
export interface FileWrite {
  /** As `filePath` makes it. */
  readonly path: string
  /** As `groupPath` makes it. */
  readonly groupPath: string
  /** The revision that the file has to be at; 0: it must not exist. */
  readonly expected: number
  /** The revision of what is left of a deleted file of the name; 0: nothing. Only looked at where the file does not exist. */
  readonly gone: number
  /** The group to create; undefined: there is one. */
  readonly creation: GroupCreation | undefined
  readonly ops: readonly TxnOp[]
  /** Its entry in the trail. */
  readonly note: AuditNote
  /** About what it takes in a request. Unit: bytes. */
  readonly bytes: number
}

/**
 * - `done`: at this revision
 * - `differs`: the file, what is left of it, or its group is not what it was taken for, or may not be any more
 */
export interface WriteResult {
  readonly type: 'done' | 'differs'
  readonly revision: number
}

/**
 * The txn of a batch in which every write takes effect, or none: nearly always, nobody else has come in between.
 *
 * ```text
 * if   <each file at the expected revision, or no file, and its group exists, or no such group>
 * then <put, delete> for each file, <put> for each new group, <put> for all of them into the trail
 * ```
 */
export function jointTxn(parts: AuditParts, writes: readonly FileWrite[]): TxnRequest {
  const compare: Compare[] = []
  const success: TxnOp[] = []
  /** Of which something is expected. */
  const groups = new Set<string>()
  for (const write of writes) {
    const { creation, groupPath, ops } = write
    pushFileConditions(compare, parts.prefix, write)
    if (needsGroup(write) && !groups.has(groupPath)) {
      groups.add(groupPath)
      compare.push(...groupConditions(parts.prefix, write))
      if (creation !== undefined) success.push(...creation.ops)
    }
    success.push(...ops)
  }
  success.push(
    ...recordOps(
      parts,
      writes.map(({ note }) => note),
    ),
  )
  return { compare, success }
}

/** Where the answer to a write stands among those of a txn. */
interface AnswerPlace {
  readonly at: number
  /** It is not in the txn: this is the answer to the first file of its group. */
  readonly isLeftOut: boolean
}

/**
 * The txn of a batch in which each write is decided by the store by itself, so that one that comes too late takes no other with it.
 *
 * ```text
 * if <file at the expected revision> then <put, delete>    for each file that exists
 * if <no file, its group exists> then <put>                for each file that is new
 * if <no file, no such group> then <put both>              for the first file of each group that is new
 * ```
 *
 * Other files of a group that is new are not in it: a txn knows no way to say that a group comes with whichever of its files do.
 */
export class SeparateTxns {
  readonly #ops: TxnOp[] = []
  readonly #places: AnswerPlace[] = []

  constructor(parts: AuditParts, writes: readonly FileWrite[]) {
    /** Where the first file of each group that is new stands. */
    const created = new Map<string, number>()
    for (const write of writes) {
      const { creation, groupPath } = write
      const first = creation && created.get(groupPath)
      if (first === undefined) {
        const at = this.#ops.length
        if (creation !== undefined) created.set(groupPath, at)
        this.#places.push({ at, isLeftOut: false })
        this.#ops.push(fileTxn(parts, write))
      } else this.#places.push({ at: first, isLeftOut: true })
    }
  }

  request(): TxnRequest {
    return { success: this.#ops }
  }

  /** @returns the result of each write, in their order; undefined: it was left out, and its group is as new as it was */
  results({ responses, revision }: TxnResult): readonly (WriteResult | undefined)[] {
    const done: WriteResult = { type: 'done', revision }
    const differs: WriteResult = { type: 'differs', revision }
    return this.#places.map(({ at, isLeftOut }) => {
      const { succeeded } = answerOf(responses[at])
      if (isLeftOut) return succeeded ? differs : undefined
      return succeeded ? done : differs
    })
  }
}

function fileTxn(parts: AuditParts, write: FileWrite): TxnOp {
  const { creation, ops, note } = write
  const compare: Compare[] = []
  pushFileConditions(compare, parts.prefix, write)
  if (needsGroup(write)) compare.push(...groupConditions(parts.prefix, write))
  return { type: 'txn', compare, success: [...(creation?.ops ?? []), ...ops, ...recordOps(parts, [note])] }
}

function pushFileConditions(compare: Compare[], prefix: string, { path, expected, gone }: FileWrite): void {
  compare.push(isAt(`${prefix}live/files/${path}`, expected))
  if (expected === 0) compare.push(isAt(`${prefix}live/gone/${path}`, gone))
}

/** Whether something is expected of its group: a file that exists is in one, unless somebody has removed that by hand. */
export function needsGroup({ expected, creation }: FileWrite): boolean {
  return expected === 0 || creation !== undefined
}

/** What is expected of the group of a file. */
function groupConditions(prefix: string, { groupPath, creation }: FileWrite): readonly Compare[] {
  const key = `${prefix}live/groups/${groupPath}`
  return creation === undefined ? [isPresent(key)] : [isAbsent(key), ...creation.conditions]
}

/** The key is at a revision; 0: it does not exist. */
export function isAt(key: string, modRevision: number): Compare {
  return { key, target: 'modRevision', result: 'equal', value: modRevision }
}

/** There is no such key. */
export function isAbsent(key: string): Compare {
  return isAt(key, 0)
}

/** There is such a key. */
export function isPresent(key: string): Compare {
  return { key, target: 'createRevision', result: 'notEqual', value: 0 }
}

function answerOf(response: TxnOpResult | undefined): TxnResult {
  invariant(response?.type === 'txn', 'a nested txn answers as a txn')
  return response
}
