import { hasCode } from '@orrery/environment'
import type { CallOptions } from '../calls.ts'
import type {
  Archives,
  FileQuery,
  Files,
  ImportedFile,
  ImportOptions,
  ImportResult,
  Releases,
} from '../config-hub.ts'
import { ConfigError } from '../errors.ts'
import { filePath } from '../keys.ts'
import { configLimits } from '../limits.ts'
import type { ConfigFile, FileKey } from '../model.ts'
import { checkImportOptions } from '../validate/specs.ts'
import { type ArchivedFile, type ArchiveLimits, refuseEntry } from './archived-file.ts'
import { entryNameOf } from './entry-name.ts'
import { importFile } from './import-file.ts'
import { inOrder } from './in-order.ts'
import { readArchive } from './read-archive.ts'
import { writeArchive } from './write-archive.ts'

/** What archives are made of and taken into. */
export interface ArchivesDeps {
  readonly files: Pick<Files, 'get' | 'list' | 'draft' | 'save'>
  readonly releases: Pick<Releases, 'history'>
  /** Of the hub's options. Unit: bytes. */
  readonly contentMaxBytes: number
}

/** So many files are read or written at a time: enough to fill a batch, few enough that others are not kept waiting. */
const concurrencyMaxFiles = 32

/** So many files are named in a message. */
const namedMaxFiles = 3

/** Creates what exports and imports. */
export function createArchives(deps: ArchivesDeps): Archives {
  return new HubArchives(deps)
}

class HubArchives implements Archives {
  readonly #deps: ArchivesDeps
  readonly #limits: ArchiveLimits

  constructor(deps: ArchivesDeps) {
    this.#deps = deps
    this.#limits = {
      maxFiles: configLimits.archiveMaxFiles,
      maxBytes: configLimits.archiveMaxBytes,
      contentMaxBytes: deps.contentMaxBytes,
    }
  }

  async export(
    query: Omit<FileQuery, 'offset' | 'limit'>,
    { signal, decrypt = false }: CallOptions & { readonly decrypt?: boolean } = {},
  ): Promise<Uint8Array> {
    const { maxFiles, maxBytes } = this.#limits
    const { items, total } = this.#deps.files.list({ ...query, offset: 0, limit: maxFiles })
    if (total > maxFiles) {
      throw new ConfigError('CONFIG_INVALID', `query: must be of at most ${maxFiles} files, got ${total}`)
    }
    const left = { bytes: maxBytes }
    const read = await inOrder(items, concurrencyMaxFiles, async (file) => {
      signal?.throwIfAborted()
      const archived = await this.#archived(file, { signal, decrypt })
      left.bytes -= archived?.content.length ?? 0 // a byte each, at least: what is far too much is not read to its end
      if (left.bytes < 0)
        throw new ConfigError('CONFIG_INVALID', `query: must be of at most ${maxBytes} bytes`)
      return archived
    })
    const files = read.filter((file) => file !== undefined)
    // What was stored under a larger bound than the one of today is exported all the same.
    return writeArchive(files, { maxFiles, maxBytes, contentMaxBytes: maxBytes })
  }

  async import(archive: Uint8Array, options: ImportOptions): Promise<ImportResult> {
    checkImportOptions(options)
    const { namespace, conflict, signal } = options
    signal?.throwIfAborted()
    const files = intoNamespace(await readArchive(archive, this.#limits), namespace)
    signal?.throwIfAborted()
    if (conflict === 'abort') this.#refuseExisting(files)
    const imported = await inOrder(files, concurrencyMaxFiles, (file): Promise<ImportedFile> => {
      signal?.throwIfAborted()
      return importFile(this.#deps.files, file, options)
    })
    return { files: imported }
  }

  async #archived(
    file: ConfigFile,
    { signal, decrypt }: { readonly signal: AbortSignal | undefined; readonly decrypt: boolean },
  ): Promise<ArchivedFile | undefined> {
    const { namespace, group, file: name, format, comment, tags, encrypted } = file
    const key: FileKey = { namespace, group, file: name }
    try {
      if (!decrypt && (await this.#isSecret(file, signal))) return undefined
      const draft = await this.#deps.files.draft(key, { signal })
      if (draft === undefined) return undefined
      // How it stands in the store counts: what the file says is of contents to come, and it may have been written meanwhile.
      if (!decrypt && draft.encrypted) return undefined
      return { key, content: draft.content, format, comment, tags, encrypted }
    } catch (error) {
      if (hasCode(error, 'CONFIG_FILE_NOT_FOUND')) return undefined // deleted meanwhile
      // Only what stands encrypted can fail to be opened, and that is left out.
      if (!decrypt && hasCode(error, 'CONFIG_KEYS_MISSING', 'CONFIG_DECRYPTION_FAILED')) return undefined
      throw error
    }
  }

  /** Whether anything says so before its content is read: what need not be opened is not. */
  async #isSecret(file: ConfigFile, signal: AbortSignal | undefined): Promise<boolean> {
    const { encrypted, hasDraft, latestVersion, release, gray } = file
    if (encrypted || release?.encrypted === true || gray?.encrypted === true) return true
    if (hasDraft || release !== undefined || latestVersion === 0) return false
    const { items } = await this.#deps.releases.history(file, { limit: 1, signal })
    return items.some((info) => info.encrypted)
  }

  #refuseExisting(files: readonly ArchivedFile[]): void {
    const existing = files.filter(({ key }) => this.#deps.files.get(key) !== undefined)
    if (existing.length === 0) return
    const named = existing.slice(0, namedMaxFiles).map(({ key }) => filePath(key))
    const more = existing.length > named.length ? `, and ${existing.length - named.length} more` : ''
    throw new ConfigError('CONFIG_CONFLICT', `there are ${named.join(', ')}${more} already`)
  }
}

/** @throws ConfigError `CONFIG_ARCHIVE_INVALID` when two files become one */
function intoNamespace(
  files: readonly ArchivedFile[],
  namespace: string | undefined,
): readonly ArchivedFile[] {
  if (namespace === undefined) return files
  const paths = new Set<string>()
  return files.map((file) => {
    const key = { ...file.key, namespace }
    const path = filePath(key)
    if (paths.has(path)) refuseEntry(entryNameOf(file.key), `has the same name as another in ${namespace}`)
    paths.add(path)
    return { ...file, key }
  })
}
