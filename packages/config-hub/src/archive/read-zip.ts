import { hasCode } from '@orrery/environment'
import { type Entry, fromBufferPromise, type ZipFile } from 'yauzl'
import { refuseArchive, refuseEntry } from './archived-file.ts'
import { nameOfEntry, toZipEntry, type ZipEntry } from './zip-entry.ts'

/** What may come behind the last entry of the central directory: APPNOTE.TXT, sections 4.3.13 to 4.3.16. */
const endSignatures: ReadonlySet<number> = new Set([0x0505_4b50, 0x0606_4b50, 0x0605_4b50])

/**
 * The entries of a zip archive, of which nothing is unpacked yet. Each name comes once, no two share any bytes, and none of them is
 * anything but a plain file or a folder.
 *
 * @param maxEntries more of them are refused
 * @throws ConfigError `CONFIG_ARCHIVE_INVALID`
 */
export async function readZip(archive: Uint8Array, maxEntries: number): Promise<readonly ZipEntry[]> {
  const bytes = Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength)
  let last: Entry | undefined
  try {
    const zip = await fromBufferPromise(bytes, { decodeStrings: false, validateEntrySizes: false })
    if (!(zip.entryCount <= maxEntries)) refuseArchive(`it has more than ${maxEntries} entries`)
    const directoryStart = cursorOf(zip)
    const entries: ZipEntry[] = []
    for await (const entry of zip.eachEntry()) {
      last = entry
      entries.push(await describe(zip, entry, bytes))
    }
    checkEnd(bytes, cursorOf(zip))
    checkNames(entries)
    checkSpans(entries, directoryStart)
    return entries
  } catch (error) {
    if (hasCode(error, 'CONFIG_ARCHIVE_INVALID') || !(error instanceof Error)) throw error
    // The reader itself stumbled, over an entry whose name it has not said yet.
    const place = last === undefined ? 'it' : `what follows ${JSON.stringify(nameOfEntry(last))}`
    refuseArchive(`${place} is no part of a zip archive: ${error.message}`, { cause: error })
  }
}

async function describe(zip: ZipFile, entry: Entry, bytes: Buffer): Promise<ZipEntry> {
  const name = nameOfEntry(entry)
  if (!Number.isSafeInteger(entry.relativeOffsetOfLocalHeader + entry.compressedSize)) {
    refuseEntry(name, 'has a size beyond all measure')
  }
  const local = await zip.readLocalFileHeaderPromise(entry).catch((error: unknown) => {
    refuseEntry(name, `has no header of its own: ${String(error)}`, { cause: error })
  })
  return toZipEntry(entry, local, bytes)
}

/** Where the reader is in the central directory. Its types take the offset for a flag. */
function cursorOf(zip: ZipFile): number {
  return Number(zip.readEntryCursor)
}

/** Entries behind the last one that counts are seen by those who do not count. */
function checkEnd(bytes: Buffer, end: number): void {
  const signature = end + 4 <= bytes.length ? bytes.readUInt32LE(end) : 0
  if (!endSignatures.has(signature)) refuseArchive('it has more entries than it says')
}

function checkNames(entries: readonly ZipEntry[]): void {
  const names = new Set<string>()
  for (const { name } of entries) {
    if (names.has(name)) refuseEntry(name, 'is there twice')
    names.add(name)
  }
}

/** Entries that share their data make a little archive enormous, and mean different things to different readers. */
function checkSpans(entries: readonly ZipEntry[], directoryStart: number): void {
  let previousEnd = 0
  for (const { name, span } of entries.toSorted((one, other) => one.span.start - other.span.start)) {
    if (span.start < previousEnd) refuseEntry(name, 'has bytes that belong to another entry')
    previousEnd = span.end
    if (span.end > directoryStart) refuseEntry(name, 'has bytes that belong to the directory')
  }
}
