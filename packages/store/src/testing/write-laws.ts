import assert from 'node:assert/strict'
import { keysOf, pairs, rejectsWith, text } from './assertions.ts'
import { law } from './conformance-case.ts'

const all = { key: '\0', rangeEnd: '\0' }

export const writeLaws = [
  law('every put is one revision; versions count from one within a life of the key', async ({ store }) => {
    const base = store.status().revision
    assert.equal((await store.put({ key: 'a', value: '1' })).revision, base + 1)
    assert.equal((await store.put({ key: 'a', value: '2' })).revision, base + 2)
    const changed = await store.get('a')
    assert.deepEqual(
      { created: changed?.createRevision, modified: changed?.modRevision, version: changed?.version },
      { created: base + 1, modified: base + 2, version: 2 },
    )
    await store.deleteRange({ key: 'a' })
    await store.put({ key: 'a', value: '3' })
    const reborn = await store.get('a')
    assert.deepEqual([reborn?.createRevision, reborn?.version], [base + 4, 1])
  }),
  law('a put takes any bytes as value, none and empty ones too', async ({ store }) => {
    const value = Uint8Array.from({ length: 256 }, (_, byte) => byte)
    await store.put({ key: 'bytes', value })
    await store.put({ key: 'none' })
    await store.put({ key: 'text', value: 'grün' })
    assert.deepEqual([...((await store.get('bytes'))?.value ?? [])], [...value])
    assert.equal((await store.get('none'))?.value.length, 0)
    assert.equal(text((await store.get('text'))?.value), 'grün')
  }),
  law('the caller may reuse the buffers of a put at once', async ({ store }) => {
    const key = Uint8Array.of(0x6b)
    const value = Uint8Array.of(1, 2, 3)
    const written = store.put({ key, value })
    key.fill(0)
    value.fill(0)
    await written
    assert.deepEqual([...((await store.get('k'))?.value ?? [])], [1, 2, 3])
  }),
  law('a put returns what was before when asked to', async ({ store }) => {
    assert.equal((await store.put({ key: 'a', value: '1', prevKv: true })).prevKv, undefined)
    assert.equal((await store.put({ key: 'a', value: '2' })).prevKv, undefined)
    const { prevKv } = await store.put({ key: 'a', value: '3', prevKv: true })
    assert.deepEqual([text(prevKv?.value), prevKv?.version], ['2', 2])
  }),
  law('a put may keep the present value or lease', async ({ store }) => {
    const { id } = await store.leases.grant({ ttlMs: 60_000 })
    await store.put({ key: 'a', value: '1', lease: id })
    await store.put({ key: 'a', ignoreValue: true })
    assert.deepEqual([text((await store.get('a'))?.value), (await store.get('a'))?.lease], ['1', 0n])
    await store.put({ key: 'a', value: '2', lease: id })
    await store.put({ key: 'a', value: '3', ignoreLease: true })
    assert.deepEqual([text((await store.get('a'))?.value), (await store.get('a'))?.lease], ['3', id])
  }),
  law('what a put is to keep must exist and not be given as well', async ({ store }) => {
    await rejectsWith(store.put({ key: 'a', ignoreValue: true }), 'MVCC_KEY_NOT_FOUND')
    await rejectsWith(store.put({ key: 'a', value: '1', ignoreLease: true }), 'MVCC_KEY_NOT_FOUND')
    await rejectsWith(store.put({ key: 'a', value: '1', ignoreValue: true }), 'MVCC_VALUE_PROVIDED')
    await rejectsWith(store.put({ key: 'a', lease: 1n, ignoreLease: true }), 'MVCC_LEASE_PROVIDED')
  }),
  law('a refused put changes nothing', async ({ store }) => {
    const { revision } = store.status()
    await rejectsWith(store.put({ key: '', value: '1' }), 'MVCC_KEY_REQUIRED')
    await rejectsWith(store.put({ key: 'a', value: '1', lease: 77n }), 'MVCC_LEASE_NOT_FOUND')
    assert.equal((await store.range(all)).revision, revision)
    assert.equal(await store.get('a'), undefined)
  }),
  law('a deletion removes a key or a range, as one revision', async ({ store }) => {
    for (const key of ['a', 'b', 'c', 'd']) await store.put({ key, value: key })
    const base = store.status().revision
    const one = await store.deleteRange({ key: 'a' })
    assert.deepEqual([one.deleted, one.revision, one.prevKvs], [1, base + 1, []])
    const range = await store.deleteRange({ key: 'b', rangeEnd: 'd', prevKv: true })
    assert.deepEqual([range.deleted, range.revision], [2, base + 2])
    assert.deepEqual(pairs(range.prevKvs), ['b=b', 'c=c'])
    assert.deepEqual(keysOf((await store.range(all)).kvs), ['d'])
    assert.equal((await store.deleteRange(all)).deleted, 1)
  }),
  law('a deletion of nothing makes no revision', async ({ store }) => {
    await store.put({ key: 'a', value: '1' })
    const { revision } = store.status()
    for (const request of [{ key: 'x' }, { key: 'b', rangeEnd: 'z' }, { key: 'b', rangeEnd: 'a' }]) {
      const result = await store.deleteRange(request)
      assert.deepEqual([result.deleted, result.revision], [0, revision])
    }
    await rejectsWith(store.deleteRange({ key: '' }), 'MVCC_KEY_REQUIRED')
  }),
  law('writes that are made at once take effect in the order of the calls', async ({ store }) => {
    const base = store.status().revision
    const results = await Promise.all(
      Array.from({ length: 300 }, (_, n) => store.put({ key: 'k', value: String(n) })),
    )
    assert.deepEqual(
      results.map(({ revision }) => revision - base),
      results.map((_, n) => n + 1),
    )
    assert.deepEqual(pairs((await store.range({ key: 'k' })).kvs), ['k=299'])
  }),
  law(
    'a request above the limit is refused and changes nothing',
    async ({ store }) => {
      const { revision } = store.status()
      await store.put({ key: 'a', value: new Uint8Array(500) })
      await rejectsWith(store.put({ key: 'a', value: new Uint8Array(1_500) }), 'STORE_REQUEST_TOO_LARGE')
      const put = { type: 'put', key: 'b', value: new Uint8Array(1_500) } as const
      await rejectsWith(store.txn({ success: [put] }), 'STORE_REQUEST_TOO_LARGE')
      assert.equal((await store.range(all)).revision, revision + 1)
    },
    { options: { requestMaxBytes: 1_000 }, needs: ['options'] },
  ),
  law(
    'beyond the quota nothing is added and the alarm is raised',
    async ({ store }) => {
      await rejectsWith(store.put({ key: 'a', value: new Uint8Array(20_000) }), 'STORE_NO_SPACE')
      const put = { type: 'put', key: 'a', value: new Uint8Array(20_000) } as const
      await rejectsWith(store.txn({ failure: [put] }), 'STORE_NO_SPACE')
      // The alarm is a write of its own; one that comes after it sees it.
      await store.deleteRange({ key: 'a' })
      assert.deepEqual(
        store.alarms.list().map(({ type }) => type),
        ['noSpace'],
      )
    },
    { options: { quotaBytes: 10_000 }, needs: ['options', 'alarms'] },
  ),
]
