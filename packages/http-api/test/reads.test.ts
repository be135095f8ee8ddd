import { describe, expect, test, vi } from 'vitest'
import { registerShop, shop, startApi } from './support.ts'

interface Snapshot {
  readonly revision: number
  readonly instances: readonly { readonly id: string }[]
}

describe('discovery', () => {
  test('it gives a snapshot with its revision, and 304 to whoever has it', async () => {
    await using api = await startApi()
    await registerShop(api, 'b', 'a')
    const first = await api.call('GET', `${shop}/discover`)
    const { revision, instances } = first.json as Snapshot
    expect(instances.map(({ id }) => id)).toEqual(['a', 'b'])
    const tag = `"${revision}"`
    expect(first.headers['etag']).toBe(tag)
    for (const header of [tag, `W/${tag}`, `"1", ${tag}`]) {
      const same = await api.call('GET', `${shop}/discover`, undefined, { 'if-none-match': header })
      expect([same.status, same.text, same.headers['etag']]).toEqual([304, '', tag])
    }
    expect((await api.call('GET', `${shop}/discover?revision=${revision}`)).status).toBe(304)
    expect((await api.call('GET', `${shop}/discover?linearizable&revision=${revision}`)).status).toBe(304)

    await registerShop(api, 'c')
    const other = await api.call('GET', `${shop}/discover`, undefined, { 'if-none-match': tag })
    expect(other.status).toBe(200)
    expect((other.json as Snapshot).instances).toHaveLength(3)
  })

  test('an entity tag that is none of ours does no harm', async () => {
    await using api = await startApi()
    await registerShop(api, 'a')
    for (const header of ['x', '"', '"1', '*', ',,,', '"99999999999999999999"']) {
      expect((await api.call('GET', `${shop}/discover`, undefined, { 'if-none-match': header })).status).toBe(
        200,
      )
    }
  })

  test('it goes by filters, and by who asks', async () => {
    await using api = await startApi()
    const add = (id: string, more: object): Promise<unknown> =>
      api.call('POST', `${shop}/instances`, { id, host: 'h', port: 1, ...more })
    await add('a', { metadata: { env: 'x' }, location: { zone: 'z' } })
    await add('b', { healthy: false })
    await add('c', { protocol: 'grpc', version: '2' })
    const ids = async (query: string): Promise<readonly string[]> => {
      const { json } = await api.call('GET', `${shop}/discover?${query}`)
      return (json as Snapshot).instances.map(({ id }) => id)
    }
    expect(await ids('healthyOnly')).toEqual(['a', 'c'])
    expect(await ids('healthyOnly=false')).toEqual(['a', 'b', 'c'])
    expect(await ids('metadata=env:x&zone=z')).toEqual(['a'])
    expect(await ids('protocol=grpc&version=2&linearizable=true')).toEqual(['c'])
    await api.call('PATCH', shop, { exportTo: ['blue'] })
    const elsewhere = '/v1/namespaces/blue/services/shop/discover'
    expect((await api.call('GET', elsewhere)).json).toMatchObject({ code: 'REGISTRY_SERVICE_NOT_FOUND' })
    expect((await api.call('GET', `${elsewhere}?from=blue`)).json).toMatchObject({ instances: [{}, {}, {}] })
  })
})

describe('names', () => {
  test('slashes and other characters of names are escaped in paths', async () => {
    await using api = await startApi()
    const path = '/v1/namespaces/team%2Fa/services/shop%2Fv1.0:x'
    const id = 'grüße/%2F?#'
    expect((await api.call('POST', `${path}/instances`, { id, host: 'h', port: 1 })).status).toBe(201)
    const one = await api.call('GET', `${path}/instances/${encodeURIComponent(id)}`)
    expect(one.json).toMatchObject({ namespace: 'team/a', service: 'shop/v1.0:x', id })
    expect((await api.call('GET', `/v1/instances?id=${encodeURIComponent(id)}`)).json).toMatchObject({
      total: 1,
    })
    expect((await api.call('GET', `${path}/discover`)).json).toMatchObject({ service: 'shop/v1.0:x' })
  })

  test('the longest ones fit', async () => {
    await using api = await startApi()
    const [namespace, service, id] = ['n'.repeat(64), 's'.repeat(128), 'ü'.repeat(256)]
    const path = `/v1/namespaces/${namespace}/services/${service}/instances`
    expect((await api.call('POST', path, { id, host: 'h', port: 1 })).status).toBe(201)
    expect((await api.call('GET', `${path}/${encodeURIComponent(id)}`)).status).toBe(200)
  })
})

