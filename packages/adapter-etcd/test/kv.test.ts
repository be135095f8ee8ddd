import { describe, expect, test } from 'vitest'
import { all, bytes, kv, startEtcd, text } from './support/loopback.ts'

test('a put gives a revision and a range gives the key back', async () => {
  await using etcd = await startEtcd()
  const put = await etcd.client.call(kv.Put, { key: bytes('a'), value: bytes('1') })
  expect(put.header?.revision).toBe(2)
  expect(put.prevKv).toBeFalsy()
  const { clusterId, memberId, term } = etcd.store.status()
  expect(put.header).toMatchObject({ clusterId, memberId, raftTerm: term })

  const range = await etcd.client.call(kv.Range, { key: bytes('a') })
  expect(range.count).toBe(1)
  expect(range.more).toBe(false)
  const [found] = range.kvs ?? []
  expect(found).toMatchObject({ createRevision: 2, modRevision: 2, version: 1, lease: 0 })
  expect([text(found?.key), text(found?.value)]).toEqual(['a', '1'])
})

test('a put gives the previous key-value when asked for', async () => {
  await using etcd = await startEtcd()
  await etcd.client.call(kv.Put, { key: bytes('a'), value: bytes('1') })
  const put = await etcd.client.call(kv.Put, { key: bytes('a'), value: bytes('2'), prevKv: true })
  expect(text(put.prevKv?.value)).toBe('1')
})

test('a range sorts, limits and counts', async () => {
  await using etcd = await startEtcd()
  for (const [key, value] of ['c1', 'a3', 'b2'].map((pair) => [pair[0] ?? '', pair[1] ?? ''])) {
    await etcd.client.call(kv.Put, { key: bytes(key ?? ''), value: bytes(value ?? '') })
  }
  const range = await etcd.client.call(kv.Range, {
    key: bytes('\0'),
    rangeEnd: bytes('\0'),
    sortTarget: 4,
    sortOrder: 2,
    limit: 2,
  })
  expect(range.kvs?.map(({ key }) => text(key))).toEqual(['a', 'b'])
  expect(range).toMatchObject({ more: true, count: 3 })

  const keysOnly = await etcd.client.call(kv.Range, { key: bytes('a'), rangeEnd: bytes('c'), keysOnly: true })
  expect(keysOnly.kvs?.map(({ key, value }) => [text(key), text(value)])).toEqual([
    ['a', ''],
    ['b', ''],
  ])
  const countOnly = await etcd.client.call(kv.Range, {
    key: bytes('a'),
    rangeEnd: bytes('c'),
    countOnly: true,
  })
  expect(countOnly).toMatchObject({ count: 2 })
  expect(countOnly.kvs ?? []).toEqual([])
})

test('a range reads old revisions, from any member when it is serializable', async () => {
  await using etcd = await startEtcd()
  await etcd.client.call(kv.Put, { key: bytes('a'), value: bytes('1') })
  await etcd.client.call(kv.Put, { key: bytes('a'), value: bytes('2') })
  const range = await etcd.client.call(kv.Range, { key: bytes('a'), revision: 2, serializable: true })
  expect(text(range.kvs?.[0]?.value)).toBe('1')
  expect(range.header?.revision).toBe(3)
})

test('deleting gives what was deleted, in order of key', async () => {
  await using etcd = await startEtcd()
  for (const key of ['b', 'a', 'c']) await etcd.client.call(kv.Put, { key: bytes(key) })
  const gone = await etcd.client.call(kv.DeleteRange, { key: bytes('a'), rangeEnd: bytes('c'), prevKv: true })
  expect(gone).toMatchObject({ deleted: 2, header: { revision: 5 } })
  expect(gone.prevKvs?.map(({ key }) => text(key))).toEqual(['a', 'b'])
  const nothing = await etcd.client.call(kv.DeleteRange, { key: bytes('zz') })
  expect(nothing).toMatchObject({ deleted: 0, header: { revision: 5 } })
})

test('a txn takes one branch and nests', async () => {
  await using etcd = await startEtcd()
  await etcd.client.call(kv.Put, { key: bytes('a'), value: bytes('1') })
  const txn = await etcd.client.call(kv.Txn, {
    compare: [
      { key: bytes('a'), target: 3, result: 0, value: bytes('1') },
      { key: bytes('a'), target: 0, result: 1, version: 0 },
      { key: bytes('a'), target: 1, result: 0, createRevision: 2 },
      { key: bytes('a'), target: 2, result: 2, modRevision: 3 },
      { key: bytes('a'), target: 4, result: 3, lease: 7 },
    ],
    success: [
      { requestPut: { key: bytes('b'), value: bytes('2'), prevKv: true } },
      { requestRange: { key: bytes('b') } },
      { requestDeleteRange: { key: bytes('a'), prevKv: true } },
      { requestTxn: { success: [{ requestRange: { key: bytes('a') } }] } },
    ],
    failure: [{ requestPut: { key: bytes('c') } }],
  })
  expect(txn).toMatchObject({ succeeded: true, header: { revision: 3 } })
  const [put, range, deleted, nested] = txn.responses ?? []
  expect(put?.responsePut?.header).toMatchObject({ revision: 3, clusterId: 0, memberId: 0 })
  expect(text(range?.responseRange?.kvs?.[0]?.value)).toBe('2')
  expect(text(deleted?.responseDeleteRange?.prevKvs?.[0]?.value)).toBe('1')
  expect(nested?.responseTxn).toMatchObject({ succeeded: true })
  expect(nested?.responseTxn?.responses?.[0]?.responseRange?.count).toBe(0)

  const failed = await etcd.client.call(kv.Txn, {
    compare: [{ key: bytes('none'), target: 3, result: 3, value: bytes('') }],
    failure: [{ requestRange: { key: bytes('b') } }],
  })
  expect(failed.succeeded).toBe(false)
  expect(text(failed.responses?.[0]?.responseRange?.kvs?.[0]?.key)).toBe('b')
})

