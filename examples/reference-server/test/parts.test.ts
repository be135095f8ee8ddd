import { systemEnvironment } from '@orrery/environment/system'
import { createManualEnvironment } from '@orrery/environment/testing'
import { createMemoryStore } from '@orrery/store'
import { createRegistry, type Registry, RegistryError } from '@orrery/registry'
import { describe, expect, test } from 'vitest'
import { createClientLimits } from '../src/client-limits.ts'
import { createConfigPart } from '../src/config-part.ts'
import { createHeartbeatWay, redisConnectionOf } from '../src/heartbeat-way.ts'
import { registerOwnServices } from '../src/own-services.ts'
import { createRegistryPart } from '../src/registry-part.ts'
import { StartedParts } from '../src/started-parts.ts'
import { alone } from './server-options.ts'

describe('started parts', () => {
  const recorder = () => {
    const closed: string[] = []
    const part = (name: string) => ({ close: () => Promise.resolve(void closed.push(name)) })
    return { closed, part }
  }

  test('close in reverse, once', async () => {
    const { closed, part } = recorder()
    const parts = new StartedParts()
    parts.add(part('a'))
    parts.add(part('b'))
    await Promise.all([parts.close(), parts.close()])
    await parts.close()
    expect(closed).toEqual(['b', 'a'])
  })

  test('that come after the closing began are closed too', async () => {
    const { closed, part } = recorder()
    const parts = new StartedParts()
    await parts.close()
    expect(() => parts.add(part('late'))).toThrow('SERVER_CLOSED')
    await parts.closeAfterFailure()
    expect(closed).toEqual(['late'])
  })
})

describe('refused connections', () => {
  test('are logged together, at most every ten seconds', () => {
    const environment = createManualEnvironment()
    const { clock, logger } = environment
    const limits = createClientLimits({ totalMax: Infinity, perHostMax: 1, allow: [] }, environment)
    const arrive = (remoteAddress: string): void =>
      void limits.admit({ remoteAddress, listener: 'etcd', close: () => undefined })
    for (let count = 0; count < 4; count++) arrive('10.0.0.1')
    clock.advance(9_999)
    arrive('10.0.0.1')
    clock.advance(1)
    arrive('10.0.0.1')
    const about = { reason: 'perHost', listener: 'etcd', host: '10.0.0.1' }
    expect(logger.lines).toEqual([
      { level: 'warn', message: 'connections are refused', fields: { refused: 1, ...about } },
      { level: 'warn', message: 'connections are refused', fields: { refused: 4, ...about } },
    ])
    expect(clock.pending).toBe(0)
  })
})

describe('heartbeats', () => {
  const peer = { advertiseHttp: undefined, heartbeatRedis: undefined, peerAddress: '10.0.0.1:2380' }

  test.each([
    ['redis://h:7000', { host: 'h', port: 7_000 }],
    ['redis://[::1]', { host: '::1', port: 6_379 }],
    ['rediss://u:p%40ss@h/3', { host: 'h', port: 6_379, username: 'u', password: 'p@ss', db: 3, tls: {} }],
    ['redis://:secret@h:1', { host: 'h', port: 1, password: 'secret' }],
  ])('go to %s', (url, connection) => {
    expect(redisConnectionOf(url)).toEqual(connection)
  })

  test.each([
    [{ host: '127.0.0.1', port: 8_090 }, undefined, '127.0.0.1:8090', 1],
    [{ host: '::1', port: 8_090 }, undefined, '[::1]:8090', 1],
    [{ host: '10.0.0.1', port: 8_090 }, undefined, '10.0.0.1:8090', 0],
    [{ host: '127.0.0.1', port: 8_090 }, 'h:1', 'h:1', 0],
  ])('from others come to %j, or %s', async (http, advertiseHttp, address, warnings) => {
    const environment = createManualEnvironment()
    const way = createHeartbeatWay({ ...peer, http, advertiseHttp }, environment)
    expect(way.heartbeats).toMatchObject({ type: 'forwarded', peers: { address } })
    expect(environment.logger.lines).toHaveLength(warnings)
    await way.close()
  })

  test('of members on one machine need no other address', async () => {
    const environment = createManualEnvironment()
    const http = { host: '127.0.0.1', port: 8_090 }
    const way = createHeartbeatWay({ ...peer, peerAddress: '127.0.0.1:2380', http }, environment)
    expect(environment.logger.lines).toEqual([])
    await way.close()
  })
})

