import { createRegistry } from '@orrery/registry'
import { createMemoryStore } from '@orrery/store'
import { fastify } from 'fastify'
import { describe, expect, test } from 'vitest'
import { eurekaPlugin } from '../src/eureka-plugin.ts'
import { fieldsOf, spec, startServer } from './support.ts'

const xml = { accept: 'application/xml' }

describe('registration', () => {
  test('is answered with 204 and no body', async () => {
    await using server = await startServer()
    const response = await server.register('SHOP', 'a')
    expect([response.statusCode, response.body]).toEqual([204, ''])
    expect(server.registry.instance({ namespace: 'default', service: 'shop', id: 'a' })).toMatchObject({
      host: '10.0.0.1',
      port: 8080,
      protocol: 'http',
      healthy: true,
      ttlMs: 90_000,
      heartbeatIntervalMs: 30_000,
      evictAfterMs: 60_000,
      metadata: { color: 'red' },
    })
  })

  test.each([
    ['no host name', { hostName: undefined }],
    ['no address', { ipAddr: undefined }],
    ['another application', { app: 'OTHER' }],
    ['no data center', { dataCenterInfo: undefined }],
    ['a data center without a name', { dataCenterInfo: {} }],
    ['nothing to be known by', { instanceId: '', hostName: '' }],
    ['metadata that the registry cannot hold', { metadata: { constructor: 'x' } }],
  ])('with %s is answered with 400 and a text', async (_, fields) => {
    await using server = await startServer()
    const response = await server.register('SHOP', 'a', fields)
    expect(response.statusCode).toBe(400)
    expect(response.headers['content-type']).toMatch(/^text\/plain/)
    expect(response.body).not.toBe('')
  })

  test.each([
    ['application/json', '{'],
    ['application/json', ''],
    ['application/json', '[]'],
    ['application/xml', '<instance>'],
    ['application/xml', '<!DOCTYPE x [<!ENTITY e "e">]><instance/>'],
    ['application/json; charset=utf-16', '{}'],
  ])('of %s that is no instance is answered with 400: %j', async (contentType, payload) => {
    await using server = await startServer()
    const headers = { 'content-type': contentType }
    const response = await server.request({ method: 'POST', url: '/eureka/apps/SHOP', headers, payload })
    expect(response.statusCode).toBe(400)
  })

  test('takes XML', async () => {
    await using server = await startServer()
    const payload =
      '<instance><instanceId>a</instanceId><hostName>h</hostName><app>SHOP</app><ipAddr>10.0.0.1</ipAddr>' +
      '<dataCenterInfo class="x"><name>MyOwn</name></dataCenterInfo><metadata><my__key>1</my__key></metadata></instance>'
    const headers = { 'content-type': 'application/xml' }
    const response = await server.request({ method: 'POST', url: '/eureka/apps/SHOP', headers, payload })
    expect(response.statusCode).toBe(204)
    expect((await server.json('apps/SHOP/a')).instance['metadata']).toEqual({ my_key: '1' })
  })

  test('takes ISO-8859-1', async () => {
    await using server = await startServer()
    const text = JSON.stringify({ instance: fieldsOf('SHOP', 'a', { metadata: { city: 'Zürich' } }) })
    const headers = { 'content-type': 'application/json;charset=ISO-8859-1' }
    const payload = Buffer.from(text, 'latin1')
    const response = await server.request({ method: 'POST', url: '/eureka/apps/SHOP', headers, payload })
    expect(response.statusCode).toBe(204)
    expect((await server.json('apps/SHOP/a')).instance['metadata']).toEqual({ city: 'Zürich' })
  })
})

