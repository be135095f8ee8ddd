import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Etcd3, EtcdLeaseInvalidError, type Lease, type Namespace, type Watcher } from 'etcd3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type EtcdLikeServer, memoryDirectory, startEtcd } from './servers/etcd.ts'
import { startOrrery } from './servers/orrery.ts'

/** Leases in seconds; the client renews them after a third of that. */
const ttlSeconds = 30

const kinds = [
  ['etcd', () => startEtcd()],
  ['Orrery', () => startOrrery()],
  ['Orrery on grpc-js', () => startOrrery({ grpcServer: 'grpc-js' })],
] as const

/** Waits for the next change that a watcher reports, as text. */
async function nextPut(watcher: Watcher): Promise<string> {
  const [kv] = (await once(watcher, 'put')) as { readonly key: Buffer; readonly value: Buffer }[]
  return `${kv?.key.toString() ?? ''}=${kv?.value.toString() ?? ''}`
}

/** Waits until something has happened that the client does not announce. */
async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await nextTurn()
}

// Both servers must pass the same tests, so that none of them asks for more than etcd does.
describe.each(kinds)('the npm client etcd3 with %s', (_name, start) => {
  let server: EtcdLikeServer
  let client: Etcd3

  beforeAll(async () => {
    server = await start()
    client = new Etcd3({ hosts: server.url })
  })

  afterAll(async () => {
    client.close()
    await server[Symbol.asyncDispose]()
  })

  test('puts, reads and deletes', async () => {
    await client.put('crud/a').value('1')
    await client.put('crud/b').value(2)
    await client.put('crud/c').value(Buffer.from([0, 255]))
    expect(await client.get('crud/a').string()).toBe('1')
    expect(await client.get('crud/b').number()).toBe(2)
    expect(await client.get('crud/c').buffer()).toEqual(Buffer.from([0, 255]))
    expect(await client.get('crud/none').string()).toBeNull()
    expect(await client.get('crud/a').exists()).toBe(true)
    expect(await client.getAll().prefix('crud/').keys()).toEqual(['crud/a', 'crud/b', 'crud/c'])
    expect(await client.getAll().prefix('crud/').limit(2).strings()).toEqual({ 'crud/a': '1', 'crud/b': '2' })
    expect(await client.getAll().prefix('crud/').sort('Key', 'Descend').keys()).toEqual([
      'crud/c',
      'crud/b',
      'crud/a',
    ])
    expect(await client.getAll().prefix('crud/').count()).toBe(3)
    const previous = await client.put('crud/a').value('new').getPrevious()
    expect(previous.value.toString()).toBe('1')
    expect((await client.delete().key('crud/a').getPrevious()).map(({ key }) => key.toString())).toEqual([
      'crud/a',
    ])
    expect((await client.delete().prefix('crud/')).deleted).toBe('2')
  })

  test('keeps namespaces apart', async () => {
    const space: Namespace = client.namespace('space/')
    await space.put('key').value('inside')
    expect(await client.get('space/key').string()).toBe('inside')
    expect(await space.getAll().strings()).toEqual({ key: 'inside' })
    await space.delete().prefix('')
    expect(await client.get('space/key').exists()).toBe(false)
  })

  test('runs transactions: if, then, else', async () => {
    await client.put('txn/a').value('1')
    const run = (expected: string): Promise<{ succeeded: boolean }> =>
      client
        .if('txn/a', 'Value', '==', expected)
        .and('txn/a', 'Version', '>', 0)
        .then(client.put('txn/a').value('2'), client.get('txn/a'))
        .else(client.get('txn/a'))
        .commit()
    expect((await run('1')).succeeded).toBe(true)
    expect((await run('1')).succeeded).toBe(false)
    expect(await client.get('txn/a').string()).toBe('2')
  })

  test('runs software transactional memory without losing an update', async () => {
    await client.put('stm/sum').value(0)
    const add = (): Promise<unknown> =>
      client.stm({ retries: 100 }).transact(async (tx) => {
        const sum = await tx.get('stm/sum').number()
        await tx.put('stm/sum').value((sum ?? 0) + 1)
      })
    await Promise.all(Array.from({ length: 12 }, add))
    expect(await client.get('stm/sum').number()).toBe(12)
  })

  test('keeps a lease alive, and removes its keys with it', async () => {
    const lease: Lease = client.lease(ttlSeconds)
    await lease.put('lease/key').value('1')
    await lease.keepaliveOnce()
    const remaining = await client.leaseClient.leaseTimeToLive({ ID: await lease.grant(), keys: true })
    expect({ grantedTTL: remaining.grantedTTL, keys: remaining.keys.map(String) }).toEqual({
      grantedTTL: String(ttlSeconds),
      keys: ['lease/key'],
    })
    await lease.revoke()
    expect(await client.get('lease/key').exists()).toBe(false)
  })

  test('learns that a lease is lost', async () => {
    const lease = client.lease(ttlSeconds)
    const id = await lease.grant()
    const lost = once(lease, 'lost')
    await client.leaseClient.leaseRevoke({ ID: id })
    await lease.keepaliveOnce().catch(() => undefined)
    const [error] = (await lost) as unknown[]
    expect(error).toBeInstanceOf(EtcdLeaseInvalidError)
  })

  test('locks: one at a time', async () => {
    const order: string[] = []
    const first = client.lock('mutex')
    await first.acquire()
    await expect(client.lock('mutex').acquire()).rejects.toThrow()
    order.push('first')
    await first.release()
    await client.lock('mutex').do(() => {
      order.push('second')
    })
    expect(order).toEqual(['first', 'second'])
  })

  test('elects a leader, and the next one when it resigns', async () => {
    const election = client.election('poll', ttlSeconds)
    const observer = await election.observe()
    const first = election.campaign('first')
    await once(first, 'elected')
    await eventually(() => observer.leader() === 'first')
    const second = election.campaign('second')
    await first.resign()
    await once(second, 'elected')
    expect(await election.leader()).toBe('second')
    await second.resign()
    await observer.cancel()
  })

  test('watches a key and a prefix, from now and from the past', async () => {
    const now = await client.watch().key('watch/a').create()
    const prefix = await client.watch().prefix('watch/').withPreviousKV().create()
    const seen = [nextPut(now), nextPut(prefix)]
    const { header } = await client.put('watch/a').value('1')
    expect(await Promise.all(seen)).toEqual(['watch/a=1', 'watch/a=1'])
    const past = client.watch().key('watch/a').startRevision(header.revision).watcher()
    expect(await nextPut(past)).toBe('watch/a=1')
    const deleted = once(prefix, 'delete')
    await client.delete().key('watch/a')
    const [, before] = (await deleted) as { readonly value: Buffer }[]
    expect(before?.value.toString()).toBe('1')
    await Promise.all([now.cancel(), prefix.cancel(), past.cancel()])
  })

  test('reads ranges and maintenance answers', async () => {
    await client.put('range/x').value('1')
    expect(await client.getAll().inRange({ start: 'range/', end: 'range0' }).keys()).toEqual(['range/x'])
    const status = await client.maintenance.status()
    expect(Number(status.header.revision)).toBeGreaterThan(1)
    expect((await client.cluster.memberList({})).members.map(({ name }) => name)).toEqual(['default'])
  })
})

describe.each([
  ['etcd', startEtcd],
  ['Orrery', startOrrery],
] as const)('after a restart of %s', (_name, start) => {
  test('a watch goes on without losing or repeating a change', async () => {
    const directory = await memoryDirectory('restart')
    try {
      const first = await start({ directory })
      const client = new Etcd3({ hosts: first.url })
      const watcher = await client.watch().prefix('k').create()
      const seen: string[] = []
      watcher.on('put', (kv) => seen.push(kv.value.toString()))
      await client.put('k1').value('before')
      await eventually(() => seen.length > 0)
      const port = Number(first.endpoint.split(':')[1])
      await first.stop('SIGKILL')
      await using second = await start({ directory, port })
      const other = new Etcd3({ hosts: second.url })
      await other.put('k2').value('after')
      await eventually(() => seen.length > 1)
      expect(seen).toEqual(['before', 'after'])
      await watcher.cancel()
      client.close()
      other.close()
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  })
})
