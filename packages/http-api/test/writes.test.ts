import { describe, expect, test } from 'vitest'
import { type Api, during, registerShop, shop, startApi, until } from './support.ts'

describe('namespaces', () => {
  test('one is created, read, changed at its revision, and deleted', async () => {
    await using api = await startApi()
    const created = await api.call('PUT', '/v1/namespaces/blue', { comment: 'a', metadata: { k: 'v' } })
    expect(created.status).toBe(201)
    const { revision } = created.json as { revision: number }
    expect(created.headers['etag']).toBe(`"${revision}"`)
    expect((await api.call('GET', '/v1/namespaces/blue')).json).toEqual(created.json)

    const changed = await api.call(
      'PATCH',
      '/v1/namespaces/blue',
      { comment: 'b' },
      { 'if-match': `"${revision}"` },
    )
    expect(changed.json).toMatchObject({ comment: 'b', metadata: { k: 'v' } })
    const late = await api.call('PATCH', `/v1/namespaces/blue?ifRevision=${revision}`, { comment: 'c' })
    expect([late.status, late.json]).toEqual([
      412,
      { code: 'REGISTRY_CONFLICT', message: expect.any(String) as string },
    ])

    expect(await api.call('DELETE', '/v1/namespaces/blue')).toMatchObject({ status: 204, text: '' })
    expect((await api.call('GET', '/v1/namespaces/blue')).json).toMatchObject({
      code: 'REGISTRY_NAMESPACE_NOT_FOUND',
    })
  })

  test('one that exists is not created again, and one in use not deleted', async () => {
    await using api = await startApi()
    expect((await api.call('PUT', '/v1/namespaces/blue')).status).toBe(201)
    const again = await api.call('PUT', '/v1/namespaces/blue')
    expect([again.status, again.json]).toMatchObject([409, { code: 'REGISTRY_NAMESPACE_EXISTS' }])
    await api.call('PUT', '/v1/namespaces/blue/services/shop')
    const inUse = await api.call('DELETE', '/v1/namespaces/blue')
    expect([inUse.status, inUse.json]).toMatchObject([409, { code: 'REGISTRY_NAMESPACE_IN_USE' }])
    const list = (await api.call('GET', '/v1/namespaces')).json as { items: { name: string }[] }
    expect(list.items.map(({ name }) => name)).toEqual(['blue'])
  })
})

describe('services', () => {
  test('one is created, listed with its counts, changed, and deleted with its instances', async () => {
    await using api = await startApi()
    const created = await api.call('PUT', shop, {
      business: 'x',
      protectThreshold: 0.5,
      metadata: { team: 'a' },
    })
    expect(created).toMatchObject({ status: 201 })
    expect(created.json).toMatchObject({ name: 'shop', protectThreshold: 0.5 })
    expect((await api.call('PUT', shop, {})).status).toBe(409)
    await registerShop(api, 'a', 'b')

    expect(
      (await api.call('GET', '/v1/services?business=x&metadata=team:a&withHealthyInstance')).json,
    ).toMatchObject({
      total: 1,
      items: [{ service: { name: 'shop' }, instances: 2, healthy: 2, isolated: 0 }],
    })
    expect((await api.call('GET', '/v1/services?metadata=team:b')).json).toMatchObject({
      total: 0,
      items: [],
    })

    const patched = await api.call('PATCH', shop, { protectThreshold: null })
    expect(patched.status).toBe(200)
    expect(patched.json).not.toHaveProperty('protectThreshold')

    expect((await api.call('DELETE', shop)).json).toMatchObject({ code: 'REGISTRY_SERVICE_IN_USE' })
    expect((await api.call('DELETE', `${shop}?withInstances=true`)).status).toBe(204)
    expect((await api.call('GET', shop)).json).toMatchObject({ code: 'REGISTRY_SERVICE_NOT_FOUND' })
  })

  test('an alias shows what it stands for, and has no instances of its own', async () => {
    await using api = await startApi()
    await registerShop(api, 'a')
    const alias = '/v1/namespaces/default/services/store'
    const created = await api.call('PUT', alias, { aliasOf: { namespace: 'default', service: 'shop' } })
    expect(created.json).toMatchObject({ aliasOf: { namespace: 'default', service: 'shop' } })
    expect((await api.call('GET', `${alias}/discover`)).json).toMatchObject({
      service: 'store',
      instances: [{ id: 'a' }],
    })
    const refused = await api.call('POST', `${alias}/instances`, { host: 'h', port: 1 })
    expect([refused.status, refused.json]).toMatchObject([409, { code: 'REGISTRY_ALIAS_INVALID' }])
  })
})