describe('changes', () => {
  test('they are told from a revision on, in portions, and are gone one day', async () => {
    await using api = await startApi({ registryOptions: { changesMaxItems: 20 } })
    await registerShop(api, 'a', 'b', 'c')
    const ask = async (
      query: string,
    ): Promise<{ revision: number; more: boolean; batches: { revision: number }[] }> =>
      (await api.call('GET', `/v1/changes?${query}`)).json as never
    const since = api.registry.instance({ namespace: 'default', service: 'shop', id: 'a' })?.revision ?? 0
    const all = await ask(`since=${since}`)
    expect(all).toMatchObject({ revision: api.registry.revision, more: false })
    expect(all.batches).toMatchObject([
      { instances: [{ type: 'registered', instance: { id: 'b' } }], services: [], namespaces: [] },
      { instances: [{ type: 'registered', instance: { id: 'c' } }] },
    ])
    const first = await ask(`since=${since}&limit=1`)
    expect(first).toMatchObject({ revision: all.batches[0]?.revision, more: true })
    const second = await ask(`since=${first.revision}&limit=1`)
    expect(second).toMatchObject({ revision: all.revision, more: false, batches: [{}] })
    expect(await ask(`since=${all.revision}`)).toEqual({ revision: all.revision, more: false, batches: [] })
    // Nothing there: whoever asks need not ask for the same again.
    expect(await ask(`since=${since}&namespace=other`)).toEqual({ ...all, batches: [] })

    for (let round = 0; round < 30; round++) await api.call('PATCH', `${shop}/instances/a`, { weight: round })
    const gone = await api.call('GET', `/v1/changes?since=${since}`)
    expect([gone.status, gone.json]).toMatchObject([410, { code: 'HTTP_API_CHANGES_GONE' }])
  })

  test('the last changes of health and removals are remembered, the newest first', async () => {
    await using api = await startApi({ options: { eventsMax: 3 } })
    await api.call('POST', `${shop}/instances`, {
      id: 'a',
      host: 'h',
      port: 1,
      ttlMs: 1_000,
      evictAfterMs: 1_000,
    })
    await registerShop(api, 'b')
    expect((await api.call('GET', '/v1/events')).json).toEqual({ items: [] })
    await api.pass(2_500)
    const { json } = await api.call('GET', '/v1/events')
    expect(json).toMatchObject({
      items: [
        {
          type: 'removed',
          id: 'a',
          reason: 'evicted',
          namespace: 'default',
          service: 'shop',
          timeMs: expect.any(Number) as number,
        },
        { type: 'healthChanged', id: 'a', reason: 'expired', healthy: false, host: 'h', port: 1 },
      ],
    })
    await api.call('PATCH', `${shop}/instances/b`, { healthy: false })
    await api.call('DELETE', `${shop}/instances/b`)
    const types = async (query: string): Promise<readonly string[]> => {
      const { items } = (await api.call('GET', `/v1/events?${query}`)).json as {
        items: { id: string; reason: string }[]
      }
      return items.map(({ id, reason }) => `${id} ${reason}`)
    }
    expect(await types('')).toEqual(['b deregistered', 'b reported', 'a evicted'])
    expect(await types('id=b&namespace=default&service=shop&limit=1')).toEqual(['b deregistered'])
    expect(await types('namespace=other')).toEqual([])
  })
})