describe('heartbeats', () => {
  test('are answered with 200 and no body', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a')
    const response = await server.put('apps/SHOP/a')
    expect([response.statusCode, response.body]).toEqual([200, ''])
    expect((await server.put('apps/SHOP/a?status=DOWN')).statusCode).toBe(200)
    expect((await server.json('apps/SHOP/a')).instance['status']).toBe('UP')
  })

  test('of whom nobody knows are answered with 404 and no body', async () => {
    await using server = await startServer()
    const response = await server.put('apps/SHOP/a?status=UP&lastDirtyTimestamp=1')
    expect([response.statusCode, response.body]).toEqual([404, ''])
  })

  test('reach a service whose name has upper case', async () => {
    await using server = await startServer()
    await server.wait(server.registry.register(spec({ service: 'Shop', ttlMs: 10_000 })))
    expect((await server.put('apps/SHOP/a')).statusCode).toBe(200)
    expect((await server.put('apps/SHOP/a?lastDirtyTimestamp=0')).statusCode).toBe(200)
  })

  test('are answered with 503 and why when they cannot be vouched for', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a')
    server.registry.heartbeat = () => 'unavailable'
    const response = await server.put('apps/SHOP/a')
    expect(response.statusCode).toBe(503)
    expect(response.body).toMatch(/judges the instance cannot be reached/)
    expect(response.headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', 'retry-after': '3' })
  })

  test('are answered without a body then, if it would be read as an instance', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a')
    server.registry.heartbeat = () => 'unavailable'
    const response = await server.put('apps/SHOP/a?status=UP', { accept: 'application/json' })
    expect([response.statusCode, response.body]).toEqual([503, ''])
    expect(response.headers['content-type']).toBeUndefined()
    expect(response.headers).toMatchObject({ 'retry-after': '3' })
  })
})

describe('cancelling', () => {
  test('is answered with 200, a second time with 404, both without a body', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a')
    const first = await server.remove('apps/SHOP/a')
    const second = await server.remove('apps/SHOP/a')
    expect([first.statusCode, first.body]).toEqual([200, ''])
    expect([second.statusCode, second.body]).toEqual([404, ''])
  })
})

describe('metadata', () => {
  test('is merged, the first value of a key counting', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a')
    const response = await server.put('apps/SHOP/a/metadata?size=1&size=2&zone=z1&a%20b=c%2Bd')
    expect([response.statusCode, response.body]).toEqual([200, ''])
    const { instance } = await server.json('apps/SHOP/a')
    expect(instance['metadata']).toEqual({ color: 'red', size: '1', zone: 'z1', 'a b': 'c+d' })
    expect(server.registry.instance({ namespace: 'default', service: 'shop', id: 'a' })?.location.zone).toBe(
      'z1',
    )
  })

  test('of whom nobody knows is answered with 404', async () => {
    await using server = await startServer()
    expect((await server.put('apps/SHOP/a/metadata?a=b')).statusCode).toBe(404)
  })
})

