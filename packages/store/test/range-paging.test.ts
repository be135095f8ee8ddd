import { createMemoryStore, type Store } from '@orrery/store'
import { describe, expect, test } from 'vitest'
import { closedLater, errorOf } from './support.ts'

/** More than two pages. */
const count = 4_500
const all = { key: 'k', rangeEnd: 'l' }
const name = (n: number): string => `k${String(n).padStart(5, '0')}`

async function filled(): Promise<Store> {
  const store = closedLater(createMemoryStore())
  await Promise.all(Array.from({ length: count }, (_, n) => store.put({ key: name(n), value: String(n) })))
  return store
}

const keysOf = (kvs: readonly { readonly keyString: string }[]): string[] =>
  kvs.map(({ keyString }) => keyString)
const expected = Array.from({ length: count }, (_, n) => name(n))

describe('a range of more keys than one turn reads', () => {
  test('is complete and in order', async () => {
    const store = await filled()
    const { kvs, more, count: total } = await store.range(all)
    expect(keysOf(kvs)).toEqual(expected)
    expect([more, total]).toEqual([false, count])
  })

  test.each([1_999, 2_000, 2_001, 3_999, 4_000, 4_001, 4_499, 4_500, 4_501])(
    'stops at a limit of %i keys',
    async (limit) => {
      const store = await filled()
      const { kvs, more, count: total } = await store.range({ ...all, limit })
      expect(keysOf(kvs)).toEqual(expected.slice(0, limit))
      expect([more, total]).toEqual([limit < count, count])
    },
  )

  test('is the same with and without values, sorts and filters', async () => {
    const store = await filled()
    const bare = await store.range({ ...all, keysOnly: true })
    expect(keysOf(bare.kvs)).toEqual(expected)
    expect(bare.kvs.every(({ value }) => value.length === 0)).toBe(true)
    const descending = await store.range({ ...all, sortOrder: 'descend' })
    expect(keysOf(descending.kvs)).toEqual(expected.toReversed())
    const { revision } = store.status()
    const newest = await store.range({ ...all, minModRevision: revision - 9 })
    expect(newest.kvs).toHaveLength(10)
  })

  test('is of one revision, whatever is written and compacted while it is read', async () => {
    const store = await filled()
    const { revision } = store.status()
    const reading = Promise.all([store.range(all), store.range({ ...all, revision: revision - 1 })])
    const writing = (async () => {
      await store.deleteRange({ key: name(2_500), rangeEnd: name(4_000) })
      for (let n = 0; n < count; n += 100) await store.put({ key: name(n), value: 'changed' })
      await store.put({ key: 'k00000a', value: 'new' })
      await store.compact({ revision: store.status().revision })
    })()
    const [present, past] = await reading
    await writing
    expect(keysOf(present.kvs)).toEqual(expected)
    expect(present.revision).toBe(revision)
    expect(keysOf(past.kvs)).toEqual(expected.slice(0, -1))
    for (const { kvs } of [present, past]) {
      expect(kvs.every((kv, n) => Buffer.from(kv.value).toString() === String(n))).toBe(true)
    }
    // What it held back goes on.
    await store.put({ key: 'last' })
    await store.compact({ revision: store.status().revision, physical: true })
    expect((await store.range(all)).kvs).toHaveLength(count - 1_500 + 1 + 15)
  })

  test('lets others run between its pages', async () => {
    const store = await filled()
    let writes = 0
    let reading = true
    const read = store.range(all).finally(() => {
      reading = false
    })
    while (reading) {
      await store.put({ key: 'other', value: '' })
      await new Promise((resolve) => setImmediate(resolve))
      writes++
    }
    await read
    expect(writes).toBeGreaterThan(1)
  })

  test('is given up when its signal says so, and when the store closes', async () => {
    const store = await filled()
    const controller = new AbortController()
    const aborted = store.range(all, { signal: controller.signal })
    const reason = new Error('enough')
    controller.abort(reason)
    expect(await errorOf(aborted)).toBe(reason)
    const cut = store.range(all)
    const [error] = await Promise.all([errorOf(cut), store.close()])
    expect(error).toMatchObject({ code: 'STORE_CLOSED' })
  })
})
