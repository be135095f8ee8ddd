import { createMemoryStore } from '@orrery/store'
import { describe, expect, test } from 'vitest'
import { createRegistry } from '../src/create-registry.ts'
import type { Instance } from '../src/model.ts'
import type { Registry } from '../src/registry.ts'
import { during, settle, spec, startManualRegistry } from './support.ts'

const key = { namespace: 'default', service: 'shop', id: 'a' }

describe('registration', () => {
  test('what was registered is seen by whoever registered it, at once', async () => {
    await using host = await startManualRegistry()
    const instance = await host.registry.register(spec({ metadata: { color: 'red' } }))
    expect(instance).toMatchObject({ id: 'a', healthy: true, weight: 100, metadata: { color: 'red' } })
    expect(host.registry.discover(key)).toMatchObject({
      type: 'snapshot',
      revision: instance.revision,
      instances: [{ id: 'a', host: '10.0.0.1', port: 8080, revision: instance.revision }],
    })
    expect(host.registry.instance(key)).toMatchObject({ createdRevision: instance.revision })
  })

  test('namespace and service are created with the first instance', async () => {
    await using host = await startManualRegistry()
    await host.registry.register(spec())
    expect(host.registry.namespaces.get('default')).toMatchObject({ name: 'default' })
    expect(host.registry.services.list().items).toMatchObject([
      { service: { name: 'shop' }, instances: 1, healthy: 1 },
    ])
  })

  test('without automatic creation, an unknown service is refused', async () => {
    await using host = await startManualRegistry({ autoCreate: false })
    await expect(host.registry.register(spec())).rejects.toMatchObject({
      code: 'REGISTRY_NAMESPACE_NOT_FOUND',
    })
    await host.registry.namespaces.create('default')
    await expect(host.registry.register(spec())).rejects.toMatchObject({ code: 'REGISTRY_SERVICE_NOT_FOUND' })
    await host.registry.services.create(key)
    expect(await host.registry.register(spec())).toMatchObject({ id: 'a' })
  })

  test('registering the same again writes nothing', async () => {
    await using host = await startManualRegistry()
    const first = await host.registry.register(spec())
    const { revision } = host.store.status()
    expect(await host.registry.register(spec())).toEqual(first)
    expect(host.store.status().revision).toBe(revision)
  })

  test('isolation survives a registration that does not speak of it', async () => {
    await using host = await startManualRegistry()
    await host.registry.register(spec())
    await host.registry.update(key, { isolated: true })
    expect(await host.registry.register(spec({ version: '2' }))).toMatchObject({
      isolated: true,
      version: '2',
    })
  })

  test('ifRevision decides, whatever this member knows', async () => {
    await using host = await startManualRegistry()
    const bound = (...given: Parameters<Registry['register']>): Promise<Instance> =>
      host.registry.register(...given)
    const first = await bound(spec(), { ifRevision: 0 })
    await expect(bound(spec({ port: 1 }), { ifRevision: 0 })).rejects.toMatchObject({
      code: 'REGISTRY_CONFLICT',
    })
    await bound(spec({ port: 1 }), { ifRevision: first.revision })
    await expect(bound(spec({ port: 2 }), { ifRevision: first.revision })).rejects.toMatchObject({
      code: 'REGISTRY_CONFLICT',
    })
    await expect(host.registry.deregister(key, { ifRevision: first.revision })).rejects.toMatchObject({
      code: 'REGISTRY_CONFLICT',
    })
  })

  test('of two members that create the same at once, one is refused', async () => {
    await using store = createMemoryStore()
    const members = [createRegistry({ store }), createRegistry({ store })]
    await Promise.all(members.map((member) => member.start()))
    const results = await Promise.allSettled(
      members.map((member, n) => member.register(spec({ port: n }), { ifRevision: 0 })),
    )
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    await Promise.all(members.map((member) => member.close()))
  })

  test('changes by a function are never lost, however many members change at once', async () => {
    await using store = createMemoryStore()
    const members = [createRegistry({ store }), createRegistry({ store }), createRegistry({ store })]
    await Promise.all(members.map((member) => member.start()))
    await members[0]?.register(spec({ metadata: { count: '0' } }))
    const once = async (n: number): Promise<unknown> =>
      await members[n % 3]?.update(key, ({ metadata }) => ({
        metadata: { count: String(Number(metadata['count']) + 1) },
      }))
    await Promise.all(Array.from({ length: 30 }, (_, n) => once(n)))
    await members[0]?.discoverLinearizable(key)
    expect(members[0]?.instance(key)?.metadata).toEqual({ count: '30' })
    await Promise.all(members.map((member) => member.close()))
  })

  test('a deregistration never overtakes the registration before it', async () => {
    await using host = await startManualRegistry()
    const { registry } = host
    for (let round = 0; round < 20; round++) {
      const results = await Promise.allSettled([
        registry.register(spec({ port: round })),
        registry.deregister(key),
      ])
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
      expect(registry.instance(key)).toBeUndefined()
    }
  })

  test('what is gone cannot be deregistered, and the store writes nothing for it', async () => {
    await using host = await startManualRegistry()
    const { revision } = host.store.status()
    await expect(host.registry.deregister(key)).rejects.toMatchObject({ code: 'REGISTRY_INSTANCE_NOT_FOUND' })
    expect(host.store.status().revision).toBe(revision)
  })

  test('a removal says why, and the revision of the service grows with it, on every member and after a restart', async () => {
    await using host = await startManualRegistry()
    await host.registry.register(spec())
    await host.registry.register(spec({ id: 'b' }))
    const { revision } = await host.registry.deregister(key)
    expect(host.changes.at(-1)).toMatchObject({
      type: 'removed',
      reason: 'deregistered',
      instance: { id: 'a' },
    })
    expect(host.registry.discover(key)).toMatchObject({ revision })
    const late = createRegistry({ store: host.store, environment: host.environment })
    await during(host.environment, late.start())
    expect(late.discover(key)).toMatchObject({ revision, instances: [{ id: 'b' }] })
    await during(host.environment, late.close())
  })

  test('thousands at once go in batches', async () => {
    await using host = await startManualRegistry()
    const before = host.store.status().revision
    const count = 2_000
    await Promise.all(
      Array.from({ length: count }, (_, n) =>
        host.registry.register(spec({ id: String(n), service: `s${n % 7}` })),
      ),
    )
    expect(host.registry.stats().instances).toBe(count)
    expect(host.store.status().revision - before).toBeLessThanOrEqual(count / 50)
  })

  test('however many namespaces one batch has to create, all instances come in', async () => {
    await using host = await startManualRegistry()
    await Promise.all(
      Array.from({ length: 200 }, (_, n) => host.registry.register(spec({ namespace: `n${n}` }))),
    )
    expect(host.registry.namespaces.list()).toHaveLength(200)
    expect(host.registry.stats().instances).toBe(200)
  })

  test('a flood of changes of one instance is refused at some point, and the others are done in order', async () => {
    await using host = await startManualRegistry()
    await host.registry.register(spec())
    const results = await Promise.allSettled(
      Array.from({ length: 70_000 }, () => host.registry.update(key, () => undefined)),
    )
    const refused = results.filter(({ status }) => status === 'rejected')
    expect(refused.length).toBeGreaterThan(4_000)
    for (const result of refused.slice(0, 3))
      expect(result).toMatchObject({ reason: { code: 'REGISTRY_OVERLOADED' } })
  })

  test('a full queue refuses, and says so', async () => {
    await using host = await startManualRegistry({
      register: { queueMaxItems: 10, batchMaxItems: 10, concurrencyMaxBatches: 1 },
    })
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, (_, n) => host.registry.register(spec({ id: String(n) }))),
    )
    const refused = results.filter(({ status }) => status === 'rejected')
    expect(refused.length).toBeGreaterThan(0)
    for (const result of refused) expect(result).toMatchObject({ reason: { code: 'REGISTRY_OVERLOADED' } })
    expect(host.registry.stats().instances).toBe(50 - refused.length)
  })

  test('what is wrong is refused before anything is written', async () => {
    await using host = await startManualRegistry()
    await expect(host.registry.register(spec({ port: 70_000 }))).rejects.toMatchObject({
      code: 'REGISTRY_INVALID',
    })
    await expect(host.registry.register(spec({ service: '' }))).rejects.toMatchObject({
      code: 'REGISTRY_INVALID',
    })
    expect(host.registry.services.list().total).toBe(0)
  })

  test('an aborted call is not made', async () => {
    await using host = await startManualRegistry()
    const reason = new Error('enough')
    const call = host.registry.register(spec(), { signal: AbortSignal.abort(reason) })
    await expect(call).rejects.toBe(reason)
    await settle()
    expect(host.registry.instance(key)).toBeUndefined()
  })

  test('a closed registry refuses, and a new one is not ready', async () => {
    await using store = createMemoryStore()
    const registry = createRegistry({ store })
    await expect(registry.register(spec())).rejects.toMatchObject({ code: 'REGISTRY_NOT_READY' })
    expect(registry.heartbeat(key)).toBe('unavailable')
    await registry.start()
    await registry.close()
    await expect(registry.register(spec())).rejects.toMatchObject({ code: 'REGISTRY_CLOSED' })
  })
})
