import type { TxnOp } from '@orrery/store'
import { encodeFile, encodeGone } from '../codec.ts'
import { endOf, releaseKey } from '../keys.ts'
import type { AuditAction, ConfigFile } from '../model.ts'
import type { WrappedKey } from '../ports.ts'
import type { FilePlace, FileState } from './file-state.ts'

/** A value of the store: bytes, or text that is encoded as UTF-8. */
export type StoredBytes = string | Uint8Array

/** A release that is to be written. */
export interface NewRelease {
  readonly version: number
  readonly value: StoredBytes
}

/** What is decided of a file. */
export interface FileChange<Result> {
  /** What it becomes, still at its old revision; undefined: it is deleted. */
  readonly file: ConfigFile | undefined
  readonly dataKey: WrappedKey | undefined
  /** In the order of their versions. */
  readonly releases: readonly NewRelease[]
  /** Undefined: the draft stays as it is. */
  readonly draft:
    | { readonly type: 'put'; readonly value: StoredBytes }
    | { readonly type: 'delete' }
    | undefined
  readonly action: AuditAction
  readonly version: number | undefined
  /** @param file what the file has become, at its new revision */
  readonly result: (file: ConfigFile | undefined) => Result
}

/** What operations are made with. */
export interface OpsParts {
  /** Under which all keys stand. */
  readonly prefix: string
  readonly releasesMaxItems: number
}

/** What of a change does not depend on what is changed. */
export interface ChangeContext extends Pick<FilePlace, 'path'> {
  /** Unit: ms since the epoch, not before the last change. */
  readonly atMs: number
}

/**
 * The operations of a change, in the order in which followers see them: contents come before what points at them.
 */
export function opsOf(
  parts: OpsParts,
  { state, change }: { readonly state: FileState; readonly change: FileChange<unknown> },
  { path, atMs }: ChangeContext,
): readonly TxnOp[] {
  const { prefix } = parts
  const { file, dataKey, releases, draft } = change
  const ops: TxnOp[] = []
  for (const { version, value } of releases) {
    ops.push({ type: 'put', key: prefix + releaseKey(path, version), value })
  }
  const key = `${prefix}live/files/${path}`
  if (file === undefined) deleteFile(ops, { prefix, path, state, atMs })
  else {
    ops.push({ type: 'put', key, value: encodeFile({ file, dataKey }) })
    if (state.gone !== undefined) ops.push({ type: 'deleteRange', key: `${prefix}live/gone/${path}` })
    if (releases.length > 0) trim(ops, parts, { path, file, added: releases.length })
  }
  const draftKey = `${prefix}drafts/${path}`
  if (draft?.type === 'put') ops.push({ type: 'put', key: draftKey, value: draft.value })
  else if (draft?.type === 'delete') ops.push({ type: 'deleteRange', key: draftKey })
  return ops
}

/** Its versions are never given again: that is remembered. */
function deleteFile(
  ops: TxnOp[],
  {
    prefix,
    path,
    state,
    atMs,
  }: { readonly prefix: string; readonly path: string; readonly state: FileState; readonly atMs: number },
): void {
  const releases = `${prefix}live/releases/${path}/`
  ops.push(
    { type: 'deleteRange', key: releases, rangeEnd: endOf(releases) },
    { type: 'deleteRange', key: `${prefix}live/files/${path}` },
    {
      type: 'put',
      key: `${prefix}live/gone/${path}`,
      value: encodeGone({ latestVersion: state.record?.file.latestVersion ?? 0, deletedAtMs: atMs }),
    },
  )
}

/**
 * Deletes releases that are too old. Those that somebody sees are among the newest two; they stay even if they were not.
 *
 * What has become too old with this change is deleted by its name: a range from the beginning would go over all that were deleted
 * before, until the store is compacted. It is used now and then, for those that are left over from a time when more were kept.
 */
function trim(
  ops: TxnOp[],
  { prefix, releasesMaxItems }: OpsParts,
  { path, file, added }: { readonly path: string; readonly file: ConfigFile; readonly added: number },
): void {
  const { latestVersion, release, gray } = file
  const oldest = Math.min(
    latestVersion - releasesMaxItems + 1,
    release?.version ?? Infinity,
    gray?.version ?? Infinity,
  )
  if (oldest <= 1) return
  const isWhole = latestVersion % releasesMaxItems < added
  const from = isWhole ? 1 : Math.max(1, oldest - added)
  const key = prefix + releaseKey(path, from)
  if (oldest - from === 1) ops.push({ type: 'deleteRange', key })
  else ops.push({ type: 'deleteRange', key, rangeEnd: prefix + releaseKey(path, oldest) })
}

/** About what some operations take in a request: of text, its code units are counted, which is far quicker. Unit: bytes. */
export function bytesOf(ops: readonly TxnOp[]): number {
  let bytes = 0
  for (const op of ops) {
    bytes += bytesPerOp
    if (op.type === 'put') bytes += op.value?.length ?? 0
  }
  return bytes
}

/** Keys, and what stands around them. Unit: bytes. */
const bytesPerOp = 200
