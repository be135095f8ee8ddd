import type { InstanceQuery, Registry } from '@orrery/registry'
import { describe, expect, test } from 'vitest'
import { RegistryView } from '../src/registry-view.ts'
import { eurekaDefaults } from '../src/options.ts'
import { type ManualServer, spec, startServer } from './support.ts'

async function idsIn(server: ManualServer, path: string): Promise<string[]> {
  const { application } = (await server.json(path)).applications
  return application.flatMap(({ instance }) =>
    instance.map(
      (one) => `${String(one['instanceId'])} ${String(one['actionType'])} ${String(one['status'])}`,
    ),
  )
}

const key = { namespace: 'default', service: 'shop', id: 'a' }

/** A registry that has the same, but whose events and judgement a test makes. */
function stubOf(registry: Registry): {
  readonly registry: Registry
  readonly emit: (name: string, event: unknown) => void
  protects: 'nothing' | 'service'
} {
  const listeners = new Map<string, (event: unknown) => void>()
  const stub = {
    protects: 'nothing' as 'nothing' | 'service',
    emit: (name: string, event: unknown) => listeners.get(name)?.(event),
    registry: {
      state: 'ready',
      revision: 1,
      events: {
        on: (name: string, listener: (event: unknown) => void) => listeners.set(name, listener),
        off: () => undefined,
      },
      protection: (service?: unknown) => service !== undefined && stub.protects === 'service',
      services: registry.services,
      instances: (query: InstanceQuery) => registry.instances(query),
    } as unknown as Registry,
  }
  return stub
}

const releases = { instance: () => undefined, app: () => undefined }
const others = { evictAfterMs: Infinity, ttlMs: 10_000 }

describe('instances whose heartbeats are missing', () => {
  test('are left out after a while, and deltas tell that they are gone', async () => {
    await using server = await startServer({ unhealthyExpireInterval: 20_000 })
    await server.wait(server.registry.register(spec({ ...others, id: 'a' })))
    await server.wait(server.registry.register(spec({ id: 'b' })))
    await server.pass(11_000)
    expect(await idsIn(server, 'apps')).toEqual(['a MODIFIED DOWN', 'b ADDED UP'])
    await server.pass(20_000)
    expect(await idsIn(server, 'apps')).toEqual(['b ADDED UP'])
    expect(await idsIn(server, 'apps/delta')).toEqual(['b ADDED UP', 'a DELETED DOWN'])
    expect((await server.json('apps')).applications.apps__hashcode).toBe('UP_1_')
    expect((await server.get('apps/SHOP/a')).statusCode).toBe(404)
    expect((await server.get('instances/a')).statusCode).toBe(404)
  })

  test('are listed again with their next heartbeat', async () => {
    await using server = await startServer({ unhealthyExpireInterval: 0 })
    await server.wait(server.registry.register(spec({ ...others, id: 'a' })))
    await server.pass(11_000)
    expect(await idsIn(server, 'apps')).toEqual([])
    expect((await server.put('apps/SHOP/a')).statusCode).toBe(200)
    await server.pass(500)
    expect(await idsIn(server, 'apps')).toEqual(['a ADDED UP'])
    expect(await idsIn(server, 'apps/delta')).toEqual(['a ADDED UP'])
  })

  test('stay for ever if that is wanted', async () => {
    await using server = await startServer({ unhealthyExpireInterval: Infinity })
    await server.wait(server.registry.register(spec({ ...others, id: 'a' })))
    await server.pass(400_000)
    expect(await idsIn(server, 'apps')).toEqual(['a MODIFIED DOWN'])
  })

  test('are down only when the registry is sure of itself, and left out when it is again', async () => {
    const protection = { instancesMin: 4, threshold: 0.85 }
    await using server = await startServer({ unhealthyExpireInterval: 20_000 }, { protection })
    for (const id of ['a', 'b', 'c', 'd'])
      await server.wait(server.registry.register(spec({ ...others, id })))
    await server.pass(31_000)
    expect(server.registry.protection()).toBe(true)
    expect((await server.json('apps')).applications.apps__hashcode).toBe('UP_4_')
    for (const id of [
      'e',
      'f',
      'g',
      'h',
      'i',
      'j',
      'k',
      'l',
      'm',
      'n',
      'o',
      'p',
      'q',
      'r',
      's',
      't',
      'u',
      'v',
      'w',
      'x',
      'y',
      'z',
      'aa',
    ]) {
      await server.wait(
        server.registry.register(spec({ ...others, ttlMs: 3_600_000, heartbeatIntervalMs: 3_000, id })),
      )
    }
    await server.pass(1_000)
    expect(server.registry.protection({ namespace: 'default', service: 'shop' })).toBe(false)
    expect((await server.json('apps')).applications.apps__hashcode).toBe('UP_23_')
    const deleted = (await idsIn(server, 'apps/delta')).filter((line) => line.includes('DELETED'))
    expect(deleted).toEqual(['a DELETED UP', 'b DELETED UP', 'c DELETED UP', 'd DELETED UP'])
  })
})