describe('the registry of a member', () => {
  test('waits for its turn, and stops waiting when the server closes', async () => {
    const environment = systemEnvironment()
    await using store = createMemoryStore()
    const queue = { key: 'registry/start/default/', rangeEnd: 'registry/start/default0' }
    await store.put({ key: `${queue.key}1`, value: '{}' })
    const http = { host: '127.0.0.1', port: 1 }
    const create = () =>
      createRegistryPart(
        { store, environment, http, peerAddress: '127.0.0.1:2' },
        { name: 'a', peer: { ...alone, startsInOrder: true } },
      )
    const ending = new AbortController()
    const part = create()
    const started = part.start(ending)
    const outcome = started.catch((error: unknown) => error)
    await expect.poll(async () => (await store.range(queue)).count).toBe(2)
    expect(part.registry.state).toBe('created')
    ending.abort('the end')
    expect(await outcome).toBe('the end')
    await part.close()
    expect((await store.range(queue)).count).toBe(1)

    const next = create()
    const turn = next.start(new AbortController())
    await expect.poll(async () => (await store.range(queue)).count).toBe(2)
    await store.deleteRange({ key: `${queue.key}1` })
    await turn
    expect(next.registry.checkers()).toMatchObject([{ self: true, address: '127.0.0.1:1' }])
    await next.close()
  })

  test('says why it cannot start', async () => {
    const store = createMemoryStore()
    const part = createRegistryPart(
      { store, environment: systemEnvironment(), http: undefined, peerAddress: undefined },
      { name: 'a', peer: undefined },
    )
    await store.close()
    await expect(part.start(new AbortController())).rejects.toMatchObject({
      code: 'SERVER_REGISTRY_UNAVAILABLE',
      reason: expect.stringMatching(/^the registry cannot start: [^A-Z]/) as string,
    })
    await part.close()
  })
})

describe('the configuration hub of a member', () => {
  const settings = {
    keyFile: undefined,
    contentMaxBytes: 1_024,
    releasesMaxItems: 2,
    auditMaxAgeMs: Infinity,
  }

  test('says why it cannot start', async () => {
    const store = createMemoryStore()
    const part = createConfigPart({ store, environment: systemEnvironment(), keys: undefined }, settings)
    await store.close()
    await expect(part.start(new AbortController())).rejects.toMatchObject({
      code: 'SERVER_CONFIG_HUB_UNAVAILABLE',
      reason: expect.stringMatching(/^the configuration hub cannot start: [^A-Z]/) as string,
    })
    await part.close()
  })

  test('does not go on starting when the server closes', async () => {
    await using store = createMemoryStore()
    const part = createConfigPart({ store, environment: systemEnvironment(), keys: undefined }, settings)
    const ending = new AbortController()
    ending.abort('the end')
    await expect(part.start(ending)).rejects.toBe('the end')
    await part.close()
  })
})

describe('own services', () => {
  const addresses = { http: { host: '127.0.0.1', port: 8_090 } }

  test('are registered when that works at last, and taken away', async () => {
    const environment = createManualEnvironment()
    await using store = createMemoryStore()
    await using registry = createRegistry({ store })
    await registry.start()
    let refusals = 1
    const overloaded: Pick<Registry, 'register' | 'heartbeat' | 'deregister'> = {
      register: (...args) =>
        refusals-- > 0
          ? Promise.reject(new RegistryError('REGISTRY_OVERLOADED', 'try later'))
          : registry.register(...args),
      heartbeat: (key) => registry.heartbeat(key),
      deregister: (...args) => registry.deregister(...args),
    }
    const options = { name: 'a', addresses, hasConfigHub: true }
    const own = await registerOwnServices({ registry: overloaded, environment }, options)
    expect(registry.instances().total).toBe(0)
    expect(environment.logger.lines).toMatchObject([{ level: 'warn', fields: { retryMs: 5_000 } }])
    environment.clock.advance(5_000)
    await expect
      .poll(() => registry.instances().items.map(({ service }) => service))
      .toEqual(['config', 'registry'])
    await own.close()
    expect(registry.instances().total).toBe(0)
  })

  test('are not tried again after the server closed', async () => {
    const environment = createManualEnvironment()
    const refusing = {
      register: () => Promise.reject(new RegistryError('REGISTRY_OVERLOADED', 'try later')),
      heartbeat: () => 'ok' as const,
      deregister: () => Promise.resolve({ revision: 1 }),
    }
    const options = { name: 'a', addresses, hasConfigHub: false }
    const own = await registerOwnServices({ registry: refusing, environment }, options)
    await own.close()
    expect(environment.clock.pending).toBe(0)
  })
})