describe('instances', () => {
  test('one is new, then known, and its place is told', async () => {
    await using api = await startApi()
    const spec = {
      id: 'a/b',
      host: '10.0.0.1',
      port: 8080,
      metadata: { k: 'v' },
      extensions: { eureka: { x: [1, null] } },
    }
    const first = await api.call('POST', `${shop}/instances`, spec)
    expect(first.status).toBe(201)
    expect(first.headers['location']).toBe(`${shop}/instances/a%2Fb`)
    expect((await api.call('GET', String(first.headers['location']))).json).toEqual(first.json)
    const again = await api.call('POST', `${shop}/instances`, spec)
    expect([again.status, again.json]).toEqual([200, first.json])
    expect((await api.call('POST', `${shop}/instances`, { ...spec, port: 9090 })).status).toBe(200)
  })

  test('nothing that an instance has is lost on the way', async () => {
    await using api = await startApi()
    await registerShop(api, 'a')
    const known = api.registry.instance({ namespace: 'default', service: 'shop', id: 'a' })
    const { json } = await api.call('GET', `${shop}/instances/a`)
    expect(json).toEqual(JSON.parse(JSON.stringify(known)))
    expect(Object.keys(json as object).sort()).toEqual(Object.keys(known ?? {}).sort())
  })

  test('one changes where it is told to: null takes an extension away, and means for ever', async () => {
    await using api = await startApi()
    await registerShop(api, 'a')
    const one = `${shop}/instances/a`
    const set = await api.call('PATCH', one, {
      evictAfterMs: 5_000,
      extensions: { a: { x: 1 }, b: 2 },
      location: { zone: 'z' },
    })
    expect(set.json).toMatchObject({
      evictAfterMs: 5_000,
      extensions: { a: { x: 1 }, b: 2 },
      location: { zone: 'z' },
    })
    const changed = await api.call('PATCH', one, {
      evictAfterMs: null,
      extensions: { a: null },
      isolated: true,
    })
    expect(changed.json).toMatchObject({
      evictAfterMs: null,
      extensions: { b: 2 },
      isolated: true,
      port: 8080,
    })
    expect(api.registry.instance({ namespace: 'default', service: 'shop', id: 'a' })?.evictAfterMs).toBe(
      Infinity,
    )
  })

  test('one is removed once, at the revision it is told to be at', async () => {
    await using api = await startApi()
    await registerShop(api, 'a')
    const one = `${shop}/instances/a`
    const { revision } = (await api.call('GET', one)).json as { revision: number }
    expect((await api.call('DELETE', `${one}?ifRevision=${revision + 1}`)).status).toBe(412)
    const gone = await api.call('DELETE', one, undefined, { 'if-match': `"${revision}"` })
    expect([gone.status, gone.json]).toEqual([200, { revision: expect.any(Number) as number }])
    expect((await api.call('DELETE', one)).json).toMatchObject({ code: 'REGISTRY_INSTANCE_NOT_FOUND' })
  })

  test('ifRevision=0 registers only what does not exist', async () => {
    await using api = await startApi()
    const spec = { id: 'a', host: 'h', port: 1 }
    expect((await api.call('POST', `${shop}/instances?ifRevision=0`, spec)).status).toBe(201)
    expect((await api.call('POST', `${shop}/instances?ifRevision=0`, spec)).status).toBe(412)
  })

  test('a list goes by filters and pages', async () => {
    await using api = await startApi()
    for (const [index, zone] of ['z1', 'z2', 'z1', 'z1'].entries()) {
      const spec = {
        id: `i${index}`,
        host: 'h',
        port: index,
        metadata: { zone, a: 'x:y' },
        location: { zone },
      }
      await api.call('POST', `${shop}/instances`, { ...spec, healthy: index !== 3 })
    }
    const ids = async (query: string): Promise<unknown> => {
      const { json } = await api.call('GET', `/v1/instances?${query}`)
      const { items, total } = json as { items: { id: string }[]; total: number }
      return [total, ...items.map(({ id }) => id)]
    }
    expect(await ids('')).toEqual([4, 'i0', 'i1', 'i2', 'i3'])
    expect(await ids('metadata=zone:z1&metadata=a:x:y')).toEqual([3, 'i0', 'i2', 'i3'])
    expect(await ids('zone=z1&healthy')).toEqual([2, 'i0', 'i2'])
    expect(await ids('healthy=false')).toEqual([1, 'i3'])
    expect(await ids('port=1&namespace=default&service=shop')).toEqual([1, 'i1'])
    expect(await ids('offset=1&limit=2')).toEqual([4, 'i1', 'i2'])
    expect(await ids('namespace=other')).toEqual([0])
  })

  test('a long page whose reader leaves is not written any further', async () => {
    await using api = await startApi()
    const before = api.environment.clock.pending
    await registerMany(api, 500)
    const controller = new AbortController()
    const answer = fetch(`${await api.listen()}/v1/instances?limit=500`, { signal: controller.signal })
    answer.catch(() => {})
    await until(() => api.environment.clock.pending > before)
    controller.abort()
    await expect(answer).rejects.toThrow()
    await until(() => api.environment.clock.pending === before)
  })

  test('a long page comes in pieces, and whole', async () => {
    await using api = await startApi()
    const count = 2_000
    await registerMany(api, count)
    const url = await api.listen()
    const response = await during(api.environment, fetch(`${url}/v1/instances?limit=10000`))
    expect(response.headers.get('content-length')).toBeNull()
    expect(await during(api.environment, response.json())).toEqual({
      total: count,
      items: JSON.parse(JSON.stringify(api.registry.instances({ limit: 10_000 }).items)) as unknown,
    })
  })
})

