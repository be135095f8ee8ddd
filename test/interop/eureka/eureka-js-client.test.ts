import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Client, type ClientOptions, instanceOf, startClient } from './clients.ts'
import { type EurekaServer, eventually, nextChange, startEureka } from './server.ts'

/** The shortest that Eureka can say. */
const shortLease = { renewalIntervalInSecs: 1, durationInSecs: 1 }

const keyOf = (id: string) => ({ namespace: 'default', service: 'shop', id })

let directory: string
let server: EurekaServer
let clients: Client[]

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'orrery-eureka-'))
  server = await startEureka({ directory, port: 0 })
  clients = []
})

afterEach(async () => {
  for (const client of clients) client.kill()
  await server[Symbol.asyncDispose]()
  await rm(directory, { recursive: true })
})

async function start(options?: ClientOptions): Promise<Client> {
  const client = await startClient(server, options)
  clients.push(client)
  return client
}

describe('eureka-js-client', () => {
  test('registers what its user wrote, and renews it', async () => {
    const client = await start({ instance: instanceOf('a', { metadata: { color: 'red' } }) })
    const registered = server.registry.instance(keyOf('a'))
    expect(registered).toMatchObject({
      host: '127.0.0.1',
      port: 8080,
      protocol: 'http',
      healthy: true,
      metadata: { color: 'red' },
      ttlMs: 90_000,
    })
    await client.next('heartbeat')
    await client.next('heartbeat')
    expect(server.registry.stats().heartbeats).toMatchObject({ unknown: 0 })
    // A heartbeat writes nothing.
    expect(server.registry.instance(keyOf('a'))).toBe(registered)
    await client.stop()
    expect(server.registry.instance(keyOf('a'))).toBeUndefined()
  })

  test.each([true, false])('is discovered by another one, whether it uses deltas: %s', async (usesDelta) => {
    // A port without its envelope is what many users write.
    await start({ instance: instanceOf('a', { port: 9090 }) })
    const observer = await start({ usesDelta })
    const [found, ...others] = observer.eureka.getInstancesByVipAddress('shop.example')
    expect(others).toEqual([])
    expect(found).toMatchObject({
      instanceId: 'a',
      app: 'SHOP',
      hostName: 'a.example',
      ipAddr: '127.0.0.1',
      port: { $: 9090, '@enabled': 'true' },
      vipAddress: 'shop.example',
      status: 'UP',
    })
    expect(observer.eureka.getInstancesByAppId('shop')).toEqual([found])
  })

  test('learns by deltas of what comes, changes and goes', async () => {
    const observer = await start()
    const client = await start({ instance: instanceOf('a') })
    await eventually('a is there', () => observer.statuses('shop')['a.example'] === 'UP')
    await server.registry.update(keyOf('a'), { isolated: true })
    await eventually('a is isolated', () => observer.statuses('shop')['a.example'] === 'OUT_OF_SERVICE')
    await client.stop()
    await eventually('a is gone', () => !('a.example' in observer.statuses('shop')))
    expect(observer.requests.filter((request) => request === 'GET ')).toHaveLength(1)
    expect(new Set(observer.requests)).toEqual(new Set(['GET ', 'GET delta']))
  })

  test('that dies is shown as down, and is evicted', async () => {
    const observer = await start()
    const client = await start({ instance: instanceOf('a', { leaseInfo: shortLease }) })
    const survivor = await start({ instance: instanceOf('b', { leaseInfo: shortLease }) })
    await eventually('both are there', () => Object.keys(observer.statuses('shop')).length === 2)
    const removed = nextChange(server.registry, ({ type }) => type === 'removed')
    client.kill()
    await eventually('a is down', () => observer.statuses('shop')['a.example'] === 'DOWN')
    expect(server.registry.instance(keyOf('a'))).toMatchObject({ healthReason: 'expired' })
    expect(await removed).toMatchObject({ instance: { id: 'a' }, reason: 'evicted' })
    await eventually('only b is left', () => !('a.example' in observer.statuses('shop')))
    expect(observer.statuses('shop')).toEqual({ 'b.example': 'UP' })
    await survivor.next('heartbeat')
  })

  test('registers again by itself when nobody knows of it', async () => {
    const client = await start({ instance: instanceOf('a') })
    const first = server.registry.instance(keyOf('a'))
    const again = client.next('registered')
    await server.registry.deregister(keyOf('a'))
    await again
    const second = server.registry.instance(keyOf('a'))
    expect(second?.createdRevision).toBeGreaterThan(first?.createdRevision ?? Infinity)
    await client.next('heartbeat')
    await client.stop()
  })

  test('goes on after a restart of the server, which has lost nothing', async () => {
    const client = await start({ instance: instanceOf('a') })
    const observer = await start()
    const before = server.registry.instance(keyOf('a'))
    await server[Symbol.asyncDispose]()
    const asked = observer.requests.length
    server = await startEureka({ directory, port: server.port })
    expect(server.registry.instance(keyOf('a'))).toEqual(before)
    await client.next('heartbeat')
    expect(client.requests.filter((request) => request.startsWith('POST'))).toHaveLength(1)
    await eventually('the observer asks again', () => observer.requests.length > asked + 5)
    expect(observer.statuses('shop')).toEqual({ 'a.example': 'UP' })
    expect(server.registry.instance(keyOf('a'))).toEqual(before)
  })
})
