import { encodeContent, encodePlainContent } from '../../codec.ts'
import type { ConfigFile, FileSpec } from '../../model.ts'
import type { WrappedKey } from '../../ports.ts'
import type { FileChange, StoredBytes } from '../file-change.ts'
import { md5Of } from '../file-contents.ts'
import { changedFile, ensureDataKey, existing, type Moment, noDraft, requireFile } from '../moment.ts'

/** What of a change is the same for all of what becomes of drafts. */
type DraftChange = Pick<FileChange<ConfigFile>, 'releases' | 'version' | 'result'>

const nothingReleased: DraftChange = {
  releases: [],
  version: undefined,
  result: existing,
}

/** Creates or changes a file, and its draft if one is given. */
export async function decideSave(moment: Moment, spec: FileSpec): Promise<FileChange<ConfigFile>> {
  const file = changedFile(moment, spec)
  const { content } = spec
  const dataKey = file.encrypted ? await ensureDataKey(moment) : moment.state.record?.dataKey
  const change = { ...nothingReleased, dataKey, action: 'draftSaved' } as const
  if (content === undefined) return { ...change, file, draft: undefined }
  const value = await draftValue(moment, content, file.encrypted ? dataKey : undefined)
  return { ...change, file: { ...file, hasDraft: true }, draft: { type: 'put', value } }
}

/** A draft as it stands in the store. @param dataKey undefined: it is not encrypted */
export async function draftValue(
  { path, contents }: Pick<Moment, 'path' | 'contents'>,
  text: string,
  dataKey: WrappedKey | undefined,
): Promise<StoredBytes> {
  if (dataKey === undefined) return encodePlainContent({ md5: md5Of(text) }, text)
  const content = await contents.codec.seal(Buffer.from(text), { path, at: 'draft' }, dataKey)
  return encodeContent({ head: { md5: md5Of(content) }, dataKey, content })
}

/** Forgets a draft. */
export function decideDiscard(moment: Moment): FileChange<ConfigFile> {
  const file = requireFile(moment)
  if (!file.hasDraft) throw noDraft(moment.key)
  return {
    ...nothingReleased,
    file: { ...file, hasDraft: false, changedAtMs: moment.atMs },
    dataKey: moment.state.record?.dataKey,
    draft: { type: 'delete' },
    action: 'draftDiscarded',
  }
}

/** Deletes a file with everything that is of it. */
export function decideDelete(moment: Moment): FileChange<void> {
  const { hasDraft } = requireFile(moment)
  return {
    file: undefined,
    dataKey: undefined,
    releases: [],
    draft: hasDraft ? { type: 'delete' } : undefined,
    action: 'fileDeleted',
    version: undefined,
    result: () => undefined,
  }
}
