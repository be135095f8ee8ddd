import { createMemoryStore, type Store } from '@orrery/store'
import { describe, expect, test } from 'vitest'
import { decodeFile, encodeFile } from '../../src/codec.ts'
import { filePath } from '../../src/keys.ts'
import { ContentHistory } from '../../src/writes/content-history.ts'
import { createWriter, key, prefix } from './writers.ts'

/** More reads than any of these histories needs: a walk that goes on after them would block the test for ever. */
const readsMax = 10

/** A writer, and a history that may read the store only so often for each call. */
function setUp(store: Store): {
  readonly writer: ReturnType<typeof createWriter>['writer']
  readonly versions: (after?: string, limit?: number) => Promise<readonly number[]>
} {
  const { writer, contents } = createWriter(store)
  let reads = 0
  const history = new ContentHistory({
    store: {
      txn: (...args) => {
        if (++reads > readsMax) return Promise.reject(new Error(`it was read ${readsMax} times`))
        return store.txn(...args)
      },
    },
    prefix,
    contents,
  })
  return {
    writer,
    versions: async (after, limit) => {
      reads = 0
      return (await history.history(key, { after, limit })).items.map(({ version }) => version)
    },
  }
}

/** As if a file had had very many releases. */
async function claimVersion(store: Store, latestVersion: number): Promise<void> {
  const path = filePath(key)
  const kv = await store.get(`${prefix}live/files/${path}`)
  if (kv === undefined) throw new Error('there is no file')
  const { file, dataKey } = decodeFile(path, kv)
  await store.put({ key: kv.keyString, value: encodeFile({ file: { ...file, latestVersion }, dataKey }) })
}

describe('a history', () => {
  test('begins with the newest release where it is to begin far above it', async () => {
    await using store = createMemoryStore()
    const { writer, versions } = setUp(store)
    for (const content of ['a', 'b', 'c']) await writer.publish(key, { content })
    expect(await versions(String(Number.MAX_SAFE_INTEGER))).toEqual([3, 2, 1])
    expect(await versions('4')).toEqual([3, 2, 1])
    expect(await versions('3')).toEqual([2, 1])
    expect(await versions('0')).toEqual([])
  })

  test('of a file that is not there is empty wherever it is to begin', async () => {
    await using store = createMemoryStore()
    const { writer, versions } = setUp(store)
    expect(await versions(String(Number.MAX_SAFE_INTEGER))).toEqual([])
    await writer.publish(key, { content: 'a' })
    await writer.delete(key)
    expect(await versions(String(Number.MAX_SAFE_INTEGER))).toEqual([])
  })

  test('goes over versions that are missing at once, however many they are', async () => {
    await using store = createMemoryStore()
    const { writer, versions } = setUp(store)
    for (const content of ['a', 'b', 'c']) await writer.publish(key, { content })
    const high = 10 ** 15 + 50
    await claimVersion(store, high)
    for (const content of ['d', 'e']) await writer.publish(key, { content })
    expect(await versions()).toEqual([high + 2, high + 1, 3, 2, 1])
    expect(await versions(undefined, 3)).toEqual([high + 2, high + 1, 3])
    expect(await versions(String(high))).toEqual([3, 2, 1])
  })
})

describe('a draft', () => {
  test('is the newest release also where that becomes too old while it is read', async () => {
    await using store = createMemoryStore()
    const { writer, contents } = createWriter(store, { releasesMaxItems: 2 })
    await writer.publish(key, { content: 'a' })
    let isFirst = true
    const txn: Store['txn'] = async (...args) => {
      const answer = await store.txn(...args)
      if (isFirst) for (const content of ['b', 'c']) await writer.publish(key, { content })
      isFirst = false
      return answer
    }
    const history = new ContentHistory({ store: { txn }, prefix, contents })
    expect(await history.draft(key)).toMatchObject({ content: 'c', releasedAs: 3 })
  })

  test('is none where a file came back without its releases', async () => {
    await using store = createMemoryStore()
    const { writer, contents } = createWriter(store)
    const history = new ContentHistory({ store, prefix, contents })
    await writer.publish(key, { content: 'a' })
    await writer.delete(key)
    await writer.save(key, { comment: 'again' })
    expect(await history.draft(key)).toBeUndefined()
  })
})