describe('reading', () => {
  test('all applications of an empty registry are an empty list', async () => {
    await using server = await startServer()
    for (const path of ['apps', 'apps/', 'apps/delta', 'vips/x', 'svips/x', 'apps?regions=a,b']) {
      const response = await server.get(path)
      expect(response.statusCode).toBe(200)
      expect(response.json()).toEqual({
        applications: {
          versions__delta: expect.stringMatching(/^\d+$/) as string,
          apps__hashcode: '',
          application: [],
        },
      })
    }
  })

  test('an application, and an instance, have envelopes of their own', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a')
    const { application } = await server.json('apps/shop')
    expect(application).toMatchObject({ name: 'SHOP', instance: [{ instanceId: 'a', actionType: 'ADDED' }] })
    expect((await server.json('apps/Shop/a')).instance).toMatchObject({ instanceId: 'a', app: 'SHOP' })
    expect((await server.json('instances/a')).instance).toMatchObject({ instanceId: 'a', app: 'SHOP' })
  })

  test.each([
    'apps/NONE',
    'apps/NONE/a',
    'apps/SHOP/b',
    'apps/SHOP/A',
    'instances/b',
    'nothing',
    'serverinfo/x',
    '',
  ])('what is not there is answered with 404 and no body: %s', async (path) => {
    await using server = await startServer()
    await server.register('SHOP', 'a')
    const response = await server.get(path)
    expect([response.statusCode, response.body]).toEqual([404, ''])
  })

  test('vip addresses are matched element by element, exactly', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a', { vipAddress: 'Shop,store', secureVipAddress: 'safe' })
    await server.register('SHOP', 'b', { vipAddress: 'store' })
    await server.register('AUTH', 'c', { vipAddress: 'store' })
    const idsOf = async (path: string) => {
      const { application } = (await server.json(path)).applications
      return application.flatMap(({ instance }) => instance.map(({ instanceId }) => instanceId))
    }
    expect(await idsOf('vips/Shop')).toEqual(['a'])
    expect(await idsOf('vips/shop')).toEqual([])
    expect(await idsOf('vips/store')).toEqual(['c', 'a', 'b'])
    expect(await idsOf('svips/safe')).toEqual(['a'])
    expect((await server.json('vips/store')).applications.apps__hashcode).toBe('UP_3_')
    await server.remove('apps/SHOP/b')
    expect(await idsOf('vips/store')).toEqual(['c', 'a'])
    await server.register('SHOP', 'a', { vipAddress: 'other' })
    expect(await idsOf('vips/Shop')).toEqual([])
    expect(await idsOf('vips/other')).toEqual(['a'])
  })

  test('an exact match of an id finds it in any application', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'host:shop:80')
    expect((await server.get('instances/host%3Ashop%3A80')).statusCode).toBe(200)
  })
})

describe('status', () => {
  test('tells of self-preservation, in both formats', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a')
    const json = await server.get('status')
    expect(json.json()).toMatchObject({
      generalStats: { 'registry-state': 'ready' },
      applicationStats: { instances: '1', 'self-preservation': 'false', 'registered-replicas': '' },
      instanceInfo: { app: 'EUREKA', status: 'UP' },
    })
    const text = await server.get('status', xml)
    expect(text.headers['content-type']).toBe('application/xml')
    expect(text.body).toMatch(/^<statusInfo>.*<instanceInfo><instanceId>.*<\/instanceInfo><\/statusInfo>$/)
  })

  test('overrides are listed by the ids of their instances', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a')
    await server.register('SHOP', 'b')
    await server.put('apps/SHOP/a/status?value=OUT_OF_SERVICE')
    const response = await server.get('serverinfo/statusoverrides')
    expect(response.json()).toEqual({ a: 'OUT_OF_SERVICE' })
  })

  test('auto scaling groups are refused', async () => {
    await using server = await startServer()
    expect((await server.put('asg/group/status?value=ENABLED')).statusCode).toBe(400)
  })
})

