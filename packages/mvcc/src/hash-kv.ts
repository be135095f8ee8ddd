import { crc32c } from './crc32c.ts'
import type { KeyIndex } from './key-index.ts'
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
 * Of the revisions up to the compacted one, those count that are what their key has at `revision`; if no key
 * exists then, those that the compaction kept. A tombstone exactly at the compacted revision never counts
 * (etcd since 3.5.16). Whether a revision is removed from the backend yet makes no difference, as long as no
 * compaction step runs in between.
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

  // etcd skips by the set of revisions that a compaction at `revision` would keep, unless that set is empty.
  const keptAt = (revision === view.revision ? index.live > 0 : anyLive(index, revision))
    ? revision
    : compactRevision
  const kept = (record: Uint8Array, at: { main: number; sub: number }): boolean => {
    const history = index.get(new KeyValue(record).keyString)
    const position = history?.find(keptAt) ?? -1
    return position >= 0 && history?.mainAt(position) === at.main && history.subAt(position) === at.sub
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

function anyLive(index: KeyIndex, revision: number): boolean {
  let live = false
  index.visit('', undefined, (_, history) => {
    live = history.liveAt(revision)
    return !live
  })
  return live
}
