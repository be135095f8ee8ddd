import type { CallOptions } from '../calls.ts'
import { type FileContents, md5Of } from './file-contents.ts'
import type { FileState } from './file-state.ts'

/**
 * MD5 of what is edited: of the draft, or of what was released last. Empty: the file has no content.
 *
 * @param path of the file
 * @throws ConfigError `CONFIG_KEYS_MISSING`, `CONFIG_DECRYPTION_FAILED`
 */
export async function contentMd5(
  { contents, path }: { readonly contents: FileContents; readonly path: string },
  { record }: FileState,
  options: CallOptions,
): Promise<string> {
  if (record === undefined) return ''
  const { hasDraft, latestVersion, release, gray } = record.file
  if (hasDraft) {
    const draft = await contents.draft(path, options)
    if (draft === undefined) return ''
    return draft.dataKey === undefined ? draft.head.md5 : md5Of(await contents.textOfDraft(path, draft))
  }
  const seen = [gray, release].find((info) => info?.version === latestVersion)
  if (seen?.encrypted === false) return seen.md5
  const newest = await contents.release(path, latestVersion, options)
  if (newest === undefined) return ''
  return newest.dataKey === undefined ? newest.head.md5 : md5Of(await contents.textOfRelease(path, newest))
}