describe('protection', () => {
  test('that another service brings about counts for all', async () => {
    const protection = { instancesMin: 4, threshold: 0.85 }
    await using server = await startServer({}, { protection })
    await server.wait(server.registry.register(spec({ ...others, id: 'first' })))
    await server.pass(10_500)
    expect(await idsIn(server, 'apps')).toEqual(['first MODIFIED DOWN'])
    for (const id of ['a', 'b', 'c', 'd']) {
      await server.wait(server.registry.register(spec({ ...others, service: 'auth', id })))
    }
    await server.pass(10_500)
    expect((await server.json('apps')).applications.apps__hashcode).toBe('UP_5_')
    for (const id of ['a', 'b', 'c', 'd']) await server.remove(`apps/AUTH/${id}`)
    expect(await idsIn(server, 'apps')).toEqual(['first MODIFIED DOWN'])
  })

  test('is shown when it is told, or when the service changes', async () => {
    await using server = await startServer()
    await server.wait(server.registry.register(spec({ ...others })))
    await server.pass(10_500)
    const stub = stubOf(server.registry)
    const parts = { ...eurekaDefaults, registry: stub.registry, environment: server.environment }
    const view = new RegistryView(parts, releases)
    const hash = (): string | undefined => view.namespace('default')?.hashCode(false)
    expect(hash()).toBe('DOWN_1_')
    stub.protects = 'service'
    stub.emit('protectionChanged', { scope: undefined })
    expect(hash()).toBe('UP_1_')
    stub.protects = 'nothing'
    stub.emit('protectionChanged', { scope: { namespace: 'default', service: 'other' } })
    expect(hash()).toBe('UP_1_')
    stub.emit('protectionChanged', { scope: { namespace: 'default', service: 'shop' } })
    expect(hash()).toBe('DOWN_1_')
    stub.protects = 'service'
    const instance = { ...server.registry.instance(key), id: 'b', expired: false, isolated: true }
    stub.emit('changed', { revision: 9, atMs: 0, instances: [{ type: 'registered', instance }] })
    expect(hash()).toBe('OUT_OF_SERVICE_1_UP_1_')
    view.close()
  })
})

describe('the view of a registry', () => {
  test('shows what was there before it', async () => {
    await using server = await startServer()
    const { registry, environment } = server
    for (let n = 0; n < 30; n++) {
      await server.wait(registry.register(spec({ service: `s${n % 3}`, id: `i${n}` })))
    }
    await server.wait(registry.register(spec({ namespace: 'other' })))
    await server.wait(registry.register(spec({ ...others, service: 's0', id: 'dead' })))
    await server.pass(15_000)
    const view = new RegistryView({ ...eurekaDefaults, registry, environment }, releases)
    expect(view.namespace('default')?.size).toBe(31)
    expect(view.namespace('default')?.hashCode(false)).toBe('DOWN_1_UP_30_')
    expect(view.namespace('default')?.delta.size).toBe(0)
    expect(view.namespace('other')?.size).toBe(1)
    expect(view.namespace('none')).toBeUndefined()
    const late = new RegistryView(
      { ...eurekaDefaults, registry, environment, unhealthyExpireInterval: 2_000 },
      releases,
    )
    expect(late.namespace('default')?.hashCode(false)).toBe('UP_30_')
    view.close()
    late.close()
  })

  test('forgets a namespace that is empty, once deltas have told of it', async () => {
    await using server = await startServer()
    const { registry, environment } = server
    const view = new RegistryView({ ...eurekaDefaults, registry, environment }, releases)
    await server.wait(registry.register(spec({ namespace: 'passing' })))
    await server.wait(registry.deregister({ namespace: 'passing', service: 'shop', id: 'a' }))
    expect(view.namespace('passing')?.delta.size).toBe(1)
    await server.pass(200_000)
    expect(view.namespace('passing')).toBeUndefined()
    view.close()
  })

  test('follows no more when it is closed', async () => {
    await using server = await startServer()
    const { registry, environment } = server
    const view = new RegistryView({ ...eurekaDefaults, registry, environment }, releases)
    view.close()
    await server.wait(registry.register(spec()))
    expect(view.namespace('default')).toBeUndefined()
    expect(view.isReadable).toBe(false)
  })
})

describe('heartbeats', () => {
  test('change no list', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a')
    const { environment, registry } = server
    const view = new RegistryView({ ...eurekaDefaults, registry, environment }, releases)
    const generation = view.namespace('default')?.generation
    const { revision } = server.store.status()
    for (let n = 0; n < 100; n++) {
      expect((await server.put('apps/SHOP/a?status=UP&lastDirtyTimestamp=1000')).statusCode).toBe(200)
    }
    expect(view.namespace('default')?.generation).toBe(generation)
    expect(server.store.status().revision).toBe(revision)
    view.close()
  })
})
