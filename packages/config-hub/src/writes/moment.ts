import { invariant } from '@orrery/environment'
import type { AuditAuthor } from '../audit/audit-record.ts'
import type { ContentCheck } from '../content-checks.ts'
import { ConfigError } from '../errors.ts'
import type { ConfigFile, FileKey, FileSpec } from '../model.ts'
import type { WrappedKey } from '../ports.ts'
import { noMetadata } from '../validate/specs.ts'
import { defaultFormat } from '../validate/content-text.ts'
import type { FileContents } from './file-contents.ts'
import type { FileState } from './file-state.ts'

/** What a write is decided on. */
export interface Moment {
  readonly key: FileKey
  /** As `filePath` makes it. */
  readonly path: string
  readonly author: AuditAuthor
  readonly state: FileState
  /** Unit: ms since the epoch, not before the last change of the file. */
  readonly atMs: number
  readonly contents: FileContents
  /** What contents have to pass when they are released. */
  readonly check: ContentCheck
}

/** What the file becomes by what is given of it, which may create it. */
export function changedFile({ key, state, atMs }: Moment, spec: FileSpec): ConfigFile {
  const current = state.record?.file
  return {
    namespace: key.namespace,
    group: key.group,
    file: key.file,
    format: spec.format ?? current?.format ?? defaultFormat(key.file),
    comment: spec.comment ?? current?.comment ?? '',
    tags: spec.tags ?? current?.tags ?? noMetadata,
    encrypted: spec.encrypted ?? current?.encrypted ?? false,
    hasDraft: current?.hasDraft ?? false,
    latestVersion: current?.latestVersion ?? state.gone?.latestVersion ?? 0,
    release: current?.release,
    gray: current?.gray,
    createdAtMs: current?.createdAtMs ?? atMs,
    changedAtMs: atMs,
    revision: current?.revision ?? 0,
  }
}

/** The file that is written about. @throws ConfigError `CONFIG_FILE_NOT_FOUND` */
export function requireFile({ key, state }: Moment): ConfigFile {
  if (state.record === undefined) throw fileNotFound(key)
  return state.record.file
}

/** The key that new contents of a file are encrypted with. It is made when the file is first said to be encrypted. */
export async function ensureDataKey({ state, contents }: Moment): Promise<WrappedKey> {
  return state.record?.dataKey ?? (await contents.codec.newDataKey())
}

/** What a caller gets of a file that was not deleted. */
export function existing(file: ConfigFile | undefined): ConfigFile {
  invariant(file !== undefined, 'a file that was not deleted is there')
  return file
}

/** There is no such file. */
export function fileNotFound({ namespace, group, file }: FileKey): ConfigError {
  return new ConfigError('CONFIG_FILE_NOT_FOUND', `there is no file ${file} in ${namespace}/${group}`)
}

/** There is nothing to release. */
export function noDraft({ file }: FileKey): ConfigError {
  return new ConfigError('CONFIG_NO_DRAFT', `${file} has no draft`)
}

/** There is no such release, or nothing that everybody sees. @param version undefined: nothing is released */
export function releaseNotFound({ file }: FileKey, version: number | undefined): ConfigError {
  const reason =
    version === undefined ? `nothing of ${file} is released` : `${file} has no version ${version}`
  return new ConfigError('CONFIG_RELEASE_NOT_FOUND', reason)
}
