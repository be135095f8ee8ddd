import { createHash } from 'node:crypto'
import { StoreError } from './errors.ts'
import {
  digestBytes,
  frameHeaderBytes,
  frameMaxBytes,
  frameTypes,
  magic,
  revisionHeaderBytes,
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
 * A file that `etcdctl snapshot save` wrote ends with one more SHA-256, over the whole snapshot; it is
 * checked too.
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
      const length = buffered.readUInt32LE(at + 1)
      if (length > frameMaxBytes) throw invalid('a frame is too large')
      const end = at + frameHeaderBytes + length
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
    buffered = buffered.subarray(at)
    if (ended && buffered.length > digestBytes) throw invalid('something follows its end')
  }
  if (!ended) throw invalid('it ends early')
  const outer = hash.digest()
  if (buffered.length > 0 && !outer.equals(buffered)) throw invalid('the checksum behind it is wrong')
}

function readItem(type: number, payload: Buffer): SnapshotItem {
  if (type === frameTypes.meta && payload.length > 0) {
    const nameEnd = 1 + payload.readUInt8(0)
    if (nameEnd <= payload.length) {
      return { type: 'meta', name: payload.toString('latin1', 1, nameEnd), value: payload.subarray(nameEnd) }
    }
  }
  if (type === frameTypes.revision && payload.length >= revisionHeaderBytes) {
    return {
      type: 'revision',
      main: payload.readDoubleLE(0),
      sub: payload.readUInt32LE(8),
      tombstone: payload.readUInt8(12) === 1,
      record: payload.subarray(revisionHeaderBytes),
    }
  }
  throw invalid('a frame has no meaning')
}

function invalid(why: string): StoreError {
  return new StoreError('STORE_SNAPSHOT_INVALID', `this is no usable snapshot: ${why}`)
}
