import { createHash } from 'node:crypto'
import type { etcdserverpb } from '../generated/messages.js'
import type { Server } from './server.ts'
import type { CallContext } from './services.ts'

const blobBytes = 32_768

/** Clients tell by the size whether a checksum follows: the rest is a multiple of this. Unit: bytes. */
const sectorBytes = 512

/**
 * The store's snapshot in blobs of 32 KiB, filled up with zero bytes to whole sectors, and a last one with the
 * SHA-256 of all before. `remaining_bytes` is an estimate until it is 0.
 */
export async function* snapshot(
  server: Server,
  version: string,
  context: CallContext,
): AsyncGenerator<etcdserverpb.SnapshotResponse, void, undefined> {
  const source = server.store.snapshot(context)
  const header = server.header(source.revision)
  const digest = createHash('sha256')
  let sent = 0
  for await (const blob of blobsOf(source)) {
    digest.update(blob)
    sent += blob.length
    yield { header, remainingBytes: Math.max(0, source.sizeBytes - sent), blob, version }
  }
  yield { header, remainingBytes: 0, blob: digest.digest(), version }
}

async function* blobsOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, undefined> {
  let blob = Buffer.alloc(blobBytes)
  let filled = 0
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; ) {
      const piece = chunk.subarray(at, at + blobBytes - filled)
      blob.set(piece, filled)
      at += piece.length
      filled += piece.length
      if (filled === blobBytes) {
        yield blob
        blob = Buffer.alloc(blobBytes)
        filled = 0
      }
    }
  }
  if (filled > 0) yield blob.subarray(0, Math.ceil(filled / sectorBytes) * sectorBytes)
}
