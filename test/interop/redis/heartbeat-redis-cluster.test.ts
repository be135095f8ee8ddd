import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRedisHeartbeatStore, redisHeartbeatStoreDefaults } from '@orrery/heartbeat-redis'
import { heartbeatStoreConformance } from '@orrery/registry/testing'
import { Cluster } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePorts } from '../../free-ports.ts'
import { startProcess } from '../servers/child.ts'
import { quick, recovered, subjectsOf, unavailable } from './heartbeats.ts'
import { startRedis, startRedisCluster, until } from './redis-server.ts'

const { keyPrefix } = redisHeartbeatStoreDefaults

describe('on a Redis Cluster of three:', () => {
  let cluster: Awaited<ReturnType<typeof startRedisCluster>>
  beforeAll(async () => {
    cluster = await startRedisCluster()
  })
  afterAll(() => cluster[Symbol.asyncDispose]())
  const nodes = () => cluster.servers.map(({ port }) => ({ host: '127.0.0.1', port }))

  const cases = heartbeatStoreConformance.filter(({ needs }) => needs.length === 0)
  test.each(cases)('$name', async ({ name, run }) => {
    await run({
      open: () =>
        Promise.resolve(
          createRedisHeartbeatStore(
            { redis: { cluster: { nodes: nodes() } } },
            { commandTimeoutMs: 5_000, keyPrefix: `${name}:` },
          ),
        ),
    })
  })

  test('keys are on all servers, and are found where they moved to', async () => {
    const store = createRedisHeartbeatStore({ redis: { cluster: { nodes: nodes().slice(0, 1) } } })
    const subjects = subjectsOf(300)
    await store.record(subjects)
    const clients = cluster.servers.map((server) => server.client())
    const sizes = await Promise.all(clients.map((client) => client.dbsize()))
    expect(sizes.every((size) => size > 50)).toBe(true)
    // A slot without keys goes to another server: who does not know yet is told by the old one.
    const [from, to] = clients
    const id = String(await to?.call('cluster', ['myid']))
    const slot = Number(await from?.call('cluster', ['keyslot', `${keyPrefix}moves`]))
    const owner = clients[slot < 5_461 ? 0 : slot < 10_923 ? 1 : 2]
    await owner?.call('cluster', ['setslot', slot, 'node', id])
    for (const client of clients) await client.call('cluster', ['setslot', slot, 'node', id])
    await store.record(['moves'])
    expect((await store.latest(['moves', ...subjects])).includes(undefined)).toBe(false)
    await store.close()
  })

  test('a store needs no more rights than its README says', async () => {
    const readme = await readFile('packages/heartbeat-redis/README.md', 'utf8')
    const rights = /^ACL SETUSER heartbeats on >secret (.*)$/m.exec(readme)?.[1]?.split(' ') ?? []
    const more = /In a Redis Cluster add `([^`]*)`/.exec(readme)?.[1]?.split(' ') ?? []
    expect(more.length).toBeGreaterThan(0)
    const user = ['setuser', 'heartbeats', 'on', '>secret', ...rights, ...more]
    for (const server of cluster.servers) await server.client().call('acl', user)
    const redis = { cluster: { nodes: nodes() }, username: 'heartbeats', password: 'secret' }
    const store = createRedisHeartbeatStore({ redis })
    const subjects = subjectsOf(20)
    await store.record(subjects)
    expect((await store.latest(subjects)).includes(undefined)).toBe(false)
    await store.remove(subjects)
    await store.close()
  })

  test('a client of the host is used, and stays open', async () => {
    const client = new Cluster(nodes(), { lazyConnect: true })
    const store = createRedisHeartbeatStore({ redis: client })
    await store.record(['a', 'b'])
    expect((await store.latest(['a', 'b'])).includes(undefined)).toBe(false)
    await store.close()
    expect(client.status).toBe('ready')
    client.disconnect()
    await once(client, 'end')
  })

  test('calls fail in their time while one of the servers hangs, and succeed again with it', async () => {
    const store = createRedisHeartbeatStore({ redis: { cluster: { nodes: nodes() } } }, quick)
    const subjects = subjectsOf(50)
    await store.record(subjects)
    cluster.servers[2]?.signal('SIGSTOP')
    await expect(store.latest(subjects)).rejects.toMatchObject(unavailable)
    await expect(store.record(subjects)).rejects.toMatchObject(unavailable)
    expect(store.available).toBe(false)
    cluster.servers[2]?.signal('SIGCONT')
    await recovered(store, subjects)
    expect((await store.latest(subjects)).includes(undefined)).toBe(false)
    await store.close()
  })
})

test('a store that sentinels lead to its Redis follows a failover', async () => {
  await using first = await startRedis()
  await using second = await startRedis({ args: ['--replicaof', '127.0.0.1', `${first.port}`] })
  const [port = 0] = await freePorts(1)
  const directory = await mkdtemp(join(tmpdir(), 'orrery-sentinel-'))
  const file = join(directory, 'sentinel.conf')
  const lines = [
    `port ${port}`,
    `bind 127.0.0.1`,
    `dir ${directory}`,
    `sentinel monitor main 127.0.0.1 ${first.port} 1`,
  ]
  await writeFile(file, [...lines, 'sentinel failover-timeout main 5000', ''].join('\n'))
  await using sentinel = await startProcess('redis-server', [file, '--sentinel'], {
    debianPackage: 'redis-server',
  })
  const asked = first.client({ port })
  await until(async () => {
    const replicas = (await asked.call('sentinel', ['replicas', 'main']).catch(() => [])) as unknown[]
    return replicas.length === 1 && String(replicas[0]).includes('ok')
  })
  const redis = { sentinels: [{ host: '127.0.0.1', port }], name: 'main' }
  const store = createRedisHeartbeatStore({ redis }, quick)
  await store.record(['a'])
  await until(async () => (await asked.call('sentinel', ['failover', 'main']).catch(() => '')) === 'OK')
  await until(async () => (await second.client().info('replication')).includes('role:master'))
  await until(async () => (await first.client().info('replication')).includes('role:slave'))
  await recovered(store)
  expect(await second.client().get(`${keyPrefix}recovered`)).toMatch(/^\d+:/)
  expect(store.available).toBe(true)
  await store.close()
  expect(sentinel.pid).toBeGreaterThan(0)
  await rm(directory, { recursive: true, force: true })
})
