import assert from 'node:assert/strict'
import type { Snapshot, Store } from '../store.ts'
import { pairs, rejectsWith, takeEvents, text } from './assertions.ts'
import { law } from './conformance-case.ts'

const needs = ['snapshots'] as const

async function fill(store: Store): Promise<bigint> {
  const { id } = await store.leases.grant({ ttlMs: 600_000 })
  for (let n = 0; n < 40; n++) await store.put({ key: `k${n % 10}`, value: String(n) })
  await store.put({ key: 'leased', value: new Uint8Array(300_000), lease: id })
  await store.deleteRange({ key: 'k3' })
  return id
}

/** All bytes of a snapshot. */
async function bytesOf(snapshot: Snapshot): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = []
  for await (const chunk of snapshot) chunks.push(chunk.slice())
  return chunks
}

async function* from(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield await Promise.resolve(chunk)
}

export const snapshotLaws = [
  law(
    'a restored snapshot has the same keys, revisions, history and leases',
    async ({ store, restore }) => {
      const id = await fill(store)
      const { revision } = store.status()
      await store.compact({ revision: revision - 10 })
      const snapshot = store.snapshot()
      assert.equal(snapshot.revision, revision)
      const restored = await restore(snapshot)
      assert.equal(restored.status().revision, revision)
      assert.equal(restored.status().compactRevision, revision - 10)
      assert.deepEqual(await restored.hashKv(), await store.hashKv())
      assert.deepEqual(
        pairs((await restored.range({ key: '\0', rangeEnd: '\0', revision: revision - 5 })).kvs),
        pairs((await store.range({ key: '\0', rangeEnd: '\0', revision: revision - 5 })).kvs),
      )
      const found = await restored.leases.timeToLive(id, { keys: true })
      assert.deepEqual([found?.grantedMs, found?.keys?.map(text)], [600_000, ['leased']])
      assert.equal((await restored.put({ key: 'new', value: '' })).revision, revision + 1)
      await restored.leases.revoke(id)
      assert.equal(await restored.get('leased'), undefined)
    },
    { needs },
  ),
  law(
    'a restored store is another store',
    async ({ store, restore }) => {
      await fill(store)
      const restored = await restore(store.snapshot())
      assert.notEqual(restored.status().clusterId, store.status().clusterId)
      assert.notEqual(restored.status().memberId, store.status().memberId)
    },
    { needs },
  ),
  law(
    'a snapshot is of one revision, whatever is written and compacted meanwhile',
    async ({ store, restore }) => {
      await fill(store)
      const { revision } = store.status()
      const { hash } = await store.hashKv()
      const snapshot = store.snapshot()
      const chunks: Uint8Array[] = []
      for await (const chunk of snapshot) {
        chunks.push(chunk.slice())
        await store.put({ key: 'k1', value: 'later' })
        if (chunks.length === 1) await store.compact({ revision })
      }
      const restored = await restore(from(chunks))
      assert.equal(restored.status().revision, revision)
      assert.equal((await restored.hashKv()).hash, hash)
      assert.equal(text((await restored.get('k1'))?.value), '31')
    },
    { needs },
  ),
  law(
    'a snapshot that nobody reads to its end does not hold up compaction',
    async ({ store }) => {
      await fill(store)
      const left = store.snapshot()
      for await (const chunk of left) {
        assert.ok(chunk.length > 0)
        break
      }
      const untouched = store.snapshot()
      assert.equal(untouched.revision, store.status().revision)
      await store.compact({ revision: store.status().revision, physical: true })
    },
    { needs },
  ),
  law(
    'alarms and watches go on from a restored snapshot',
    async ({ store, restore }) => {
      await fill(store)
      const { revision } = store.status()
      const restored = await restore(store.snapshot())
      await using watch = restored.watch({ key: 'k', rangeEnd: 'l', startRevision: revision - 5 })
      await restored.put({ key: 'k1', value: 'x' })
      const events = await takeEvents(watch[Symbol.asyncIterator](), 6)
      assert.deepEqual([events.at(-2)?.type, text(events.at(-1)?.kv.value)], ['delete', 'x'])
    },
    { needs },
  ),
  law(
    'a snapshot ends with its reason when it is aborted, and with STORE_CLOSED when the store closes',
    async ({ store }) => {
      await fill(store)
      const controller = new AbortController()
      const aborted = store.snapshot({ signal: controller.signal })
      const cut = store.snapshot()
      const iterator = cut[Symbol.asyncIterator]()
      await iterator.next()
      const reason = new Error('enough')
      controller.abort(reason)
      await assert.rejects(bytesOf(aborted), reason)
      assert.throws(() => store.snapshot({ signal: controller.signal }), reason)
      await store.close()
      const drained = (async () => {
        while ((await iterator.next()).done !== true);
      })()
      await rejectsWith(drained, 'STORE_CLOSED')
    },
    { needs },
  ),
]
