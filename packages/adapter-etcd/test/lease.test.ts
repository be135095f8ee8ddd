import { expect, test } from 'vitest'
import { bytes, kv, lease, Reader, startEtcd, storeWith, text } from './support/loopback.ts'

test('a lease is granted, with the id asked for or one of its own', async () => {
  await using etcd = await startEtcd()
  const chosen = await etcd.client.call(lease.LeaseGrant, { TTL: 60, ID: 2n ** 62n })
  expect(chosen).toMatchObject({ ID: 2n ** 62n, TTL: 60, header: { revision: 1 } })
  const given = await etcd.client.call(lease.LeaseGrant, { TTL: 60 })
  expect(BigInt(given.ID ?? 0)).toBeGreaterThan(0n)
  const refusal = await etcd.client.refusal(lease.LeaseGrant, { TTL: 60, ID: 2n ** 62n })
  expect(refusal).toEqual({ code: 9, details: 'etcdserver: lease already exists' })
})

test.each([1, 0, -5])('a time to live of %i s is raised to the shortest', async (TTL) => {
  await using etcd = await startEtcd()
  expect(await etcd.client.call(lease.LeaseGrant, { TTL })).toMatchObject({ TTL: 2 })
})

test('revoking a lease deletes its keys', async () => {
  await using etcd = await startEtcd()
  await etcd.client.call(lease.LeaseGrant, { TTL: 60, ID: 7 })
  await etcd.client.call(kv.Put, { key: bytes('a'), lease: 7 })
  const revoked = await etcd.client.call(lease.LeaseRevoke, { ID: 7 })
  expect(revoked.header?.revision).toBe(3)
  expect(await etcd.client.call(kv.Range, { key: bytes('a') })).toMatchObject({ count: 0 })
})

test('time to live and keys of a lease can be asked for', async () => {
  await using etcd = await startEtcd()
  await etcd.client.call(lease.LeaseGrant, { TTL: 60, ID: 7 })
  for (const key of ['b', 'a']) await etcd.client.call(kv.Put, { key: bytes(key), lease: 7 })
  const live = await etcd.client.call(lease.LeaseTimeToLive, { ID: 7, keys: true })
  expect(live).toMatchObject({ ID: 7, grantedTTL: 60 })
  expect(Number(live.TTL)).toBeGreaterThan(50)
  expect(live.keys?.map(text)).toEqual(['a', 'b'])
  const withoutKeys = await etcd.client.call(lease.LeaseTimeToLive, { ID: 7 })
  expect(withoutKeys.keys ?? []).toEqual([])
  const unknown = await etcd.client.call(lease.LeaseTimeToLive, { ID: 8 })
  expect(unknown).toMatchObject({ ID: 8, TTL: -1, grantedTTL: 0 })
})

test('leases are listed', async () => {
  await using etcd = await startEtcd()
  for (const [ID, TTL] of [
    [1, 90],
    [2, 30],
    [3, 60],
  ])
    await etcd.client.call(lease.LeaseGrant, { ID, TTL })
  const { leases } = await etcd.client.call(lease.LeaseLeases, {})
  expect(leases?.map(({ ID }) => ID)).toEqual([2, 3, 1])
})

test('a stream renews leases in order, and tells which do not exist', async () => {
  await using etcd = await startEtcd()
  await etcd.client.call(lease.LeaseGrant, { TTL: 60, ID: 7 })
  const stream = etcd.client.bidiStream(lease.LeaseKeepAlive)
  const frames = new Reader(stream)
  stream.write({ ID: 7 })
  expect(await frames.next()).toMatchObject({ ID: 7, TTL: 60, header: { revision: 1 } })
  stream.write({ ID: 8 })
  stream.write({ ID: 7 })
  stream.end()
  expect(await frames.next()).toMatchObject({ ID: 8, TTL: 0 })
  expect(await frames.next()).toMatchObject({ ID: 7, TTL: 60 })
  await expect(frames.next()).rejects.toThrow('the stream ended')
})

test('a fraction of a second counts as a whole one when granted, and not at all when left', async () => {
  const leases = {
    grant: () => Promise.resolve({ id: 7n, ttlMs: 1_500, revision: 1 }),
    timeToLive: () => Promise.resolve({ grantedMs: 1_500, remainingMs: 900 }),
  }
  await using etcd = await startEtcd({ store: storeWith({ leases: leases as never }) })
  expect(await etcd.client.call(lease.LeaseGrant, { TTL: 1 })).toMatchObject({ ID: 7, TTL: 2 })
  const live = await etcd.client.call(lease.LeaseTimeToLive, { ID: 7 })
  expect(live).toMatchObject({ grantedTTL: 2, TTL: 0 })
})
