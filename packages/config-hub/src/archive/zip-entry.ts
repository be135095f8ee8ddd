import { crc32, inflateRaw, type ZlibOptions } from 'node:zlib'
import type { Entry, LocalFileHeader } from 'yauzl'
import { refuseEntry } from './archived-file.ts'

/** An entry of a zip archive that is nothing but a file or a folder, and whose headers agree. */
export interface ZipEntry {
  /** In Unicode normalization form C, as names of files are. */
  readonly name: string
  readonly folder: boolean
  /** As the archive says; {@link ZipEntry.read} finds out whether it does so rightly. Unit: bytes. */
  readonly sizeBytes: number
  /** From its header to the end of its data. */
  readonly span: { readonly start: number; readonly end: number }
  /**
   * Unpacks it, no further than the size that the archive says it has.
   *
   * @throws ConfigError `CONFIG_ARCHIVE_INVALID`
   */
  read(): Promise<Buffer>
}

// Source of numbers: APPNOTE.TXT of PKWARE, sections 4.4.4 (flags), 4.4.5 (methods), 4.6.9 (Unicode path).
const flags = {
  encrypted: 0x1,
  descriptor: 0x8,
  patch: 0x20,
  strongEncryption: 0x40,
  masked: 0x2000,
} as const
const methods = { stored: 0, deflated: 8 } as const
const unicodePath = 0x7075
/** A size that stands elsewhere. */
const elsewhere = 0xffff_ffff
/** The types of files in Unix modes, which the upper half of the external attributes are. */
const unixTypes = { mask: 0o170000, none: 0, folder: 0o040000, file: 0o100000 } as const

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The name of an entry. All tools write UTF-8 today, whether they say so or not. @throws ConfigError `CONFIG_ARCHIVE_INVALID` */
export function nameOfEntry({ fileNameRaw, extraFields }: Entry): string {
  const name = textOf(fileNameRaw)
  if (name === undefined) refuseEntry(fileNameRaw.toString('latin1'), 'has a name that is no UTF-8')
  for (const { id, data } of extraFields) {
    if (id !== unicodePath || data.length < 5) continue
    // The version, a checksum of the other name, and a name that other readers take instead.
    if (!data.subarray(5).equals(fileNameRaw)) refuseEntry(name, 'has another name besides')
  }
  if (name.length === 0) refuseEntry(name, 'has no name')
  if (name.includes('\0')) refuseEntry(name, 'has a NUL in its name')
  if (name.includes('\\')) refuseEntry(name, 'has a backslash in its name')
  if (name.startsWith('/') || /^[A-Za-z]:/.test(name)) refuseEntry(name, 'has an absolute path')
  const segments = name.replace(/\/$/, '').split('/')
  if (segments.some((segment) => ['', '.', '..'].includes(segment))) {
    refuseEntry(name, 'has an empty part, . or .. in its path')
  }
  return name.normalize('NFC')
}

/**
 * Looks at both headers of an entry.
 *
 * @param archive all of it
 * @throws ConfigError `CONFIG_ARCHIVE_INVALID`
 */
export function toZipEntry(entry: Entry, local: LocalFileHeader, archive: Buffer): ZipEntry {
  const name = nameOfEntry(entry)
  const folder = name.endsWith('/')
  checkKind(name, entry, folder)
  checkSizes(name, entry, folder)
  checkLocal(name, entry, local)
  const end = local.fileDataStart + entry.compressedSize
  return {
    name,
    folder,
    sizeBytes: entry.uncompressedSize,
    span: { start: entry.relativeOffsetOfLocalHeader, end },
    read: async () => {
      const packed = archive.subarray(local.fileDataStart, end)
      const bytes = entry.compressionMethod === methods.stored ? packed : await inflate(name, entry, packed)
      if (bytes.length !== entry.uncompressedSize) refuseEntry(name, 'is not as long as it says')
      if (crc32(bytes) !== entry.crc32) refuseEntry(name, 'has another checksum than it says')
      return bytes
    },
  }
}

