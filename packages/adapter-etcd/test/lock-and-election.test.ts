import { describe, expect, test } from 'vitest'
import {
  bytes,
  election,
  kv,
  lease,
  lock,
  Reader,
  refusalOf,
  startEtcd,
  text,
  type Etcd,
} from './support/loopback.ts'

async function grant({ client }: Etcd, ...ids: number[]): Promise<void> {
  for (const ID of ids) await client.call(lease.LeaseGrant, { TTL: 60, ID })
}

/** Resolves when so many keys exist below a name: that many callers hold it or wait for it. */
async function waiters({ store }: Etcd, name: string, count: number): Promise<void> {
  for await (const keys of counts()) if (keys === count) return

  async function* counts(): AsyncGenerator<number> {
    await using watch = store.watch({ key: `${name}/`, rangeEnd: `${name}0` })
    const countKeys = async (): Promise<number> =>
      (await store.range({ key: `${name}/`, rangeEnd: `${name}0`, countOnly: true })).count
    yield await countKeys()
    for await (const batch of watch) if (batch.events.length > 0) yield await countKeys()
  }
}

describe('a lock', () => {
  test('is held by one at a time, in the order of asking', async () => {
    await using etcd = await startEtcd()
    await grant(etcd, 0xa, 0xb, 0xc)
    const first = await etcd.client.call(lock.Lock, { name: bytes('l'), lease: 0xa })
    expect(text(first.key)).toBe('l/a')
    const order: string[] = []
    const wait = (id: number): Promise<void> =>
      etcd.client.call(lock.Lock, { name: bytes('l'), lease: id }).then(({ key }) => {
        order.push(text(key))
      })
    const second = wait(0xc)
    await waiters(etcd, 'l', 2)
    const third = wait(0xb)
    await waiters(etcd, 'l', 3)
    expect(order).toEqual([])
    await etcd.client.call(lock.Unlock, { key: first.key })
    await second
    await etcd.client.call(lock.Unlock, { key: bytes('l/c') })
    await third
    expect(order).toEqual(['l/c', 'l/b'])
  })

  test('that one lease holds already is held', async () => {
    await using etcd = await startEtcd()
    await grant(etcd, 0xa)
    const once = await etcd.client.call(lock.Lock, { name: bytes('l'), lease: 0xa })
    const again = await etcd.client.call(lock.Lock, { name: bytes('l'), lease: 0xa })
    expect(again.key).toEqual(once.key)
  })

  test('without a lease gets one of a minute', async () => {
    await using etcd = await startEtcd()
    const { key } = await etcd.client.call(lock.Lock, { name: bytes('l') })
    const [id] = await etcd.store.leases.list()
    expect(text(key)).toBe(`l/${(id ?? 0n).toString(16)}`)
    expect(await etcd.store.leases.timeToLive(id ?? 0n)).toMatchObject({ grantedMs: 60_000 })
  })

  test('passes on when the lease of its holder ends', async () => {
    await using etcd = await startEtcd()
    await grant(etcd, 0xa, 0xb)
    await etcd.client.call(lock.Lock, { name: bytes('l'), lease: 0xa })
    const next = etcd.client.call(lock.Lock, { name: bytes('l'), lease: 0xb })
    await waiters(etcd, 'l', 2)
    await etcd.client.call(lease.LeaseRevoke, { ID: 0xa })
    expect(text((await next).key)).toBe('l/b')
  })

  test('is not given to one whose own lease ended while it waited', async () => {
    await using etcd = await startEtcd()
    await grant(etcd, 0xa, 0xb)
    await etcd.client.call(lock.Lock, { name: bytes('l'), lease: 0xa })
    const next = etcd.client.refusal(lock.Lock, { name: bytes('l'), lease: 0xb })
    await waiters(etcd, 'l', 2)
    await etcd.client.call(lease.LeaseRevoke, { ID: 0xb })
    await etcd.client.call(lock.Unlock, { key: bytes('l/a') })
    expect(await next).toEqual({ code: 2, details: 'mutex: session is expired' })
  })

  test('is no longer waited for by a caller that gave up', async () => {
    await using etcd = await startEtcd()
    await grant(etcd, 0xa, 0xb)
    await etcd.client.call(lock.Lock, { name: bytes('l'), lease: 0xa })
    const controller = new AbortController()
    const given = etcd.client
      .call(lock.Lock, { name: bytes('l'), lease: 0xb }, { signal: controller.signal })
      .catch(refusalOf)
    await waiters(etcd, 'l', 2)
    controller.abort()
    expect(await given).toMatchObject({ code: 1 })
    await waiters(etcd, 'l', 1)
    expect(await etcd.store.get('l/b')).toBeUndefined()
    expect(await etcd.store.get('l/a')).toBeDefined()
  })

  test('needs a lease that exists, or is refused without the status of that', async () => {
    await using etcd = await startEtcd()
    expect(await etcd.client.refusal(lock.Lock, { name: bytes('l'), lease: 5 })).toEqual({
      code: 2,
      details: 'etcdserver: requested lease not found',
    })
    const noKey = { code: 2, details: 'etcdserver: key is not provided' }
    expect(await etcd.client.refusal(lock.Unlock, {})).toEqual(noKey)
  })
})