describe('comparisons of a kind that etcd does not know', () => {
  const unknown = [4, 7, -1, 2 ** 31 - 1, -(2 ** 31)]
  const [equal, value] = [0, 3]
  const keys = {
    'a key': { key: bytes('a') },
    'all keys of a range': { key: bytes('a'), rangeEnd: bytes('c') },
    'a missing key': { key: bytes('m') },
    'an empty range': { key: bytes('m'), rangeEnd: bytes('n') },
    'an inverted range': { key: bytes('n'), rangeEnd: bytes('a') },
  }
  /** What of {@link keys} a comparison holds for. */
  const holdingFor = async (result: number, target: number): Promise<readonly string[]> => {
    await using etcd = await startEtcd()
    for (const key of ['a', 'b']) await etcd.client.call(kv.Put, { key: bytes(key), value: bytes('1') })
    const holding: string[] = []
    for (const [name, range] of Object.entries(keys)) {
      const compare = [{ ...range, result, target, value: bytes('other') }]
      if ((await etcd.client.call(kv.Txn, { compare })).succeeded === true) holding.push(name)
    }
    return holding
  }

  test('hold by a result that it does not know, but not for the value of a key that is missing', async () => {
    for (const result of unknown) {
      for (const target of [0, 1, 2, 4, 9, -1]) {
        expect(await holdingFor(result, target)).toEqual(Object.keys(keys))
      }
      expect(await holdingFor(result, value)).toEqual(['a key', 'all keys of a range'])
    }
  })

  test('take a target that it does not know as equal', async () => {
    for (const target of unknown.filter((number) => number !== 4)) {
      expect(await holdingFor(equal, target)).toEqual(Object.keys(keys))
      for (const result of [1, 2, 3]) expect(await holdingFor(result, target)).toEqual([])
    }
  })
})

test('compaction removes history', async () => {
  await using etcd = await startEtcd()
  for (const value of ['1', '2', '3'])
    await etcd.client.call(kv.Put, { key: bytes('a'), value: bytes(value) })
  const compacted = await etcd.client.call(kv.Compact, { revision: 3, physical: true })
  expect(compacted.header?.revision).toBe(4)
  const refusal = await etcd.client.refusal(kv.Range, { key: bytes('a'), revision: 2 })
  expect(refusal).toEqual({ code: 11, details: 'etcdserver: mvcc: required revision has been compacted' })
})

test('a streamed range gives one revision in chunks, and counts with the last', async () => {
  await using etcd = await startEtcd({ options: { requestMaxBytes: 1_000 } })
  const keys = Array.from({ length: 100 }, (_, i) => `k${String(i).padStart(3, '0')}`)
  for (const key of keys) await etcd.client.call(kv.Put, { key: bytes(key), value: Buffer.alloc(20) })
  const request = { key: bytes('k'), rangeEnd: bytes('l') }
  const chunks = (await all(etcd.client.serverStream(kv.RangeStream, request))).map(
    ({ rangeResponse }) => rangeResponse,
  )
  expect(chunks.flatMap((chunk) => chunk?.kvs ?? []).map(({ key }) => text(key))).toEqual(keys)
  expect(chunks.length).toBeGreaterThan(3)
  expect(chunks[0]?.kvs).toHaveLength(10)
  expect(chunks.slice(0, -1).every((chunk) => !chunk?.header)).toBe(true)
  expect(chunks.at(-1)).toMatchObject({ count: 100, more: false, header: { revision: 101 } })

  const limited = await all(etcd.client.serverStream(kv.RangeStream, { ...request, limit: 15 }))
  expect(limited.flatMap(({ rangeResponse }) => rangeResponse?.kvs ?? [])).toHaveLength(15)
  expect(limited.at(-1)?.rangeResponse).toMatchObject({ count: 100, more: true })

  const counted = await all(etcd.client.serverStream(kv.RangeStream, { ...request, countOnly: true }))
  expect(counted).toHaveLength(1)
  expect(counted[0]?.rangeResponse).toMatchObject({ count: 100, more: false })
})

test('a streamed range refuses another order', async () => {
  await using etcd = await startEtcd()
  const stream = etcd.client.serverStream(kv.RangeStream, { key: bytes('k'), sortOrder: 1, sortTarget: 3 })
  await expect(all(stream)).rejects.toMatchObject({ code: 12 })
})
