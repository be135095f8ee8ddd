import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { matchesInstance } from '../../src/filters.ts'
import type { InstanceQuery, Registry, ServiceQuery } from '../../src/registry.ts'
import { type ManualRegistry, spec, startManualRegistry } from '../support.ts'

const places = (registry: Registry, query: InstanceQuery): readonly string[] =>
  registry.instances(query).items.map(({ namespace, service, id }) => `${namespace}/${service}/${id}`)

const names = (registry: Registry, query: ServiceQuery): readonly string[] =>
  registry.services.list(query).items.map(({ service: { namespace, name } }) => `${namespace}/${name}`)

describe('a list of services', () => {
  async function filled(): Promise<ManualRegistry> {
    const host = await startManualRegistry()
    const { services } = host.registry
    await services.create(
      { namespace: 'b', service: 'shop' },
      { business: 'x', metadata: { a: '1', b: '2' } },
    )
    await services.create({ namespace: 'a', service: 'shop-2' }, { department: 'y', business: 'x' })
    await services.create({ namespace: 'a', service: 'cart' }, { metadata: { a: '1' } })
    await services.create({ namespace: 'a', service: 'workshop' })
    await host.registry.register(spec({ namespace: 'a', service: 'cart' }))
    await services.update({ namespace: 'a', service: 'workshop' }, { comment: 'last' })
    return host
  }

  test.each<[ServiceQuery, string[]]>([
    [{}, ['a/cart', 'a/shop-2', 'a/workshop', 'b/shop']],
    [{ namespace: 'a' }, ['a/cart', 'a/shop-2', 'a/workshop']],
    [{ name: 'shop' }, ['b/shop']],
    [{ name: 'shop*' }, ['a/shop-2', 'b/shop']],
    [{ name: '*shop' }, ['a/workshop', 'b/shop']],
    [{ name: '*shop*', namespace: 'a' }, ['a/shop-2', 'a/workshop']],
    [{ business: 'x' }, ['a/shop-2', 'b/shop']],
    [{ business: 'x', department: 'y' }, ['a/shop-2']],
    [{ metadata: { a: '1' } }, ['a/cart', 'b/shop']],
    [{ metadata: { a: '1', b: '2' } }, ['b/shop']],
    [{ withHealthyInstance: true }, ['a/cart']],
    [{ withHealthyInstance: false }, ['a/cart', 'a/shop-2', 'a/workshop', 'b/shop']],
    [{ name: 'none' }, []],
  ])('for %j', async (query, expected) => {
    await using host = await filled()
    expect(names(host.registry, query)).toEqual(expected)
    expect(host.registry.services.list(query).total).toBe(expected.length)
  })

  test('says how many instances each of them has', async () => {
    await using host = await filled()
    const { registry } = host
    await registry.register(
      spec({ namespace: 'a', service: 'cart', id: 'b', healthy: false, isolated: true }),
    )
    const [cart] = registry.services.list().items
    expect(cart).toMatchObject({ instances: 2, healthy: 1, isolated: 1, revision: registry.revision })
  })

  test('comes in pages, each as it is when it is read', async () => {
    await using host = await filled()
    const { registry } = host
    const { services } = registry
    expect(names(registry, { limit: 2 })).toEqual(['a/cart', 'a/shop-2'])
    expect(names(registry, { offset: 2, limit: 2 })).toEqual(['a/workshop', 'b/shop'])
    await services.create({ namespace: 'a', service: 'a' })
    expect(names(registry, { offset: 2, limit: 2 })).toEqual(['a/shop-2', 'a/workshop'])
    await services.delete({ namespace: 'a', service: 'shop-2' })
    await services.update({ namespace: 'b', service: 'shop' }, { comment: 'c' })
    const page = services.list({ offset: 2, limit: 2 })
    expect(page).toMatchObject({ items: [{ service: { name: 'workshop' } }, { service: { comment: 'c' } }] })
    expect(page.total).toBe(4)
    expect(services.list({ offset: 9 })).toEqual({ items: [], total: 4 })
    for (const request of [{ limit: 0 }, { limit: 10_001 }, { offset: -1 }]) {
      expect(() => services.list(request)).toThrow(/REGISTRY_INVALID/)
    }
  })

  test('follows whether services have healthy instances while its pages are read', async () => {
    await using host = await filled()
    const { registry } = host
    for (const id of ['a', 'b']) await registry.register(spec({ namespace: id, service: 'shop', id }))
    const query = { withHealthyInstance: true, limit: 1 }
    expect(registry.services.list(query).total).toBe(3)
    await registry.update({ namespace: 'a', service: 'shop', id: 'a' }, { healthy: false })
    expect(registry.services.list(query).total).toBe(2)
    await registry.deregister({ namespace: 'b', service: 'shop', id: 'b' })
    expect(registry.services.list(query).total).toBe(1)
    await registry.update({ namespace: 'a', service: 'shop', id: 'a' }, { healthy: true })
    expect(names(registry, { ...query, offset: 1 })).toEqual(['a/shop'])
  })
})

