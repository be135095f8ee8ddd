import { createHash, type Hash } from 'node:crypto'
import { StoreError } from './errors.ts'
import {
  digestBytes,
  frameHeaderBytes,
  frameMaxBytes,
  frameTypes,
  magic,
  revisionHeaderBytes,
  sectorBytes,
} from './snapshot-format.ts'

/** What a snapshot consists of. Payloads are views: copy what is kept. */
export type SnapshotItem =
  | { readonly type: 'meta'; readonly name: string; readonly value: Uint8Array }
  | {
      readonly type: 'revision'
      readonly main: number
      readonly sub: number
      readonly tombstone: boolean
      readonly record: Uint8Array
    }

/**
 * Reads a snapshot. The last item is only delivered when it is complete, and the iteration only ends well
 * when its checksum is right: use nothing of it before.
 *
 * A file that `etcdctl snapshot save` wrote ends with one more SHA-256, over all of the file before; it is checked
 * too.
 *
 * @throws StoreError `STORE_SNAPSHOT_INVALID`
 */
export async function* readSnapshot(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<SnapshotItem> {
  const hash = createHash('sha256')
  let buffered = Buffer.alloc(0)
  let magicRead = false
  let ended = false
  /** Of the snapshot, without what follows its end. */
  let length = 0
  for await (const chunk of source) {
    buffered = buffered.length === 0 ? Buffer.from(chunk) : Buffer.concat([buffered, chunk])
    let at = 0
    if (!magicRead) {
      if (buffered.length < magic.length) continue
      if (!buffered.subarray(0, magic.length).equals(magic)) throw invalid('it does not begin as one')
      hash.update(magic)
      magicRead = true
      at = magic.length
    }
    while (!ended && buffered.length - at >= frameHeaderBytes) {
      const payloadBytes = buffered.readUInt32LE(at + 1)
      if (payloadBytes > frameMaxBytes) throw invalid('a frame is too large')
      const end = at + frameHeaderBytes + payloadBytes
      if (buffered.length < end) break
      const payload = buffered.subarray(at + frameHeaderBytes, end)
      const type = buffered.readUInt8(at)
      if (type === frameTypes.end) {
        if (!hash.copy().digest().equals(payload)) throw invalid('its checksum is wrong')
        ended = true
      } else {
        yield readItem(type, payload)
      }
      hash.update(buffered.subarray(at, end))
      at = end
    }
    length += at
    buffered = buffered.subarray(at)
    if (ended && buffered.length >= sectorBytes + digestBytes) throw invalid('something follows its end')
  }
  if (!ended) throw invalid('it ends early')
  checkEnvelope(buffered, length, hash)
}

/**
 * What may follow the end: the zeros with which an etcd server fills up the last sector, and the SHA-256 over
 * everything that `etcdctl snapshot save` writes behind it.
 */
function checkEnvelope(trailer: Buffer, length: number, hash: Hash): void {
  const padding = (sectorBytes - (length % sectorBytes)) % sectorBytes
  const zeros = [0, padding].find((count) => [count, count + digestBytes].includes(trailer.length))
  if (zeros === undefined || trailer.subarray(0, zeros).some((byte) => byte !== 0)) {
    throw invalid('something follows its end')
  }
  const outer = trailer.subarray(zeros)
  const expected = hash.update(trailer.subarray(0, zeros)).digest()
  if (outer.length > 0 && !expected.equals(outer)) throw invalid('the checksum behind it is wrong')
}

function readItem(type: number, payload: Buffer): SnapshotItem {
  if (type === frameTypes.meta && payload.length > 0) {
    const nameEnd = 1 + payload.readUInt8(0)
    const name = payload.toString('latin1', 1, nameEnd)
    if (nameEnd <= payload.length && isName(name)) {
      return { type: 'meta', name, value: payload.subarray(nameEnd) }
    }
  }
  if (type === frameTypes.revision && payload.length >= revisionHeaderBytes) {
    const main = payload.readDoubleLE(0)
    const record = payload.subarray(revisionHeaderBytes)
    if (Number.isSafeInteger(main) && main > 0) {
      const tombstone = payload.readUInt8(12) === 1
      return { type: 'revision', main, sub: payload.readUInt32LE(8), tombstone, record }
    }
  }
  throw invalid('a frame has no meaning')
}

/** What a backend takes as the name of a value. */
function isName(name: string): boolean {
  return name.length <= 200 && /^[\0-\x7f]*$/.test(name)
}

function invalid(why: string): StoreError {
  return new StoreError('STORE_SNAPSHOT_INVALID', `this is no usable snapshot: ${why}`)
}