describe('what is served', () => {
  test('namespaces do not see each other', async () => {
    await using server = await startServer({ namespace: 'east' })
    await server.register('SHOP', 'a')
    const there = { 'x-namespace': 'west', accept: 'application/json' }
    expect((await server.get('apps/SHOP', there)).statusCode).toBe(404)
    expect((await server.put('apps/SHOP/a', there)).statusCode).toBe(404)
    expect((await server.put('apps/SHOP/a')).statusCode).toBe(200)
    const payload = { instance: fieldsOf('SHOP', 'w') }
    await server.request({ method: 'POST', url: '/eureka/apps/SHOP', headers: there, payload })
    expect((await server.get('apps/SHOP/w', there)).statusCode).toBe(200)
    expect((await server.get('apps/SHOP/w')).statusCode).toBe(404)
    expect((await server.get('apps', { 'x-namespace': 'a b' })).statusCode).toBe(400)
  })

  test('instances of other protocols are there, and can be found by the name of their service', async () => {
    await using server = await startServer()
    const location = { zone: 'z1' }
    await server.wait(server.registry.register(spec({ protocol: 'https', metadata: { a: 'b' }, location })))
    const { instance } = await server.json('apps/SHOP/a')
    expect(instance).toMatchObject({
      instanceId: 'a',
      hostName: '10.0.0.9',
      ipAddr: '10.0.0.9',
      vipAddress: 'shop',
      port: { $: 80, '@enabled': 'false' },
      securePort: { $: 9090, '@enabled': 'true' },
      dataCenterInfo: { name: 'MyOwn' },
      metadata: { a: 'b', zone: 'z1' },
    })
    expect((await server.json('vips/shop')).applications.application).toHaveLength(1)
  })

  test('services whose names differ in upper and lower case are one application', async () => {
    await using server = await startServer()
    await server.wait(server.registry.register(spec({ service: 'Shop' })))
    await server.register('SHOP', 'a')
    const { application } = (await server.json('apps')).applications
    expect(application).toHaveLength(1)
    expect(application[0]?.instance).toHaveLength(2)
    await server.remove('apps/SHOP/a')
    await server.remove('apps/SHOP/a')
    expect((await server.get('apps/SHOP')).statusCode).toBe(404)
  })

  test('another context path, and a prefix of the host, serve the same', async () => {
    const store = createMemoryStore()
    const registry = createRegistry({ store })
    await registry.start()
    const app = fastify()
    await app.register(eurekaPlugin, { registry, contextPath: '/discovery/', prefix: '/inner' })
    for (const url of ['/inner/eureka/apps', '/inner/discovery/v2/apps/', '/inner/discovery/apps']) {
      expect((await app.inject({ url })).statusCode).toBe(200)
    }
    expect((await app.inject({ url: '/eureka/apps' })).statusCode).toBe(404)
    await app.close()
    await registry.close()
    await store.close()
  })

  test('before the registry is ready there is only 503, and then what it has', async () => {
    const store = createMemoryStore()
    const registry = createRegistry({ store })
    const other = createRegistry({ store })
    await other.start()
    await other.register(spec())
    const app = fastify()
    await app.register(eurekaPlugin, { registry })
    const before = await app.inject({ url: '/eureka/apps' })
    expect([before.statusCode, before.body]).toEqual([503, ''])
    expect((await app.inject({ method: 'PUT', url: '/eureka/apps/SHOP/a' })).statusCode).toBe(503)
    await registry.start()
    const headers = { accept: 'application/json' }
    expect((await app.inject({ url: '/eureka/apps/SHOP/a', headers })).statusCode).toBe(200)
    const delta = (await app.inject({ url: '/eureka/apps/delta', headers })).json<unknown>()
    expect(delta).toMatchObject({ applications: { apps__hashcode: 'UP_1_', application: [] } })
    await app.close()
    await registry.close()
    expect(other.state).toBe('ready')
    await other.close()
    await store.close()
  })

  test('connections are limited from when the server is ready until it is closed', async () => {
    const seen: string[] = []
    const connectionLimits = {
      guard: () => {
        seen.push('guarded')
        return () => seen.push('released')
      },
    }
    const server = await startServer({ connectionLimits })
    expect(seen).toEqual(['guarded'])
    await server[Symbol.asyncDispose]()
    expect(seen).toEqual(['guarded', 'released'])
  })

  test('nothing is left of it when the server is closed', async () => {
    const server = await startServer()
    await server.register('SHOP', 'a')
    await server.pass(95_000)
    await server[Symbol.asyncDispose]()
    expect(server.environment.clock.pending).toBe(0)
  })

  test.each([
    { namespace: 'a b' },
    { contextPath: 'eureka' },
    { leaseDurationFactor: 0.5 },
    { gzipLevel: 10 },
    { deltaExpireInterval: 1 },
    { cacheMaxBytes: 0.5 },
    { unhealthyExpireInterval: Number.NaN },
  ])('an option out of its range is refused: %j', async (options) => {
    await expect(startServer(options)).rejects.toMatchObject({ code: 'EUREKA_OPTION_INVALID' })
  })
})