function checkKind(name: string, entry: Entry, folder: boolean): void {
  const { generalPurposeBitFlag: bits, compressionMethod, externalFileAttributes } = entry
  if ((bits & (flags.encrypted | flags.strongEncryption | flags.masked)) !== 0) {
    refuseEntry(name, 'is encrypted')
  }
  if ((bits & flags.patch) !== 0) refuseEntry(name, 'is a patch')
  if (compressionMethod !== methods.stored && compressionMethod !== methods.deflated) {
    refuseEntry(name, `is compressed by the method ${compressionMethod}, not by deflate`)
  }
  const type = (externalFileAttributes >>> 16) & unixTypes.mask
  const plain = type === unixTypes.none || type === (folder ? unixTypes.folder : unixTypes.file)
  if (!plain) refuseEntry(name, 'is no plain file: a link, a device, or a folder by another name')
}

function checkSizes(name: string, entry: Entry, folder: boolean): void {
  const { compressionMethod, compressedSize, uncompressedSize, relativeOffsetOfLocalHeader } = entry
  for (const size of [compressedSize, uncompressedSize, relativeOffsetOfLocalHeader]) {
    if (!Number.isSafeInteger(size)) refuseEntry(name, 'has a size beyond all measure')
  }
  if (folder && uncompressedSize > 0) refuseEntry(name, 'is a folder with a content')
  if (compressionMethod === methods.stored && compressedSize !== uncompressedSize) {
    refuseEntry(name, 'has two sizes')
  }
}

/** Some readers believe the one header, some the other. */
function checkLocal(name: string, entry: Entry, local: LocalFileHeader): void {
  if (!local.fileName.equals(entry.fileNameRaw)) refuseEntry(name, 'has two names')
  if (local.compressionMethod !== entry.compressionMethod) refuseEntry(name, 'has two methods')
  const { generalPurposeBitFlag: bits, crc32: checksum, compressedSize, uncompressedSize } = local
  const described = flags.encrypted | flags.descriptor
  if ((bits & described) !== (entry.generalPurposeBitFlag & described))
    refuseEntry(name, 'has two sets of flags')
  if ((bits & flags.descriptor) !== 0) return // what follows stands behind the data
  const agree = (own: number, other: number): boolean => own === other || own === elsewhere
  if (
    checksum !== entry.crc32 ||
    !agree(compressedSize, entry.compressedSize) ||
    !agree(uncompressedSize, entry.uncompressedSize)
  ) {
    refuseEntry(name, 'has two sizes or checksums')
  }
}

async function inflate(name: string, entry: Entry, packed: Buffer): Promise<Buffer> {
  try {
    const { bytes, consumed } = await inflated(packed, entry.uncompressedSize)
    if (consumed !== packed.length) refuseEntry(name, 'has something behind its compressed data')
    return bytes
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code === 'CONFIG_ARCHIVE_INVALID')
      throw error
    if (error.code === 'ERR_BUFFER_TOO_LARGE') refuseEntry(name, 'is longer than it says', { cause: error })
    refuseEntry(name, `does not unpack: ${error.message}`, { cause: error })
  }
}

interface Inflated {
  readonly bytes: Buffer
  /** Of what was given. */
  readonly consumed: number
}

function inflated(packed: Buffer, sizeBytes: number): Promise<Inflated> {
  const options: ZlibOptions = { info: true, maxOutputLength: Math.max(1, sizeBytes) }
  return new Promise((resolve, reject) => {
    inflateRaw(packed, options, (error, result: unknown) => {
      if (error !== null) reject(error)
      else resolve(inflatedOf(result))
    })
  })
}

/** What zlib gives with `info`, which its types do not say. */
function inflatedOf(result: unknown): Inflated {
  const { buffer, engine } = result as {
    readonly buffer: Buffer
    readonly engine: { readonly bytesWritten: number }
  }
  return { bytes: buffer, consumed: engine.bytesWritten }
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes)
  } catch {
    return undefined
  }
}
