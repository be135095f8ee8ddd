import { encodeContent, releaseInfoOf, type StoredContent } from '../../codec.ts'
import { sealedVersion } from '../../encryption/ports.ts'
import { ConfigError } from '../../errors.ts'
import type { ConfigFile, GrayReleaseInfo, GrayRule, ReleaseInfo } from '../../model.ts'
import type { FileChange, NewRelease } from '../file-change.ts'
import { existing, type Moment, releaseNotFound, requireFile } from '../moment.ts'

/** Says anew who sees a gray release. Both that and what is everybody's get new versions: for each watcher they grow. */
export async function decideRuleChange(moment: Moment, rule: GrayRule): Promise<FileChange<ConfigFile>> {
  const { file, gray } = requireGray(moment)
  const full = file.release && (await restate(moment, file.release, file.latestVersion + 1))
  const newest = await restate(moment, gray, file.latestVersion + (full === undefined ? 1 : 2))
  const { version } = newest.info
  return {
    ...base(moment),
    file: {
      ...{ ...file, latestVersion: version, changedAtMs: moment.atMs },
      ...{ release: full?.info, gray: { ...newest.info, rule } },
    },
    releases: [...(full === undefined ? [] : [full.release]), newest.release],
    action: 'grayRuleChanged',
    version,
  }
}

/** From now on everybody sees it: at the version that those have already who saw it before. */
export function decidePromote(moment: Moment): FileChange<ConfigFile> {
  const { file, gray } = requireGray(moment)
  return {
    ...base(moment),
    file: {
      ...{ ...file, changedAtMs: moment.atMs },
      ...{ release: { ...releaseInfoOf(gray), origin: 'promote' }, gray: undefined },
    },
    releases: [],
    action: 'grayPromoted',
    version: gray.version,
  }
}

/** Nobody sees it any more. What is everybody's gets a new version: those who saw the gray one do not go back. */
export async function decideStop(moment: Moment): Promise<FileChange<ConfigFile>> {
  const { file, gray } = requireGray(moment)
  const full = file.release && (await restate(moment, file.release, file.latestVersion + 1))
  return {
    ...base(moment),
    file: {
      ...{ ...file, changedAtMs: moment.atMs, release: full?.info, gray: undefined },
      latestVersion: full?.info.version ?? file.latestVersion,
    },
    releases: full === undefined ? [] : [full.release],
    action: 'grayStopped',
    version: full?.info.version ?? gray.version,
  }
}

/** A release whose content is that of an older one. */
export interface Restated {
  readonly info: ReleaseInfo
  readonly release: NewRelease
}

/** What a restated release says, except for how its content stands in the store. */
export function restatedInfo({ author, atMs }: Moment, source: ReleaseInfo, version: number): ReleaseInfo {
  const { name } = source
  return {
    ...releaseInfoOf(source),
    version,
    // A name that somebody gave it stays.
    name: name === `v${source.version}` ? `v${version}` : name,
    ...{ origin: 'restate', from: sealedVersion(source) },
    ...{ releasedAtMs: atMs, actor: author.actor, reason: author.reason },
  }
}

/** The content of a release that somebody sees. @throws ConfigError `CONFIG_RELEASE_NOT_FOUND` */
export async function contentOf(
  { key, path, contents }: Moment,
  { version }: ReleaseInfo,
): Promise<StoredContent<ReleaseInfo>> {
  const stored = await contents.release(path, version)
  if (stored === undefined) throw releaseNotFound(key, version)
  return stored
}

async function restate(moment: Moment, source: ReleaseInfo, version: number): Promise<Restated> {
  const { content, dataKey } = await contentOf(moment, source)
  const info = restatedInfo(moment, source, version)
  return { info, release: { version, value: encodeContent({ head: info, dataKey, content }) } }
}

function requireGray(moment: Moment): { readonly file: ConfigFile; readonly gray: GrayReleaseInfo } {
  const { key, state } = moment
  const gray = state.record?.file.gray
  if (gray === undefined) throw new ConfigError('CONFIG_GRAY_NOT_FOUND', `${key.file} has no gray release`)
  return { file: requireFile(moment), gray }
}

function base({ state }: Moment): Pick<FileChange<ConfigFile>, 'dataKey' | 'draft' | 'result'> {
  return { dataKey: state.record?.dataKey, draft: undefined, result: existing }
}
