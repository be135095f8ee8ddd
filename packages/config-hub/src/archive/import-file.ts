import { hasCode } from '@orrery/environment'
import type { Files, ImportedFile, ImportOptions } from '../config-hub.ts'
import type { FileSpec } from '../model.ts'
import type { ArchivedFile } from './archived-file.ts'

/**
 * Saves a file of an archive as a draft.
 *
 * @returns what became of it. A failure that has a code is told there; others reject.
 */
export async function importFile(
  files: Pick<Files, 'get' | 'save'>,
  archived: ArchivedFile,
  { conflict, signal, actor, reason }: ImportOptions,
): Promise<ImportedFile> {
  const { key } = archived
  const existing = files.get(key)
  if (existing !== undefined && conflict === 'skip') return { ...key, outcome: 'skipped', error: undefined }
  const save = async (ifRevision: number | undefined): Promise<void> => {
    await files.save(key, specOf(archived), { signal, actor, reason, ifRevision })
  }
  const overwrites = conflict === 'overwrite'
  try {
    const conflicted = await save(overwrites ? (existing?.revision ?? 0) : 0).then(
      () => false,
      (error: unknown) => {
        if (hasCode(error, 'CONFIG_CONFLICT') && conflict !== 'abort') return true
        throw error
      },
    )
    // Somebody else has written it since, or this member did not know of it yet.
    if (conflicted && !overwrites) return { ...key, outcome: 'skipped', error: undefined }
    if (conflicted) await save(undefined) // over whatever is there: that is what was asked for
    const created = existing === undefined && !conflicted
    return { ...key, outcome: created ? 'created' : 'overwritten', error: undefined }
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof Error && 'code' in error) return { ...key, outcome: 'failed', error: error.message }
    throw error
  }
}

/** What the archive does not say stays as it is, or becomes what the name says. An archive makes no file less secret than it is. */
function specOf({ content, format, comment, tags, encrypted }: ArchivedFile): FileSpec {
  return { content, format, comment, tags, encrypted: encrypted === true ? true : undefined }
}
