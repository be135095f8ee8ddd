import assert from 'node:assert/strict'
import type { Store } from '../store.ts'
import { keysOf, pairs, rejectsWith, text } from './assertions.ts'
import { law } from './conformance-case.ts'

/** Every key there is. */
const all = { key: '\0', rangeEnd: '\0' }

/** a=4 (changed last), b=2, c=1, d=3; gives the revision before all of it. */
async function putSome(store: Store): Promise<number> {
  const before = store.status().revision
  await store.put({ key: 'a', value: '0' })
  await store.put({ key: 'c', value: '1' })
  await store.put({ key: 'b', value: '2' })
  await store.put({ key: 'd', value: '3' })
  await store.put({ key: 'a', value: '4' })
  return before
}

export const rangeLaws = [
  law('an empty store has no keys', async ({ store }) => {
    const { kvs, count, more, revision } = await store.range(all)
    assert.deepEqual({ kvs, count, more }, { kvs: [], count: 0, more: false })
    assert.equal(revision, store.status().revision)
    assert.equal(await store.get('a'), undefined)
  }),
  law('a key without range end means this key alone', async ({ store }) => {
    await putSome(store)
    await store.put({ key: 'aa', value: 'x' })
    const { kvs, count, more } = await store.range({ key: 'a' })
    assert.deepEqual(pairs(kvs), ['a=4'])
    assert.deepEqual({ count, more }, { count: 1, more: false })
    assert.equal(text((await store.get('a'))?.value), '4')
  }),
  law('a range excludes its end and comes in order of key', async ({ store }) => {
    await putSome(store)
    assert.deepEqual(pairs((await store.range({ key: 'a', rangeEnd: 'd' })).kvs), ['a=4', 'b=2', 'c=1'])
  }),
  law('a range end of one zero byte means all keys from the key on', async ({ store }) => {
    await putSome(store)
    assert.deepEqual(keysOf((await store.range({ key: 'b', rangeEnd: '\0' })).kvs), ['b', 'c', 'd'])
    assert.deepEqual(keysOf((await store.range(all)).kvs), ['a', 'b', 'c', 'd'])
  }),
  law('a range whose end is not above its key is empty', async ({ store }) => {
    await putSome(store)
    for (const rangeEnd of ['b', 'a']) {
      const { kvs, count } = await store.range({ key: 'b', rangeEnd })
      assert.deepEqual({ kvs, count }, { kvs: [], count: 0 })
    }
  }),
  law('keys are compared byte by byte, and may be any bytes', async ({ store }) => {
    const keys = [[0], [0, 0], [0x61], [0x7f], [0x80], [0xc3, 0xa4], [0xff], [0xff, 0xff]]
    for (const key of [...keys].reverse()) await store.put({ key: Uint8Array.from(key), value: '' })
    const { kvs } = await store.range({ key: Uint8Array.of(0), rangeEnd: Uint8Array.of(0) })
    assert.deepEqual(
      kvs.map(({ key }) => [...key]),
      keys,
    )
    assert.deepEqual([...((await store.get('ä'))?.key ?? [])], [0xc3, 0xa4])
  }),
  law('a limit cuts the result and says so; the count does not care', async ({ store }) => {
    await putSome(store)
    const cut = await store.range({ ...all, limit: 3 })
    assert.deepEqual(keysOf(cut.kvs), ['a', 'b', 'c'])
    assert.deepEqual({ more: cut.more, count: cut.count }, { more: true, count: 4 })
    const whole = await store.range({ ...all, limit: 4 })
    assert.deepEqual(
      { more: whole.more, count: whole.count, kvs: whole.kvs.length },
      { more: false, count: 4, kvs: 4 },
    )
    assert.equal((await store.range({ ...all, limit: 0 })).kvs.length, 4)
  }),
  law('a count alone carries no keys, and keys alone no values', async ({ store }) => {
    await putSome(store)
    const { kvs, count, more } = await store.range({ ...all, countOnly: true })
    assert.deepEqual({ kvs, count, more }, { kvs: [], count: 4, more: false })
    const { kvs: bare } = await store.range({ ...all, keysOnly: true })
    assert.deepEqual(pairs(bare), ['a=', 'b=', 'c=', 'd='])
    assert.equal(bare[0]?.version, 2)
  }),
  law('results are sorted by what is asked for, before the limit cuts', async ({ store }) => {
    await putSome(store)
    const sorted = async (
      sortTarget: 'key' | 'version' | 'createRevision' | 'modRevision' | 'value',
      sortOrder?: 'ascend' | 'descend',
    ): Promise<string> => {
      const { kvs } = await store.range({ ...all, sortTarget, sortOrder, limit: 3 })
      return keysOf(kvs).join('')
    }
    assert.equal(await sorted('key', 'descend'), 'dcb')
    assert.equal(await sorted('key', 'ascend'), 'abc')
    assert.equal(await sorted('createRevision', 'ascend'), 'acb')
    assert.equal(await sorted('modRevision', 'descend'), 'adb')
    assert.equal(await sorted('value', 'ascend'), 'cbd')
    assert.equal((await sorted('version', 'descend'))[0], 'a')
    // Another target than the key means ascending, when no order is given.
    assert.equal(await sorted('modRevision'), 'cbd')
  }),
  law('revision filters drop keys but do not change the count', async ({ store }) => {
    const base = await putSome(store)
    const filtered = async (filter: object): Promise<string> => {
      const { kvs, count } = await store.range({ ...all, ...filter })
      assert.equal(count, 4)
      return keysOf(kvs).join('')
    }
    assert.equal(await filtered({ minModRevision: base + 4 }), 'ad')
    assert.equal(await filtered({ maxModRevision: base + 3 }), 'bc')
    assert.equal(await filtered({ minCreateRevision: base + 3 }), 'bd')
    assert.equal(await filtered({ maxCreateRevision: base + 2 }), 'ac')
    assert.equal(await filtered({ minModRevision: base + 3, maxCreateRevision: base + 3 }), 'ab')
  }),
  law('the limit counts what the filters leave', async ({ store }) => {
    const base = await putSome(store)
    const { kvs, more } = await store.range({ ...all, maxModRevision: base + 4, limit: 2 })
    assert.deepEqual({ keys: keysOf(kvs), more }, { keys: ['b', 'c'], more: true })
  }),
  law('an empty key is refused', async ({ store }) => {
    await rejectsWith(store.range({ key: '' }), 'MVCC_KEY_REQUIRED')
    await rejectsWith(store.range({ key: '', rangeEnd: '\0' }), 'MVCC_KEY_REQUIRED')
  }),
  law('a serializable read answers as well', async ({ store }) => {
    await putSome(store)
    assert.deepEqual(pairs((await store.range({ key: 'a' }, { serializable: true })).kvs), ['a=4'])
  }),
  law('a read reflects every write that was answered before', async ({ store }) => {
    for (let n = 0; n < 20; n++) {
      const { revision } = await store.put({ key: 'k', value: String(n) })
      const result = await store.range({ key: 'k' })
      assert.deepEqual(pairs(result.kvs), [`k=${n}`])
      assert.ok(result.revision >= revision)
    }
  }),
]
