import { encodeContent } from '../../codec.ts'
import { sealedVersion } from '../../encryption/ports.ts'
import { ConfigError } from '../../errors.ts'
import type { ConfigFile, ReleaseInfo } from '../../model.ts'
import type { WrappedKey } from '../../ports.ts'
import type { FileChange } from '../file-change.ts'
import { md5Of } from '../file-contents.ts'
import { existing, type Moment, requireFile } from '../moment.ts'
import { draftValue } from './drafts.ts'
import { contentOf, type Restated, restatedInfo } from './gray.ts'

/** A new data key: what somebody sees is released again, encrypted with it, and so is the draft. Older releases keep theirs. */
export async function decideRotation(moment: Moment): Promise<FileChange<ConfigFile>> {
  const { path, contents, atMs } = moment
  const file = requireFile(moment)
  if (!file.encrypted) throw new ConfigError('CONFIG_INVALID', `file: ${file.file} is not encrypted`)
  const dataKey = await contents.codec.newDataKey()
  let { latestVersion } = file
  const full = file.release && (await reseal(moment, file.release, { version: ++latestVersion, dataKey }))
  const gray = file.gray && (await reseal(moment, file.gray, { version: ++latestVersion, dataKey }))
  const draft = file.hasDraft ? await contents.draft(path) : undefined
  const value = draft && (await draftValue(moment, await contents.textOfDraft(path, draft), dataKey))
  return {
    file: {
      ...{ ...file, latestVersion, changedAtMs: atMs, release: full?.info },
      gray: file.gray && { ...file.gray, ...gray?.info },
    },
    dataKey,
    releases: [full, gray].flatMap((restated) => (restated === undefined ? [] : [restated.release])),
    draft: value === undefined ? undefined : { type: 'put', value },
    action: 'dataKeyRotated',
    version: latestVersion === file.latestVersion ? undefined : latestVersion,
    result: existing,
  }
}

async function reseal(
  moment: Moment,
  source: ReleaseInfo,
  { version, dataKey }: { readonly version: number; readonly dataKey: WrappedKey },
): Promise<Restated> {
  const { path, contents } = moment
  const text = await contents.textOfRelease(path, await contentOf(moment, source))
  const info = restatedInfo(moment, source, version)
  const content = await contents.codec.seal(Buffer.from(text), { path, at: sealedVersion(info) }, dataKey)
  const head = { ...info, md5: md5Of(content), encrypted: true }
  return { info: head, release: { version, value: encodeContent({ head, dataKey, content }) } }
}
