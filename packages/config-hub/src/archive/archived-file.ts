import { ConfigError } from '../errors.ts'
import { configLimits } from '../limits.ts'
import type { ContentFormat, FileKey, Metadata } from '../model.ts'

/** A file in an archive. */
export interface ArchivedFile {
  readonly key: FileKey
  readonly content: string
  /** What follows stands in the archive's `META.json`; undefined: it has none. */
  readonly format?: ContentFormat | undefined
  readonly comment?: string | undefined
  readonly tags?: Metadata | undefined
  /** It was encrypted where it comes from. Here it is plain. */
  readonly encrypted?: boolean | undefined
}

/** How much an archive may be. */
export interface ArchiveLimits {
  readonly maxFiles: number
  /** All contents together, `META.json` included. Unit: bytes, unpacked. */
  readonly maxBytes: number
  /** One content. Unit: bytes, unpacked. */
  readonly contentMaxBytes: number
}

/** What an archive may be, where the hub says nothing else. */
export const archiveLimits: ArchiveLimits = {
  maxFiles: configLimits.archiveMaxFiles,
  maxBytes: configLimits.archiveMaxBytes,
  contentMaxBytes: configLimits.contentMaxBytes,
}

/** An entry is named in messages so far. */
const shownMaxChars = 200

/**
 * Something in an archive may not be so.
 *
 * @param entry its name, as the archive has it
 * @throws ConfigError `CONFIG_ARCHIVE_INVALID` always
 */
export function refuseEntry(entry: string, reason: string, options?: ErrorOptions): never {
  const shown = entry.length > shownMaxChars ? `${entry.slice(0, shownMaxChars)}…` : entry
  // As JSON: whatever controls the name has, nobody's terminal gets to see them.
  refuseArchive(`${JSON.stringify(shown)} ${reason}`, options)
}

/** The archive as a whole may not be so. @throws ConfigError `CONFIG_ARCHIVE_INVALID` always */
export function refuseArchive(reason: string, options?: ErrorOptions): never {
  throw new ConfigError('CONFIG_ARCHIVE_INVALID', reason, options)
}
