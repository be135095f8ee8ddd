import { invariant } from '@orrery/environment'
import type { RangeResult, TxnOpResult } from '@orrery/mvcc'
import type { ReadOptions, Store } from '@orrery/store'
import type { AuditPlace } from '../audit/audit-id.ts'
import { decodeFile, decodeGone, type FileRecord, type GoneRecord, type StoredValue } from '../codec.ts'
import type { FileKey, GroupKey } from '../model.ts'

/** What this member has seen of the store, which may lag behind it. */
export interface SeenState {
  record(key: FileKey): FileRecord | undefined
  hasGroup(key: GroupKey): boolean
}

/** What is left of a file, and where. */
export interface GoneState extends GoneRecord {
  readonly modRevision: number
}

/** What a write of a file is decided on. */
export interface FileState {
  readonly record: FileRecord | undefined
  /** Undefined: there is none, or nobody looked. */
  readonly gone: GoneState | undefined
  readonly hasGroup: boolean
  /**
   * Where its next entry of the trail may stand, at the earliest: the time of the last one, and the revision of the file, or of what is
   * left of it. At the revision 0, there was none.
   */
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

/** See {@link FileState.notBefore}. Times of the trail are whole, whatever fractions the clock of a host tells. */
export function notBefore(record: FileRecord | undefined, gone: GoneState | undefined): AuditPlace {
  if (record !== undefined) return { atMs: Math.floor(record.file.changedAtMs), order: record.file.revision }
  return gone === undefined ? beginning : { atMs: Math.floor(gone.deletedAtMs), order: gone.modRevision }
}

/** The state of a file, as this member has seen it. */
export function seenState(seen: SeenState, key: FileKey): FileState {
  const record = seen.record(key)
  return {
    record,
    gone: undefined,
    hasGroup: record !== undefined || seen.hasGroup(key),
    notBefore: notBefore(record, undefined),
    revision: record?.file.revision ?? 0,
  }
}

/** The state of a file, as the store has it. @throws Error what the store has is no file */
export async function readState(
  parts: FileStateParts,
  place: FilePlace,
  options: ReadOptions,
): Promise<FileState> {
  return stateOf(place.path, await readStored(parts, place, options))
}

/** What {@link readState} reads from. */
export interface FileStateParts {
  readonly store: Pick<Store, 'txn'>
  /** Under which all keys stand. */
  readonly prefix: string
}

/** What the store has of a file, whatever that may be. */
export interface StoredState extends Pick<FileState, 'hasGroup' | 'revision'> {
  readonly file: StoredValue | undefined
  readonly gone: StoredValue | undefined
}

/** Reads what {@link stateOf} takes. */
export async function readStored(
  { store, prefix }: FileStateParts,
  { path, groupPath }: FilePlace,
  options: ReadOptions,
): Promise<StoredState> {
  const { responses, revision } = await store.txn(
    {
      success: [
        { type: 'range', key: `${prefix}live/files/${path}` },
        { type: 'range', key: `${prefix}live/gone/${path}` },
        { type: 'range', key: `${prefix}live/groups/${groupPath}`, keysOnly: true },
      ],
    },
    options,
  )
  const [file, gone, group] = responses.map(rangeOf)
  return { file: file?.kvs[0], gone: gone?.kvs[0], hasGroup: (group?.count ?? 0) > 0, revision }
}

/** @throws Error what the store has is no file */
export function stateOf(path: string, stored: StoredState): FileState {
  const { hasGroup, revision } = stored
  const record = stored.file && decodeFile(path, stored.file)
  const gone = stored.gone && {
    ...decodeGone(stored.gone.value),
    modRevision: stored.gone.modRevision,
  }
  return { record, gone, hasGroup, notBefore: notBefore(record, gone), revision }
}

/** The answer to a range in a txn. */
export function rangeOf(response: TxnOpResult | undefined): RangeResult {
  invariant(response?.type === 'range', 'a range answers as a range')
  return response
}
