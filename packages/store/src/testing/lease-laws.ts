import assert from 'node:assert/strict'
import type { Store } from '../store.ts'
import { changes, keysOf, rejectsWith, take, takeEvents, text } from './assertions.ts'
import { law, shortTtlMs } from './conformance-case.ts'

const longTtlMs = 600_000

async function grantWithKeys(store: Store, ...keys: string[]): Promise<bigint> {
  const { id } = await store.leases.grant({ ttlMs: longTtlMs })
  for (const key of keys) await store.put({ key, value: '', lease: id })
  return id
}

async function keysOfLease(store: Store, id: bigint): Promise<(string | undefined)[]> {
  return ((await store.leases.timeToLive(id, { keys: true }))?.keys ?? []).map(text)
}

const grants = [
  law('a grant chooses a positive id, or takes the one that is given', async ({ store }) => {
    const { revision } = store.status()
    const chosen = await store.leases.grant({ ttlMs: longTtlMs })
    assert.ok(chosen.id > 0n && chosen.id < 2n ** 63n)
    assert.deepEqual([chosen.ttlMs, chosen.revision], [longTtlMs, revision])
    assert.equal((await store.leases.grant({ ttlMs: longTtlMs, id: 42n })).id, 42n)
    await rejectsWith(store.leases.grant({ ttlMs: longTtlMs, id: 42n }), 'LEASE_EXISTS')
    assert.notEqual((await store.leases.grant({ ttlMs: longTtlMs, id: 0n })).id, chosen.id)
  }),
  law('an id is 64 bits, whether it is written signed or not', async ({ store }) => {
    const { id } = await store.leases.grant({ ttlMs: longTtlMs, id: 2n ** 64n - 5n })
    assert.equal(id, -5n)
    await store.put({ key: 'a', value: '1', lease: 2n ** 64n - 5n })
    assert.equal((await store.get('a'))?.lease, -5n)
    const compare = { key: 'a', target: 'lease', result: 'equal', value: 2n ** 64n - 5n } as const
    assert.ok((await store.txn({ compare: [compare] })).succeeded)
    assert.equal((await store.leases.keepAlive(2n ** 64n - 5n)).ttlMs, longTtlMs)
    assert.deepEqual(await keysOfLease(store, 2n ** 64n - 5n), ['a'])
    await store.leases.revoke(2n ** 64n - 5n)
    assert.deepEqual(await store.leases.list(), [])
  }),
  law(
    'a time to live below the minimum is raised to it, one above the maximum refused',
    async ({ store }) => {
      for (const ttlMs of [1, 0, -1]) {
        const { ttlMs: granted } = await store.leases.grant({ ttlMs })
        assert.ok(granted >= shortTtlMs)
      }
      await rejectsWith(store.leases.grant({ ttlMs: 9_000_000_000_001 }), 'LEASE_TTL_TOO_LARGE')
      await rejectsWith(store.leases.grant({ ttlMs: 2 ** 63 }), 'LEASE_TTL_TOO_LARGE')
      await rejectsWith(store.leases.grant({ ttlMs: 5_000_000.5 }), 'LEASE_TTL_INVALID')
      await rejectsWith(store.leases.grant({ ttlMs: Number.NaN }), 'LEASE_TTL_INVALID')
    },
  ),
  law('the list has all leases, the next to expire first', async ({ store }) => {
    assert.deepEqual(await store.leases.list(), [])
    await store.leases.grant({ ttlMs: longTtlMs * 3, id: 3n })
    await store.leases.grant({ ttlMs: longTtlMs, id: 1n })
    await store.leases.grant({ ttlMs: longTtlMs * 2, id: 2n })
    assert.deepEqual(await store.leases.list(), [1n, 2n, 3n])
  }),
]

const attachments = [
  law('a lease knows its keys, in order', async ({ store }) => {
    const id = await grantWithKeys(store, 'c', 'a', 'b')
    const found = await store.leases.timeToLive(id)
    assert.equal(found?.grantedMs, longTtlMs)
    assert.ok(found.remainingMs > 0 && found.remainingMs <= longTtlMs)
    assert.equal(found.keys, undefined)
    assert.deepEqual(await keysOfLease(store, id), ['a', 'b', 'c'])
    assert.equal((await store.get('a'))?.lease, id)
    assert.equal(await store.leases.timeToLive(4_711n, { keys: true }), undefined)
  }),
  law('a put moves or detaches its key, and a deletion detaches it', async ({ store }) => {
    const first = await grantWithKeys(store, 'a', 'b', 'c')
    const second = await grantWithKeys(store, 'a')
    await store.put({ key: 'b', value: '' })
    await store.deleteRange({ key: 'c' })
    assert.deepEqual(await keysOfLease(store, first), [])
    assert.deepEqual(await keysOfLease(store, second), ['a'])
    await store.leases.revoke(first)
    assert.deepEqual(keysOf((await store.range({ key: '\0', rangeEnd: '\0' })).kvs), ['a', 'b'])
  }),
  law('a txn attaches keys as well', async ({ store }) => {
    const id = await grantWithKeys(store)
    await store.txn({ success: [{ type: 'put', key: 'a', value: '', lease: id }] })
    assert.deepEqual(await keysOfLease(store, id), ['a'])
  }),
]