describe('a list of instances', () => {
  /** No more than are kept. */
  const asked = fc.shuffledSubarray<InstanceQuery>(
    [
      {},
      { namespace: 'a' },
      { namespace: 'a', service: 'y' },
      { service: 'x' },
      { healthy: true },
      { healthy: false, namespace: 'b' },
      { metadata: { color: 'red' } },
      { location: { zone: 'z1' }, isolated: false },
    ],
    { minLength: 4, maxLength: 4 },
  )

  const ids = ['0', 'A', 'a', 'b', 'ä', '💙', '\uffff'] as const
  const instance = fc.record({
    namespace: fc.constantFrom('a', 'b'),
    service: fc.constantFrom('x', 'y'),
    id: fc.constantFrom(...ids),
    healthy: fc.boolean(),
    isolated: fc.boolean(),
    location: fc.record({ zone: fc.constantFrom('z1', 'z2') }),
    metadata: fc.record({ color: fc.constantFrom('red', 'blue') }),
  })
  const type = fc.constantFrom('register', 'register', 'register', 'deregister', 'delete')
  const change = fc.record({ type, instance, isReadAfter: fc.boolean() })

  /** All that there may be, in order. */
  const keys = ['a', 'b'].flatMap((namespace) =>
    ['x', 'y'].flatMap((service) => ids.map((id) => ({ namespace, service, id }))),
  )

  function found(registry: Registry, query: InstanceQuery): readonly string[] {
    const { namespace, service } = query
    return keys.flatMap((key) => {
      if (key.namespace !== (namespace ?? key.namespace) || key.service !== (service ?? key.service))
        return []
      const known = registry.instance(key)
      return known && matchesInstance(known, query) ? [`${key.namespace}/${key.service}/${key.id}`] : []
    })
  }

  test('has in each of its pages what a look at all instances finds, whatever happens in between', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 30 }), asked, async (changes, queries) => {
        await using host = await startManualRegistry()
        const { registry } = host
        await Promise.all(keys.map((key) => registry.register(spec({ ...key, metadata: { color: 'red' } }))))
        for (const { type, instance: one, isReadAfter } of changes) {
          if (type === 'register') await registry.register(spec(one))
          else if (type === 'delete')
            await registry.services.delete(one, { withInstances: true }).catch(noMatter)
          else await registry.deregister(one).catch(noMatter)
          for (const query of isReadAfter ? queries : []) {
            const expected = found(registry, query)
            const pages = [0, 2, 4].map((offset) => places(registry, { ...query, offset, limit: 2 }))
            expect(pages.flat()).toEqual(expected.slice(0, 6))
            expect(registry.instances({ ...query, offset: 6, limit: 100 })).toMatchObject({
              items: { length: Math.max(0, expected.length - 6) },
              total: expected.length,
            })
          }
        }
      }),
      { numRuns: 40 },
    )
  })

  /** There is none: nothing to delete. */
  const noMatter = (): void => {}

  test('shows instances as they are, also where only they have changed since the page before', async () => {
    await using host = await startManualRegistry()
    const { registry } = host
    for (const id of ['c', 'a', 'b']) await registry.register(spec({ id }))
    expect(places(registry, { limit: 2 })).toEqual(['default/shop/a', 'default/shop/b'])
    await registry.update({ namespace: 'default', service: 'shop', id: 'b' }, { weight: 7 })
    expect(registry.instances({ offset: 1, limit: 1 }).items).toMatchObject([{ id: 'b', weight: 7 }])
  })

  test('has an instance once that went and came back between two pages', async () => {
    await using host = await startManualRegistry()
    const { registry } = host
    const ids = Array.from({ length: 20 }, (_, n) => String.fromCharCode(97 + n))
    for (const id of ids) await registry.register(spec({ id }))
    expect(registry.instances({ limit: 2 }).total).toBe(20)
    await registry.deregister({ namespace: 'default', service: 'shop', id: 'b' })
    await registry.register(spec({ id: 'b', weight: 7 }))
    expect(registry.instances({ limit: 3 })).toMatchObject({
      items: [{ id: 'a' }, { id: 'b', weight: 7 }, { id: 'c' }],
      total: 20,
    })
  })

  test('does not change with what was asked for', async () => {
    await using host = await startManualRegistry()
    const { registry } = host
    const red = { color: 'red' }
    const blue = { color: 'blue' }
    const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']
    for (const id of ids) await registry.register(spec({ id, metadata: red }))
    const wanted = { ...red }
    expect(registry.instances({ metadata: wanted, limit: 1 }).total).toBe(9)
    wanted.color = 'blue'
    await registry.update({ namespace: 'default', service: 'shop', id: 'a' }, { metadata: blue })
    expect(places(registry, { metadata: red, limit: 1 })).toEqual(['default/shop/b'])
  })

  test('leaves nothing behind when the registry is closed', async () => {
    const host = await startManualRegistry()
    for (const id of ['a', 'b']) await host.registry.register(spec({ id }))
    expect(host.registry.instances({ limit: 1 }).total).toBe(2)
    expect(host.registry.services.list({ limit: 1 }).total).toBe(1)
    await host[Symbol.asyncDispose]()
    expect(host.environment.clock.pending).toBe(0)
    expect(places(host.registry, { offset: 1, limit: 1 })).toEqual(['default/shop/b'])
    expect(host.environment.clock.pending).toBe(0)
  })
})
