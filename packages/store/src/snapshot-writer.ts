import { createHash } from 'node:crypto'
import type { StoreBackend } from './ports.ts'
import { frameHeaderBytes, frameTypes, magic, revisionHeaderBytes } from './snapshot-format.ts'
import type { Snapshot } from './store.ts'

/** What a snapshot is taken of. */
export interface SnapshotSource {
  /** The present revision: a snapshot is taken up to there. */
  readonly revision: () => number
  readonly backend: StoreBackend
  /** Keeps old revisions in the backend until the returned function is called. */
  readonly holdCompaction: () => () => void
  /** @throws when the snapshot is to be abandoned */
  readonly nextTurn: () => Promise<void>
}

/** Bytes that one turn of the event loop gathers. */
const chunkBytes = 262_144

/**
 * Streams the state at one revision: the one at which its reader begins, so that a snapshot that nobody reads
 * holds nothing up. Named values (leases, alarms) are few and copied at once; revisions do not change once they
 * are written, so they are read in slices while the store goes on.
 */
export function writeSnapshot(source: SnapshotSource): Snapshot {
  let taken: number | undefined
  return {
    get revision() {
      return taken ?? source.revision()
    },
    sizeBytes: source.backend.sizeInUseBytes,
    async *[Symbol.asyncIterator]() {
      const revision = source.revision()
      taken = revision
      yield* stream(source, revision)
    },
  }
}

async function* stream(source: SnapshotSource, revision: number): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  const hashed = (bytes: Buffer): Buffer => {
    hash.update(bytes)
    return bytes
  }
  const release = source.holdCompaction()
  try {
    const meta = readMeta(source.backend)
    yield hashed(magic)
    yield hashed(meta)
    let from: { main: number; sub: number } | undefined = { main: 0, sub: 0 }
    while (from !== undefined) {
      // The reader may have taken its time: the store may be closed by now.
      await source.nextTurn()
      const slice = readSlice(source.backend, revision, from)
      if (slice.bytes.length > 0) yield hashed(slice.bytes)
      from = slice.next
    }
    yield frame(frameTypes.end, hash.digest())
  } finally {
    release()
  }
}

function readMeta(backend: StoreBackend): Buffer {
  const frames: Buffer[] = []
  backend.scanMeta('', (name, value) => {
    // A snapshot begins a new history of the log, with an identity of its own.
    if (name.startsWith('store/')) return
    frames.push(frame(frameTypes.meta, Buffer.concat([Buffer.from([name.length]), Buffer.from(name), value])))
  })
  return Buffer.concat(frames)
}

function readSlice(
  backend: StoreBackend,
  revision: number,
  from: { readonly main: number; readonly sub: number },
): { bytes: Buffer; next: { main: number; sub: number } | undefined } {
  let bytes = Buffer.allocUnsafe(chunkBytes)
  let length = 0
  let next: { main: number; sub: number } | undefined
  backend.scan(from.main, from.sub, (main, sub, tombstone, record) => {
    if (main > revision) return false
    const end = length + frameHeaderBytes + revisionHeaderBytes + record.length
    if (end > chunkBytes && length > 0) {
      next = { main, sub }
      return false
    }
    if (end > bytes.length) bytes = Buffer.allocUnsafe(end)
    let at = bytes.writeUInt8(frameTypes.revision, length)
    at = bytes.writeUInt32LE(revisionHeaderBytes + record.length, at)
    at = bytes.writeDoubleLE(main, at)
    at = bytes.writeUInt32LE(sub, at)
    at = bytes.writeUInt8(tombstone ? 1 : 0, at)
    bytes.set(record, at)
    length = end
    return true
  })
  return { bytes: bytes.subarray(0, length), next }
}

function frame(type: number, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(frameHeaderBytes)
  header.writeUInt8(type, 0)
  header.writeUInt32LE(payload.length, 1)
  return Buffer.concat([header, payload])
}