const ends = [
  law('a revoked lease takes its keys along, in one revision', async ({ store }) => {
    const id = await grantWithKeys(store, 'b', 'a')
    await store.put({ key: 'x', value: '' })
    await using watch = store.watch({ key: '\0', rangeEnd: '\0' })
    const { revision } = await store.leases.revoke(id)
    const batch = await take(watch[Symbol.asyncIterator]())
    assert.deepEqual([changes(batch.events), batch.revision], [['-a', '-b'], revision])
    assert.deepEqual(keysOf((await store.range({ key: '\0', rangeEnd: '\0' })).kvs), ['x'])
    assert.equal(await store.leases.timeToLive(id), undefined)
    await rejectsWith(store.leases.revoke(id), 'LEASE_NOT_FOUND')
    await rejectsWith(store.leases.keepAlive(id), 'LEASE_NOT_FOUND')
    await rejectsWith(store.put({ key: 'a', value: '', lease: id }), 'MVCC_LEASE_NOT_FOUND')
  }),
  law('the revocation of a lease without keys makes no revision', async ({ store }) => {
    const id = await grantWithKeys(store)
    const { revision } = store.status()
    assert.equal((await store.leases.revoke(id)).revision, revision)
  }),
  law(
    'a lease with very many keys loses them in several revisions',
    async ({ store }) => {
      const keys = Array.from({ length: 10 }, (_, n) => `k${n}`)
      const id = await grantWithKeys(store, ...keys)
      const base = store.status().revision
      const revoking = store.leases.revoke(id)
      // In the middle of its end, its keys may keep it as long as they are there, and no other may get it.
      const kept = await Promise.allSettled(
        keys.map((key) => store.put({ key, value: '1', ignoreLease: true })),
      )
      assert.deepEqual([...new Set(kept.map(({ status }) => status))].sort(), ['fulfilled', 'rejected'])
      await rejectsWith(store.put({ key: 'new', value: '', lease: id }), 'MVCC_LEASE_NOT_FOUND')
      await revoking
      const { revision } = store.status()
      assert.ok(revision > base + 2, `${revision - base} revisions`)
      assert.deepEqual(keysOf((await store.range({ key: '\0', rangeEnd: '\0' })).kvs), [])
      await using watch = store.watch({ key: 'k', rangeEnd: 'l', startRevision: base + 1 })
      const puts = kept.filter(({ status }) => status === 'fulfilled').length
      const events = await takeEvents(watch[Symbol.asyncIterator](), 10 + puts)
      assert.equal(new Set(events.map(({ kv }) => kv.modRevision)).size, revision - base)
    },
    { options: { leaseRevokeMaxKeys: 3 }, needs: ['options'] },
  ),
  law('callers who revoke the same lease share the work', async ({ store }) => {
    const id = await grantWithKeys(store, 'a')
    const base = store.status().revision
    const controller = new AbortController()
    const first = store.leases.revoke(id, { signal: controller.signal })
    const second = store.leases.revoke(id)
    controller.abort(new Error('not interested'))
    await assert.rejects(first, /not interested/)
    assert.equal((await second).revision, base + 1)
  }),
  law('a lease that nobody renews expires with its keys', async ({ store, elapse }) => {
    await using watch = store.watch({ key: 'a' })
    const { id } = await store.leases.grant({ ttlMs: shortTtlMs })
    await store.put({ key: 'a', value: '', lease: id })
    const seen = takeEvents(watch[Symbol.asyncIterator](), 2)
    await elapse(5_000)
    assert.deepEqual(changes(await seen), ['+a=', '-a'])
    assert.equal(await store.leases.timeToLive(id), undefined)
    await rejectsWith(store.leases.keepAlive(id), 'LEASE_NOT_FOUND')
  }),
  law('a renewal gives the full time again', async ({ store, elapse }) => {
    const { id } = await store.leases.grant({ ttlMs: longTtlMs })
    await elapse(longTtlMs / 2)
    assert.deepEqual(await store.leases.keepAlive(id), { ttlMs: longTtlMs })
    await elapse(longTtlMs / 2 + 1_000)
    const left = await store.leases.timeToLive(id)
    assert.ok(left !== undefined && left.remainingMs > 0 && left.remainingMs <= longTtlMs)
    await rejectsWith(store.leases.keepAlive(815n), 'LEASE_NOT_FOUND')
  }),
]

export const leaseLaws = [...grants, ...attachments, ...ends]
