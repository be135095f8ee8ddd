import { createHash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { Readable } from 'node:stream'
import { ZipFile } from 'yazl'
import { ConfigError } from '../errors.ts'
import { type ArchivedFile, type ArchiveLimits, archiveLimits } from './archived-file.ts'
import { entryNameOf, metaName } from './entry-name.ts'
import { encodeMeta } from './meta.ts'

/** The oldest time that a zip can say, in whatever zone: equal files make equal archives. */
const noTime = new Date(1980, 0, 1)

/** So many bytes at most are compressed in one piece: then little else waits for them. */
const pieceBytes = 65_536

/**
 * A zip archive of files, each as `<namespace>/<group>/<file>`, with what is said of them in `META.json`. Equal files in equal order
 * make equal archives.
 *
 * @param files each of another name
 * @throws ConfigError `CONFIG_INVALID` when they are more than the limits allow
 */
export async function writeArchive(
  files: readonly ArchivedFile[],
  limits: ArchiveLimits = archiveLimits,
): Promise<Uint8Array> {
  const { maxFiles, maxBytes, contentMaxBytes } = limits
  if (files.length > maxFiles) tooMuch(`at most ${maxFiles} files, got ${files.length}`)
  const contents = files.map(({ content }) => Buffer.from(content))
  const meta = Buffer.from(
    encodeMeta(files.map((file, index) => ({ ...file, md5: md5Of(contents[index] ?? noBytes) }))),
  )
  const largest = contents.reduce((most, { length }) => Math.max(most, length), 0)
  if (largest > contentMaxBytes) tooMuch(`contents of at most ${contentMaxBytes} bytes, got ${largest}`)
  const total = contents.reduce((sum, { length }) => sum + length, meta.length)
  if (total > maxBytes) tooMuch(`at most ${maxBytes} bytes, got ${total}`)

  const zip = new ZipFile()
  const written = new Promise<Uint8Array>((resolve, reject) => {
    zip.on('error', reject)
    buffer(zip.outputStream).then(resolve, reject)
  })
  add(zip, metaName, meta)
  for (const [index, { key }] of files.entries()) add(zip, entryNameOf(key), contents[index] ?? noBytes)
  zip.end()
  return written
}

/** One after the other: all at once, each would take a quarter of a megabyte to be compressed in. */
function add(zip: ZipFile, name: string, bytes: Buffer): void {
  const options = { mtime: noTime, mode: 0o100644, forceDosTimestamp: true, size: bytes.length }
  zip.addReadStreamLazy(name, options, (give) => {
    give(null, Readable.from(piecesOf(bytes), { objectMode: false }))
  })
}

function* piecesOf(bytes: Buffer): Iterable<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes)
}

const noBytes = Buffer.alloc(0)

/** As `META.json` gives it. */
export function md5Of(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('hex')
}

function tooMuch(reason: string): never {
  throw new ConfigError('CONFIG_INVALID', `archive: must have ${reason}`)
}
