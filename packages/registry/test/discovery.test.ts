import { createMemoryStore } from '@orrery/store'
import { describe, expect, test } from 'vitest'
import { createRegistry } from '../src/create-registry.ts'
import type { DiscoverResult, ServiceSnapshot } from '../src/registry.ts'
import { settle, spec, startManualRegistry } from './support.ts'

const key = { namespace: 'default', service: 'shop' }

/** What a discovery gave, which has to be a snapshot. */
function snapshotOf(result: { readonly type: string }): ServiceSnapshot {
  if (result.type !== 'snapshot') throw new Error(`expected a snapshot, got ${result.type}`)
  return result as ServiceSnapshot
}

describe('discovery', () => {
  test('an unchanged service is shared by all who ask, and not modified for who has it', async () => {
    await using host = await startManualRegistry()
    await host.registry.register(spec())
    const first = snapshotOf(host.registry.discover(key))
    expect(host.registry.discover(key)).toBe(first)
    expect(host.registry.discover({ ...key, revision: first.revision })).toEqual({
      type: 'notModified',
      revision: first.revision,
    })
    await host.registry.register(spec({ id: 'b' }))
    const second = snapshotOf(host.registry.discover({ ...key, revision: first.revision }))
    expect(second.instances.map(({ id }) => id)).toEqual(['a', 'b'])
    expect(first.instances.map(({ id }) => id)).toEqual(['a'])
    expect(second.revision).toBeGreaterThan(first.revision)
  })

  test('what does not exist is not found', async () => {
    await using host = await startManualRegistry()
    expect(host.registry.discover(key)).toEqual({ type: 'notFound', revision: 0 })
  })

  test('instances are in order of their ids, whatever comes, changes and goes', async () => {
    await using host = await startManualRegistry()
    const ids = Array.from({ length: 60 }, (_, n) => String((n * 37) % 60).padStart(2, '0'))
    const present = new Set<string>()
    for (const [n, id] of ids.entries()) {
      await host.registry.register(spec({ id }))
      present.add(id)
      if (n % 3 === 2) {
        const gone = ids[n - 1] ?? ''
        await host.registry.deregister({ ...key, id: gone })
        present.delete(gone)
      }
      const shown = snapshotOf(host.registry.discover(key)).instances.map((instance) => instance.id)
      expect(shown).toEqual([...present].sort())
    }
  })

  test('filters go by health, isolation, metadata, location, protocol and version', async () => {
    await using host = await startManualRegistry()
    const { registry } = host
    await registry.register(spec({ id: 'a', metadata: { env: 'x', tier: '1' }, location: { zone: 'z1' } }))
    await registry.register(spec({ id: 'b', healthy: false, metadata: { env: 'x' }, version: '2' }))
    await registry.register(spec({ id: 'c', isolated: true, protocol: 'grpc' }))
    const ids = (filter: object): string[] =>
      snapshotOf(registry.discover({ ...key, ...filter })).instances.map(({ id }) => id)
    expect(ids({})).toEqual(['a', 'b', 'c'])
    expect(ids({ healthyOnly: true })).toEqual(['a'])
    expect(ids({ metadata: { env: 'x' } })).toEqual(['a', 'b'])
    expect(ids({ metadata: { env: 'x', tier: '1' } })).toEqual(['a'])
    expect(ids({ location: { zone: 'z1' } })).toEqual(['a'])
    expect(ids({ protocol: 'grpc' })).toEqual(['c'])
    expect(ids({ version: '2', healthyOnly: true })).toEqual([])
  })

  test('when too few are healthy, a service that protects itself gives the others too', async () => {
    await using host = await startManualRegistry()
    const { registry } = host
    await registry.services.create(key).catch(() => registry.namespaces.create('default'))
    if (registry.services.get(key) === undefined) await registry.services.create(key)
    for (const id of ['a', 'b', 'c', 'd']) await registry.register(spec({ id, healthy: id === 'a' }))
    await registry.register(spec({ id: 'e', healthy: false, isolated: true }))
    const usable = (): readonly [string, boolean] => {
      const { instances, protected: isProtected } = snapshotOf(
        registry.discover({ ...key, healthyOnly: true }),
      )
      return [instances.map(({ id }) => id).join(''), isProtected]
    }
    expect(usable()).toEqual(['a', false])
    await registry.services.update(key, { protectThreshold: 0.2 })
    expect(usable()).toEqual(['a', false])
    await registry.services.update(key, { protectThreshold: 0.25 })
    expect(usable()).toEqual(['abcd', true])
    await registry.services.update(key, { protectThreshold: 0 })
    expect(usable()).toEqual(['a', false])
    await registry.update({ ...key, id: 'a' }, { healthy: false })
    expect(usable()).toEqual(['abcd', true])
    await registry.services.update(key, { protectThreshold: null })
    expect(usable()).toEqual(['', false])
  })

  test('an alias shows the instances of its target under its own name', async () => {
    await using host = await startManualRegistry()
    const { registry } = host
    await registry.register(spec())
    const alias = { namespace: 'default', service: 'store' }
    await registry.services.create(alias, { aliasOf: key })
    const first = snapshotOf(registry.discover(alias))
    expect(first).toMatchObject({ service: 'store', instances: [{ id: 'a', service: 'shop' }] })
    expect(registry.discover({ ...alias, revision: first.revision })).toMatchObject({ type: 'notModified' })
    await registry.register(spec({ id: 'b' }))
    expect(snapshotOf(registry.discover({ ...alias, revision: first.revision })).instances).toHaveLength(2)
    await expect(registry.register(spec({ service: 'store' }))).rejects.toMatchObject({
      code: 'REGISTRY_ALIAS_INVALID',
    })
  })

  test('services of other namespaces are seen where they are exported, and no longer when they are not', async () => {
    await using host = await startManualRegistry()
    const { registry } = host
    await registry.register(spec({ namespace: 'lib', id: 'l' }))
    await registry.register(spec({ namespace: 'app', id: 'a' }))
    const ask = (from: string): DiscoverResult =>
      registry.discover({ namespace: from, service: 'shop', from })
    expect(snapshotOf(ask('app')).instances.map(({ id }) => id)).toEqual(['a'])
    await registry.services.update({ namespace: 'lib', service: 'shop' }, { exportTo: ['app'] })
    const merged = snapshotOf(ask('app'))
    expect(merged.instances.map(({ id }) => id)).toEqual(['a', 'l'])
    expect(ask('other')).toMatchObject({ type: 'notFound' })
    await registry.services.update({ namespace: 'lib', service: 'shop' }, { exportTo: [] })
    const alone = snapshotOf(ask('app'))
    expect(alone.instances.map(({ id }) => id)).toEqual(['a'])
    expect(alone.revision).toBeGreaterThan(merged.revision)
    await registry.namespaces.update('lib', { exportTo: ['*'] })
    expect(snapshotOf(ask('other')).instances.map(({ id }) => id)).toEqual(['l'])
  })

  test('a linearizable answer has what another member wrote before', async () => {
    await using store = createMemoryStore()
    const [one, two] = [createRegistry({ store }), createRegistry({ store })]
    await Promise.all([one.start(), two.start()])
    for (let n = 0; n < 20; n++) {
      await one.register(spec({ id: String(n) }))
      const result = snapshotOf(await two.discoverLinearizable(key))
      expect(result.instances).toHaveLength(n + 1)
      // Writes of others move the revision of the store, and are not waited for in vain.
      await store.put({ key: 'something else', value: String(n) })
    }
    await Promise.all([one.close(), two.close()])
  })

  test('changes since a revision are all changes after it, until they are no longer known', async () => {
    await using host = await startManualRegistry({ changesMaxItems: 4 })
    const { registry } = host
    const begin = registry.revision
    const { revision } = await registry.register(spec())
    await registry.register(spec({ id: 'b', namespace: 'other' }))
    const types = registry
      .changesSince(revision)
      ?.flatMap(({ instances }) => instances.map(({ type }) => type))
    expect(types).toEqual(['registered'])
    expect(registry.changesSince(revision, 'default')).toEqual([])
    expect(registry.changesSince(registry.revision)).toEqual([])
    for (let n = 0; n < 5; n++) await registry.update({ ...key, id: 'a' }, { weight: n })
    expect(registry.changesSince(begin)).toBeUndefined()
    expect(registry.changesSince(registry.revision - 1)).toHaveLength(1)
  })
})