describe('operations', () => {
  const self = { name: 'a', address: '', self: true, reachable: undefined }

  test('stats, checkers and protection are shown as they are', async () => {
    await using api = await startApi()
    await registerShop(api, 'a')
    const { registry } = api
    expect((await api.call('GET', '/v1/stats')).json).toEqual(registry.stats())
    expect((await api.call('GET', '/v1/checkers')).json).toEqual({ items: registry.checkers() })
    expect((await api.call('GET', '/v1/protection')).json).toEqual(registry.stats().protection)
    expect((await api.call('GET', '/v1/protection?namespace=default&service=shop')).json).toEqual({
      active: false,
    })
    expect((await api.call('GET', '/v1/protection?service=shop')).status).toBe(400)
  })

  test('what a registry of another version tells besides is not lost', async () => {
    await using api = await startApi({ overrides: { checkers: () => [{ ...self, zone: 'z1' }] } })
    expect((await api.call('GET', '/v1/checkers')).json).toEqual({ items: [{ ...self, zone: 'z1' }] })
  })

  test('a registry that outlives the server is not listened to any more', async () => {
    await using api = await startApi()
    const off = vi.spyOn(api.registry.events, 'off')
    await api.app.close()
    expect(off).toHaveBeenCalledExactlyOnceWith('changed', expect.any(Function))
  })

  test('health says whether the registry serves', async () => {
    await using api = await startApi({ isUnstarted: true })
    expect(await api.call('GET', '/health')).toMatchObject({ status: 503, json: { state: 'created' } })
    const early = await api.call('GET', `${shop}/discover`)
    expect([early.status, early.json]).toMatchObject([503, { code: 'REGISTRY_NOT_READY' }])
    expect((await api.call('GET', '/v1/stats')).status).toBe(200)
    await api.registry.start()
    expect(await api.call('GET', '/health')).toMatchObject({ status: 200, json: { state: 'ready' } })
    await api.registry.close()
    expect((await api.call('GET', '/health')).status).toBe(503)
    expect((await api.call('GET', shop)).json).toMatchObject({ code: 'REGISTRY_CLOSED' })
  })

  test('metrics tell what the registry counts, however often they are read', async () => {
    await using api = await startApi()
    await api.call('POST', `${shop}/instances`, { id: 'a', host: 'h', port: 1, ttlMs: 1_000 })
    await api.call('PUT', `${shop}/instances/a/heartbeat`)
    await api.call('PUT', `${shop}/instances/b/heartbeat`)
    await api.call('PATCH', `${shop}/instances/a`, { healthy: false })
    await api.call('GET', '/metrics')
    const { text, headers } = await api.call('GET', '/metrics')
    expect(headers['content-type']).toContain('text/plain')
    for (const line of [
      'orrery_registry_ready 1',
      'orrery_registry_instances 1',
      'orrery_registry_healthy_instances 0',
      'orrery_registry_services 1',
      'orrery_registry_heartbeats_total{answer="ok"} 1',
      'orrery_registry_heartbeats_total{answer="unknown"} 1',
      'orrery_registry_health_changes_total{reason="reported"} 1',
      'orrery_registry_removals_total{reason="evicted"} 0',
      'orrery_registry_protection_active 0',
      'orrery_registry_judging_paused_total{cause="silentMember"} 0',
      'orrery_registry_queue_items{kind="register"} 0',
      'orrery_registry_http_streams 0',
    ]) {
      expect(text.split('\n')).toContain(line)
    }
  })

  test('connections are listed, and those of a host ended', async () => {
    const open = [
      { listener: 'main', host: '10.0.0.1', remoteAddress: '10.0.0.1', openedMs: 1 },
      { listener: 'main', host: '2001:db8::/64', remoteAddress: '2001:db8::1', openedMs: 2 },
      { listener: 'main', host: undefined, remoteAddress: undefined, openedMs: 3 },
    ]
    const closed: string[] = []
    const connectionLimits = {
      stats: () => ({ total: 3, hosts: 2, refused: { perHost: 4, hosts: 0, total: 0 } }),
      connections: () => open,
      closeHost: (host: string) => closed.push(host) - 1,
    }
    await using api = await startApi({ options: { connectionLimits } })
    expect((await api.call('GET', '/v1/connections?limit=2')).json).toEqual({
      stats: connectionLimits.stats(),
      total: 3,
      items: open.slice(0, 2),
    })
    expect((await api.call('GET', '/v1/connections?host=10.0.0.1')).json).toMatchObject({ total: 1 })
    expect((await api.call('DELETE', '/v1/connections/10.0.0.1')).json).toMatchObject({
      code: 'HTTP_API_CONNECTIONS_NOT_FOUND',
    })
    expect((await api.call('DELETE', '/v1/connections/2001:db8::%2F64')).json).toEqual({ closed: 1 })
    expect(closed).toEqual(['10.0.0.1', '2001:db8::/64'])
  })

  test('there are no connections without their limits', async () => {
    await using api = await startApi()
    expect((await api.call('GET', '/v1/connections')).status).toBe(404)
  })
})
