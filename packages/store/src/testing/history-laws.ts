import assert from 'node:assert/strict'
import { keysOf, pairs, rejectsWith } from './assertions.ts'
import { law } from './conformance-case.ts'

const all = { key: '\0', rangeEnd: '\0' }

const past = [
  law('old revisions can be read', async ({ store }) => {
    const base = store.status().revision
    await store.put({ key: 'a', value: '1' })
    await store.put({ key: 'b', value: '1' })
    await store.put({ key: 'a', value: '2' })
    await store.deleteRange({ key: 'a' })
    const at = async (revision: number): Promise<string[]> =>
      pairs((await store.range({ ...all, revision })).kvs)
    assert.deepEqual(await at(base), [])
    assert.deepEqual(await at(base + 1), ['a=1'])
    assert.deepEqual(await at(base + 2), ['a=1', 'b=1'])
    assert.deepEqual(await at(base + 3), ['a=2', 'b=1'])
    assert.deepEqual(await at(base + 4), ['b=1'])
    assert.equal((await store.range({ ...all, revision: base + 2 })).revision, base + 4)
    assert.equal((await store.range({ ...all, revision: base + 3, countOnly: true })).count, 2)
  }),
  law('the future cannot be read, and no revision below one is asked for', async ({ store }) => {
    const { revision } = await store.put({ key: 'a', value: '1' })
    await rejectsWith(store.range({ key: 'a', revision: revision + 1 }), 'MVCC_FUTURE_REVISION')
    await rejectsWith(store.range({ key: 'a', revision: Number.MAX_SAFE_INTEGER }), 'MVCC_FUTURE_REVISION')
    for (const current of [0, -1]) {
      assert.deepEqual(pairs((await store.range({ key: 'a', revision: current })).kvs), ['a=1'])
    }
  }),
]

const compaction = [
  law('what is older than a compaction cannot be read; its revision can', async ({ store }) => {
    for (const value of ['1', '2', '3']) await store.put({ key: 'a', value })
    const { revision } = store.status()
    assert.equal((await store.compact({ revision: revision - 1, physical: true })).revision, revision)
    assert.equal(store.status().compactRevision, revision - 1)
    await rejectsWith(store.range({ key: 'a', revision: revision - 2 }), 'MVCC_COMPACTED')
    await rejectsWith(
      store.txn({ success: [{ type: 'range', key: 'a', revision: revision - 2 }] }),
      'MVCC_COMPACTED',
    )
    assert.deepEqual(pairs((await store.range({ key: 'a', revision: revision - 1 })).kvs), ['a=2'])
    assert.deepEqual(pairs((await store.range({ key: 'a' })).kvs), ['a=3'])
  }),
  law('a compaction keeps what is current, and forgets what is deleted', async ({ store }) => {
    await store.put({ key: 'gone', value: '1' })
    await store.put({ key: 'kept', value: '1' })
    await store.deleteRange({ key: 'gone' })
    const { revision } = await store.put({ key: 'other', value: '1' })
    await store.compact({ revision, physical: true })
    assert.deepEqual(keysOf((await store.range(all)).kvs), ['kept', 'other'])
    assert.equal((await store.get('kept'))?.version, 1)
    assert.equal((await store.put({ key: 'kept', value: '2' })).revision, revision + 1)
    assert.equal((await store.get('kept'))?.version, 2)
  }),
  law('a revision is compacted once, and never one of the future', async ({ store }) => {
    const { revision } = await store.put({ key: 'a', value: '1' })
    await rejectsWith(store.compact({ revision: revision + 1 }), 'MVCC_FUTURE_REVISION')
    await store.compact({ revision })
    await rejectsWith(store.compact({ revision }), 'MVCC_COMPACTED')
    await rejectsWith(store.compact({ revision: revision - 1 }), 'MVCC_COMPACTED')
    await rejectsWith(store.compact({ revision: -5 }), 'MVCC_COMPACTED')
  }),
  law('a number that is no revision is refused before it reaches the log', async ({ store }) => {
    for (const revision of [Number.NaN, 1.5, 2 ** 53]) {
      await assert.rejects(store.compact({ revision }), RangeError)
    }
    await assert.rejects(store.range({ ...all, limit: 1.5 }), RangeError)
    await assert.rejects(store.txn({ success: [{ type: 'range', ...all, limit: Number.NaN }] }), RangeError)
    await store.put({ key: 'a', value: 'still serves' })
  }),
  law('compactions that overlap all finish', async ({ store }) => {
    for (let n = 0; n < 50; n++) await store.put({ key: `k${n % 5}`, value: String(n) })
    const { revision } = store.status()
    await Promise.all([10, 5, 1].map((back) => store.compact({ revision: revision - back, physical: true })))
    assert.equal(store.status().compactRevision, revision - 1)
    assert.equal((await store.range(all)).count, 5)
  }),
]

const hashes = [
  law('equal histories have equal checksums', async ({ store, open }) => {
    const other = await open()
    for (const target of [store, other]) {
      await target.put({ key: 'a', value: '1' })
      await target.txn({
        success: [
          { type: 'put', key: 'b', value: '2' },
          { type: 'deleteRange', key: 'a' },
        ],
      })
    }
    const here = await store.hashKv()
    assert.deepEqual({ ...(await other.hashKv()) }, { ...here })
    const { revision } = store.status()
    assert.deepEqual([here.hashRevision, here.revision], [revision, revision])
    assert.equal(here.compactRevision, store.status().compactRevision)
    await other.put({ key: 'a', value: '3' })
    assert.notEqual((await other.hashKv()).hash, here.hash)
    assert.equal((await other.hashKv({ revision: here.hashRevision })).hash, here.hash)
  }),
  law('a checksum does not depend on how far the compaction has come', async ({ store }) => {
    for (let n = 0; n < 30; n++) await store.put({ key: `k${n % 3}`, value: String(n) })
    await store.deleteRange({ key: 'k1' })
    const { revision } = store.status()
    await store.compact({ revision: revision - 2 })
    const scheduled = await store.hashKv()
    const physical = await store.put({ key: 'k0', value: 'last' })
    await store.compact({ revision: revision - 1, physical: true })
    assert.equal(scheduled.compactRevision, revision - 2)
    assert.equal((await store.hashKv({ revision })).hashRevision, revision)
    assert.equal((await store.hashKv()).revision, physical.revision)
  }),
  law('a checksum of what is compacted or not there yet is refused', async ({ store }) => {
    for (let n = 0; n < 3; n++) await store.put({ key: 'a', value: String(n) })
    const { revision } = store.status()
    await store.compact({ revision })
    await rejectsWith(store.hashKv({ revision: revision - 1 }), 'MVCC_COMPACTED')
    await rejectsWith(store.hashKv({ revision: revision + 1 }), 'MVCC_FUTURE_REVISION')
    assert.equal((await store.hashKv({ revision })).compactRevision, revision)
  }),
]

export const historyLaws = [...past, ...compaction, ...hashes]