describe('subscriptions', () => {
  test('the present state comes first, then every newest one, in order', async () => {
    await using host = await startManualRegistry()
    const { registry } = host
    const subscription = registry.subscribe(key)
    const reader = subscription[Symbol.asyncIterator]()
    expect(await reader.next()).toMatchObject({ value: { instances: [] } })
    const next = reader.next()
    await registry.register(spec())
    expect(await next).toMatchObject({ value: { instances: [{ id: 'a' }] } })
    await registry.register(spec({ id: 'b' }))
    await registry.register(spec({ id: 'c' }))
    const { value } = await reader.next()
    expect(value?.instances.map(({ id }) => id)).toEqual(['a', 'b', 'c'])
    expect(subscription.skipped).toBe(1)
    subscription.close()
    expect(await reader.next()).toEqual({ done: true, value: undefined })
    expect(registry.stats().subscriptions).toBe(0)
  })

  test('a linger gathers changes', async () => {
    await using host = await startManualRegistry()
    const { registry } = host
    const reader = registry.subscribe(key, { lingerMaxMs: 200 })[Symbol.asyncIterator]()
    await reader.next()
    let seen = 0
    const next = reader.next().then(({ value }) => (seen = value?.instances.length ?? 0))
    await registry.register(spec())
    await settle()
    await registry.register(spec({ id: 'b' }))
    expect(seen).toBe(0)
    await host.pass(250)
    await next
    expect(seen).toBe(2)
  })

  test('thousands of subscribers of one service get the same snapshot', async () => {
    await using host = await startManualRegistry()
    const { registry } = host
    await registry.register(spec())
    const readers = Array.from({ length: 5_000 }, () => registry.subscribe(key)[Symbol.asyncIterator]())
    await Promise.all(readers.map((reader) => reader.next()))
    const all = Promise.all(readers.map((reader) => reader.next()))
    await registry.update({ ...key, id: 'a' }, { weight: 7 })
    await host.pass(50)
    const values = new Set((await all).map(({ value }) => value))
    expect(values.size).toBe(1)
    expect([...values][0]?.instances[0]?.weight).toBe(7)
  })

  test('an aborted subscription ends with the reason, a closed registry ends all', async () => {
    await using host = await startManualRegistry()
    const controller = new AbortController()
    const aborted = host.registry.subscribe(key, { signal: controller.signal })[Symbol.asyncIterator]()
    const other = host.registry.subscribe(key)[Symbol.asyncIterator]()
    await aborted.next()
    await other.next()
    const waits = aborted.next()
    controller.abort(new Error('enough'))
    await expect(waits).rejects.toThrow('enough')
    const ends = other.next()
    void host.registry.close()
    await expect(ends).rejects.toMatchObject({ code: 'REGISTRY_CLOSED' })
  })

  test('a subscriber of an alias, and one who looks into other namespaces, learn of changes, too', async () => {
    await using host = await startManualRegistry()
    const { registry } = host
    await registry.register(spec())
    await registry.services.create({ namespace: 'default', service: 'store' }, { aliasOf: key })
    const alias = registry.subscribe({ namespace: 'default', service: 'store' })[Symbol.asyncIterator]()
    const visible = registry
      .subscribe({ namespace: 'app', service: 'shop', from: 'app' })
      [Symbol.asyncIterator]()
    expect((await alias.next()).value?.instances).toHaveLength(1)
    expect((await visible.next()).value?.instances).toHaveLength(0)
    const [nextAlias, nextVisible] = [alias.next(), visible.next()]
    await registry.register(spec({ id: 'b' }))
    expect((await nextAlias).value?.instances).toHaveLength(2)
    await registry.services.update(key, { exportTo: ['app'] })
    expect((await nextVisible).value?.instances).toHaveLength(2)
  })
})
