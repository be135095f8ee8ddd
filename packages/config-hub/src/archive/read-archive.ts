import { filePath } from '../keys.ts'
import {
  type ArchivedFile,
  type ArchiveLimits,
  archiveLimits,
  refuseArchive,
  refuseEntry,
} from './archived-file.ts'
import { entryNameOf, fileKeyOfEntry, metaName } from './entry-name.ts'
import { decodeMeta, type FileMeta } from './meta.ts'
import { readZip } from './read-zip.ts'
import { md5Of } from './write-archive.ts'
import type { ZipEntry } from './zip-entry.ts'

/** For each file so many entries may be there, for folders and for what systems add by themselves. */
const entriesPerFile = 4

/** What macOS and Windows put into archives unasked. */
const unasked = /^__MACOSX\/|(?:^|\/)(?:\.DS_Store|Thumbs\.db|desktop\.ini)$/

/**
 * The files of an archive, in its order. Nothing in it is believed: not its sizes, nor its names, nor that it is one at all; and
 * nothing is unpacked before all of it was looked at. What ordinary tools make is read as well: without a `META.json`, the
 * names say which files they are.
 *
 * @throws ConfigError `CONFIG_ARCHIVE_INVALID` with the name of the entry
 */
export async function readArchive(
  archive: Uint8Array,
  limits: ArchiveLimits = archiveLimits,
): Promise<readonly ArchivedFile[]> {
  const all = await readZip(archive, (limits.maxFiles + 1) * entriesPerFile)
  const metaEntry = all.find(({ name }) => name === metaName)
  if (metaEntry !== undefined && metaEntry.sizeBytes > limits.maxBytes) tooMuch(limits)
  const metas = metaEntry === undefined ? undefined : await readMeta(metaEntry)
  const listed = new Set(metas?.keys())
  const entries = all.filter(
    ({ name, folder }) => !folder && name !== metaName && (listed.has(name) || !unasked.test(name)),
  )
  checkSizes(entries, metaEntry?.sizeBytes ?? 0, limits)
  const present = new Set(entries.map(({ name }) => name))
  for (const name of listed) {
    if (!present.has(name)) refuseEntry(name, `is listed in ${metaName}, but not there`)
  }
  const described = describe(entries, metas)
  const files: ArchivedFile[] = []
  for (const [index, entry] of entries.entries()) {
    const { md5, ...file } = described[index] ?? refuseEntry(entry.name, 'is lost')
    files.push({ ...file, content: await readContent(entry, md5) })
  }
  return files
}

/** Which file each entry is. None is there twice, however its name is escaped. */
function describe(
  entries: readonly ZipEntry[],
  metas: ReadonlyMap<string, FileMeta> | undefined,
): readonly FileMeta[] {
  const paths = new Set<string>()
  return entries.map(({ name }) => {
    const file =
      metas === undefined
        ? { key: fileKeyOfEntry(name), md5: undefined }
        : (metas.get(name) ??
          refuseEntry(name, `is not listed in ${metaName}; without that, names alone count`))
    const path = filePath(file.key)
    if (paths.has(path)) refuseEntry(name, 'is the same file as another entry')
    paths.add(path)
    return file
  })
}

function checkSizes(entries: readonly ZipEntry[], metaBytes: number, limits: ArchiveLimits): void {
  const { maxFiles, maxBytes, contentMaxBytes } = limits
  if (entries.length > maxFiles) refuseArchive(`it has more than ${maxFiles} files`)
  let totalBytes = metaBytes
  for (const { name, sizeBytes } of entries) {
    if (sizeBytes > contentMaxBytes) refuseEntry(name, `has more than ${contentMaxBytes} bytes`)
    totalBytes += sizeBytes
    if (totalBytes > maxBytes) tooMuch(limits)
  }
}

function tooMuch({ maxBytes }: ArchiveLimits): never {
  refuseArchive(`it has more than ${maxBytes} bytes, unpacked`)
}

/** By the names of the entries that they are about. */
async function readMeta(entry: ZipEntry): Promise<ReadonlyMap<string, FileMeta>> {
  const byName = new Map<string, FileMeta>()
  for (const meta of decodeMeta(textOf(entry, await entry.read()))) {
    const name = entryNameOf(meta.key)
    if (byName.has(name)) refuseEntry(name, `is listed in ${metaName} twice`)
    byName.set(name, meta)
  }
  return byName
}

async function readContent(entry: ZipEntry, md5: string | undefined): Promise<string> {
  const bytes = await entry.read()
  if (md5 !== undefined && md5Of(bytes) !== md5) {
    refuseEntry(
      entry.name,
      `has another content than ${metaName} says; whoever changed it takes its md5 out there`,
    )
  }
  return textOf(entry, bytes)
}

function textOf({ name }: ZipEntry, bytes: Uint8Array): string {
  try {
    // A byte order mark is a part of the content as everything else.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    refuseEntry(name, 'is no UTF-8', { cause })
  }
}