describe('an election', () => {
  const name = bytes('e')

  test('has one leader at a time, who may speak and resign', async () => {
    await using etcd = await startEtcd()
    await grant(etcd, 0xa, 0xb)
    const { leader } = await etcd.client.call(election.Campaign, { name, lease: 0xa, value: bytes('one') })
    expect([text(leader?.name), text(leader?.key), leader?.lease]).toEqual(['e', 'e/a', 0xa])
    const next = etcd.client.call(election.Campaign, { name, lease: 0xb, value: bytes('two') })
    await waiters(etcd, 'e', 2)
    await etcd.client.call(election.Proclaim, { leader, value: bytes('uno') })
    const current = await etcd.client.call(election.Leader, { name })
    expect([text(current.kv?.key), text(current.kv?.value)]).toEqual(['e/a', 'uno'])
    expect(current.kv?.lease).toBe(0xa)

    await etcd.client.call(election.Resign, { leader })
    expect(text((await next).leader?.key)).toBe('e/b')
    expect(await etcd.client.refusal(election.Proclaim, { leader, value: bytes('uno') })).toEqual({
      code: 2,
      details: 'election: not leader',
    })
    // Who does not lead has nothing to resign from.
    await etcd.client.call(election.Resign, { leader })
    expect(text((await etcd.client.call(election.Leader, { name })).kv?.value)).toBe('two')
  })

  test('without candidates has no leader', async () => {
    await using etcd = await startEtcd()
    expect(await etcd.client.refusal(election.Leader, { name })).toEqual({
      code: 2,
      details: 'election: no leader',
    })
    const required = { code: 2, details: '"leader" field must be provided' }
    expect(await etcd.client.refusal(election.Proclaim, {})).toEqual(required)
    expect(await etcd.client.refusal(election.Resign, {})).toEqual(required)
  })

  test('takes the new value of one who campaigns again', async () => {
    await using etcd = await startEtcd()
    await grant(etcd, 0xa)
    const first = await etcd.client.call(election.Campaign, { name, lease: 0xa, value: bytes('one') })
    const again = await etcd.client.call(election.Campaign, { name, lease: 0xa, value: bytes('two') })
    expect(again.leader?.rev).toBe(first.leader?.rev)
    expect(text((await etcd.client.call(election.Leader, { name })).kv?.value)).toBe('two')
  })

  test('forgets a candidate that gave up', async () => {
    await using etcd = await startEtcd()
    await grant(etcd, 0xa, 0xb)
    await etcd.client.call(election.Campaign, { name, lease: 0xa })
    const controller = new AbortController()
    const given = etcd.client
      .call(election.Campaign, { name, lease: 0xb }, { signal: controller.signal })
      .catch(refusalOf)
    await waiters(etcd, 'e', 2)
    controller.abort()
    expect(await given).toMatchObject({ code: 1 })
    await waiters(etcd, 'e', 1)
    expect(await etcd.store.get('e/b')).toBeUndefined()
  })

  test('is observed: each leader, and each thing it says', async () => {
    await using etcd = await startEtcd()
    await grant(etcd, 0xa, 0xb)
    const stream = etcd.client.serverStream(election.Observe, { name })
    stream.on('error', () => {})
    const seen = new Reader(stream)
    const next = async (): Promise<string> => {
      const { kv: leader } = await seen.next()
      return `${text(leader?.key)} ${text(leader?.value)}`
    }
    const first = await etcd.client.call(election.Campaign, { name, lease: 0xa, value: bytes('one') })
    expect(await next()).toBe('e/a one')
    await etcd.client.call(election.Proclaim, { leader: first.leader, value: bytes('uno') })
    expect(await next()).toBe('e/a uno')
    await etcd.client.call(election.Resign, { leader: first.leader })
    await etcd.client.call(election.Campaign, { name, lease: 0xb, value: bytes('two') })
    expect(await next()).toBe('e/b two')
    stream.cancel()
    await etcd.client.call(kv.DeleteRange, { key: bytes('e/b') })
  })
})