describe('heartbeats', () => {
  test('one is noted, or the instance has to register again', async () => {
    await using api = await startApi()
    await api.call('POST', `${shop}/instances`, { id: 'a', host: 'h', port: 1, ttlMs: 1_000 })
    expect(await api.call('PUT', `${shop}/instances/a/heartbeat`)).toMatchObject({ status: 204, text: '' })
    const unknown = await api.call('PUT', `${shop}/instances/b/heartbeat`)
    expect([unknown.status, unknown.json]).toMatchObject([404, { code: 'REGISTRY_INSTANCE_NOT_FOUND' }])
  })

  test('they keep an instance healthy, and bring it back', async () => {
    await using api = await startApi()
    await api.call('POST', `${shop}/instances`, { id: 'a', host: 'h', port: 1, ttlMs: 1_000 })
    const healthy = async (): Promise<unknown> => (await api.call('GET', `${shop}/instances/a`)).json
    for (let beat = 0; beat < 5; beat++) {
      await api.pass(800)
      await api.call('PUT', `${shop}/instances/a/heartbeat`)
    }
    expect(await healthy()).toMatchObject({ healthy: true })
    await api.pass(2_000)
    expect(await healthy()).toMatchObject({ healthy: false, expired: true, healthReason: 'expired' })
    await api.call('PUT', `${shop}/instances/a/heartbeat`)
    await api.pass(100)
    expect(await healthy()).toMatchObject({ healthy: true, healthReason: 'heartbeat' })
  })

  test('a batch says which of its instances are not known', async () => {
    await using api = await startApi()
    await registerShop(api, 'a', 'b')
    const key = (id: string): object => ({ namespace: 'default', service: 'shop', id })
    const { json } = await api.call('POST', '/v1/heartbeats', { keys: ['x', 'a', 'y', 'b'].map(key) })
    expect(json).toEqual({ counts: { ok: 2, unknown: 2, unavailable: 0 }, unknown: [0, 2], unavailable: [] })
    const many = await api.call('POST', '/v1/heartbeats', {
      keys: Array.from({ length: 10_000 }, () => key('a')),
    })
    expect(many.json).toMatchObject({ counts: { ok: 10_000 } })
    expect(
      (await api.call('POST', '/v1/heartbeats', { keys: Array.from({ length: 10_001 }, () => key('a')) }))
        .status,
    ).toBe(400)
  })

  test('a member that cannot vouch for them sends to another', async () => {
    await using api = await startApi({ overrides: { heartbeat: () => 'unavailable' } })
    const answer = await api.call('PUT', `${shop}/instances/a/heartbeat`)
    expect([answer.status, answer.json]).toMatchObject([503, { code: 'REGISTRY_UNAVAILABLE' }])
    expect(answer.headers['retry-after']).toBe('1')
    const keys = [{ namespace: 'default', service: 'shop', id: 'a' }]
    expect((await api.call('POST', '/v1/heartbeats', { keys })).json).toEqual({
      counts: { ok: 0, unknown: 0, unavailable: 1 },
      unknown: [],
      unavailable: [0],
    })
  })
})

async function registerMany(api: Api, count: number): Promise<void> {
  const register = (index: number): Promise<unknown> =>
    api.registry.register({
      namespace: 'default',
      service: 'shop',
      id: String(index).padStart(5, '0'),
      host: 'höst',
      port: 1,
      metadata: { filler: 'ü'.repeat(50) },
    })
  await Promise.all(Array.from({ length: count }, (_, index) => register(index)))
}
