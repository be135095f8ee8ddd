import { invariant } from '@orrery/environment'
import type { RangeResult, TxnOpResult } from '@orrery/mvcc'
import type { Store } from '@orrery/store'
import type { AuditPlace } from '../audit/audit-id.ts'
import { entriesOf, lastEntry } from '../audit/audit-record.ts'
import { decodeFile, decodeGone, type FileRecord } from '../codec.ts'
import type { CallOptions } from '../calls.ts'
import { endOf } from '../keys.ts'
import type { FileKey, GroupKey } from '../model.ts'

/** What this member has seen of the store, which may lag behind it. */
export interface SeenState {
  record(key: FileKey): FileRecord | undefined
  hasGroup(key: GroupKey): boolean
}

/** What is left of a file that was deleted. */
export interface GoneRecord {
  readonly latestVersion: number
  readonly modRevision: number
}

/** What a write of a file is decided on. */
export interface FileState {
  readonly record: FileRecord | undefined
  /** Undefined: there is none, or nobody looked. */
  readonly gone: GoneRecord | undefined
  readonly hasGroup: boolean
  /** Where the next entry of the trail may stand, at the earliest. */
  readonly notBefore: AuditPlace
  /** Of the store, at which it was so. */
  readonly revision: number
}

/** Paths of a file. */
export interface FilePlace {
  readonly path: string
  readonly groupPath: string
}

const beginning: AuditPlace = { atMs: 0, order: 0 }

/** Where the next entry of a file that exists may stand: its last write was at `changedAtMs`, decided on an older revision. */
export function notBefore({ file }: FileRecord): AuditPlace {
  return { atMs: file.changedAtMs, order: file.revision }
}

/** The state of a file, as this member has seen it. */
export function seenState(seen: SeenState, key: FileKey): FileState {
  const record = seen.record(key)
  return {
    record,
    gone: undefined,
    hasGroup: record !== undefined || seen.hasGroup(key),
    notBefore: record === undefined ? beginning : notBefore(record),
    revision: record?.file.revision ?? 0,
  }
}

/** The state of a file, as the store has it. */
export async function readState(
  { store, prefix }: { readonly store: Pick<Store, 'txn'>; readonly prefix: string },
  { path, groupPath }: FilePlace,
  { signal }: CallOptions,
): Promise<FileState> {
  const entries = entriesOf(prefix, path)
  const { responses, revision } = await store.txn(
    {
      success: [
        { type: 'range', key: `${prefix}live/files/${path}` },
        { type: 'range', key: `${prefix}live/gone/${path}` },
        { type: 'range', key: `${prefix}live/groups/${groupPath}`, keysOnly: true },
        { type: 'range', key: entries, rangeEnd: endOf(entries), limit: 1, keysOnly: true },
      ],
    },
    { signal },
  )
  const [file, gone, group, last] = responses.map(rangeOf)
  const [kv] = file?.kvs ?? []
  const [goneKv] = gone?.kvs ?? []
  const record = kv && decodeFile(path, kv)
  return {
    record,
    gone: goneKv && { latestVersion: decodeGone(goneKv.value), modRevision: goneKv.modRevision },
    hasGroup: (group?.count ?? 0) > 0,
    notBefore: record ? notBefore(record) : lastEntry(entries, last?.kvs[0]?.keyString).notBefore,
    revision,
  }
}

/** The answer to a range in a txn. */
export function rangeOf(response: TxnOpResult | undefined): RangeResult {
  invariant(response?.type === 'range', 'a range answers as a range')
  return response
}
