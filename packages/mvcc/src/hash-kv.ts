import { crc32c } from './crc32c.ts'
import { KeyValue } from './key-value.ts'
import type { ReadView } from './range.ts'

/** A checksum over a store's history, taken in slices. */
export interface HashKv {
  /**
   * Hashes up to about `maxRevisions` more.
   *
   * @returns whether there is more to do
   */
  step(maxRevisions: number): boolean
  /** CRC-32C of what was hashed so far. */
  readonly hash: number
}

/**
 * Starts a checksum over everything up to `revision`, which is bit for bit that of an etcd server with the
 * same history: over the bytes `key`, then over key and value of each revision as etcd stores them.
 *
 * Revisions that a compaction has superseded do not count, whether they are removed yet or not; nor does a
 * tombstone exactly at the compacted revision (etcd since 3.5.16). No compaction step may run in between.
 */
export function startHashKv(view: ReadView, revision: number): HashKv {
  const { index, backend, compactRevision } = view
  const revisionKey = new Uint8Array(18)
  const fields = new DataView(revisionKey.buffer)
  revisionKey[8] = 0x5f // '_'
  revisionKey[17] = 0x74 // 't': a tombstone
  let hash = crc32c(Uint8Array.of(0x6b, 0x65, 0x79)) // 'key', the name of etcd's bucket
  let main = 0
  let sub = 0

  const kept = (record: Uint8Array, at: { main: number; sub: number }): boolean => {
    const history = index.get(new KeyValue(record).keyString)
    if (history === undefined) return false
    const position = history.find(compactRevision)
    return position >= 0 && history.mainAt(position) === at.main && history.subAt(position) === at.sub
  }

  return {
    get hash() {
      return hash
    },
    step: (maxRevisions) => {
      let left = maxRevisions
      let more = false
      backend.scan(main, sub, (atMain, atSub, tombstone, record) => {
        if (atMain > revision) return false
        if (left-- <= 0) {
          main = atMain
          sub = atSub
          more = true
          return false
        }
        if (atMain <= compactRevision && (tombstone || !kept(record, { main: atMain, sub: atSub })))
          return true
        fields.setBigUint64(0, BigInt(atMain))
        fields.setBigUint64(9, BigInt(atSub))
        hash = crc32c(record, crc32c(tombstone ? revisionKey : revisionKey.subarray(0, 17), hash))
        return true
      })
      return more
    },
  }
}
