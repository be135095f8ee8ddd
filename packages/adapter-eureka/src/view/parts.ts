import { createGzip } from 'node:zlib'

/** What is worth a step of its own through a stream. Unit: bytes. */
const chunkMinBytes = 65_536

/** Unit: bytes. */
export function sizeOf(parts: readonly Buffer[]): number {
  let bytes = 0
  for (const part of parts) bytes += part.length
  return bytes
}

/** The same bytes, small parts put together. */
export function* chunksOf(parts: readonly Buffer[]): Generator<Buffer, undefined> {
  let small: Buffer[] = []
  let bytes = 0
  for (const part of parts) {
    small.push(part)
    bytes += part.length
    if (bytes < chunkMinBytes) continue
    yield Buffer.concat(small, bytes)
    small = []
    bytes = 0
  }
  if (bytes > 0) yield Buffer.concat(small, bytes)
  return undefined
}

/** Compresses parts as one, without ever putting all of them together. */
export async function compressParts(parts: readonly Buffer[], level: number): Promise<Buffer> {
  const gzip = createGzip({ level })
  const compressed: Buffer[] = []
  gzip.on('data', (chunk: Buffer) => compressed.push(chunk))
  const ended = new Promise<void>((resolve, reject) => {
    gzip.once('end', resolve)
    gzip.once('error', reject)
  })
  for (const chunk of chunksOf(parts)) {
    await new Promise<void>((resolve, reject) => {
      gzip.write(chunk, (error) => (error ? reject(error) : resolve()))
    })
  }
  gzip.end()
  await ended
  return Buffer.concat(compressed)
}
