import type { CallOptions } from './calls.ts'
import type { ContentDiff, DiffSides, Releases, SealedRelease } from './config-hub.ts'
import { diffContents } from './contents/diff.ts'
import type { EncryptingCodec } from './encryption/content-codec.ts'
import { checkPublicKey } from './encryption/public-key.ts'
import { ConfigError } from './errors.ts'
import { filePath } from './keys.ts'
import type { FileKey } from './model.ts'
import { checkFileKey } from './validate/names.ts'
import { checkVersion } from './validate/queries.ts'
import type { ConfigWriter } from './writes/config-writer.ts'
import type { ContentHistory } from './writes/content-history.ts'
import type { FileContents } from './writes/file-contents.ts'

/** What releases are made with, and read from. */
export interface ReleasesDeps {
  readonly writer: Pick<ConfigWriter, 'publish' | 'rollback' | 'withdraw'>
  readonly history: ContentHistory
  readonly contents: FileContents
  readonly codec: EncryptingCodec
  /** @throws ConfigError when the hub does not serve */
  readonly ensureOpen: () => void
}

/** Puts together what writes releases and what reads them. */
export function createReleases(deps: ReleasesDeps): Releases {
  const { writer, history, ensureOpen } = deps
  return {
    publish: async (...args) => {
      ensureOpen()
      return await writer.publish(...args)
    },
    rollback: async (...args) => {
      ensureOpen()
      return await writer.rollback(...args)
    },
    withdraw: async (...args) => {
      ensureOpen()
      return await writer.withdraw(...args)
    },
    get: async (...args) => {
      ensureOpen()
      return await history.get(...args)
    },
    history: async (...args) => {
      ensureOpen()
      return await history.history(...args)
    },
    diff: async (...args) => {
      ensureOpen()
      return await diff(deps, ...args)
    },
    sealed: async (...args) => {
      ensureOpen()
      return await sealed(deps, ...args)
    },
  }
}

async function diff(
  { history }: ReleasesDeps,
  key: FileKey,
  { from, to }: DiffSides,
  options: CallOptions = {},
): Promise<ContentDiff> {
  const content = async (version: number): Promise<string> => {
    const release = await history.get(key, version, options)
    if (release === undefined) throw releaseNotFound(key, version)
    return release.content
  }
  const draft = async (): Promise<string> => {
    const found = await history.draft(key, options)
    if (found === undefined) throw new ConfigError('CONFIG_NO_DRAFT', `the file ${key.file} has no content`)
    return found.content
  }
  const [before, after] = await Promise.all([content(from), to === 'draft' ? draft() : content(to)])
  return diffContents(before, after, {
    from: `${key.file} v${from}`,
    to: to === 'draft' ? `${key.file} draft` : `${key.file} v${to}`,
  })
}

async function sealed(
  { contents, codec }: ReleasesDeps,
  key: FileKey,
  version: number,
  { publicKey, ...call }: CallOptions & { readonly publicKey?: string } = {},
): Promise<SealedRelease> {
  checkFileKey(key)
  checkVersion(version)
  if (publicKey !== undefined) checkPublicKey(publicKey)
  const stored = await contents.release(filePath(key), version, call)
  if (stored === undefined) throw releaseNotFound(key, version)
  const { head: info, content, dataKey } = stored
  const isKeyWanted = publicKey !== undefined && dataKey !== undefined
  return { info, content, dataKey: isKeyWanted ? await codec.dataKeyFor(publicKey, dataKey) : undefined }
}

function releaseNotFound({ namespace, group, file }: FileKey, version: number): ConfigError {
  return new ConfigError(
    'CONFIG_RELEASE_NOT_FOUND',
    `the file ${namespace}/${group}/${file} has no version ${version}`,
  )
}
