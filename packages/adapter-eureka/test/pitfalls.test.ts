import { gunzipSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { fieldsOf, spec, startServer } from './support.ts'

describe('what other servers got wrong', () => {
  test('1: every prefix, slash and escape leads to the same', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'host:shop:80')
    for (const url of [
      '/eureka/apps/SHOP/host:shop:80',
      '/eureka/v2/apps/SHOP/host%3Ashop%3A80',
      '/eureka/v1/apps/shop/host:shop:80/',
      '/eureka//apps//SHOP/host:shop:80',
      '/eureka/apps/SHOP/host:shop:80?x=a/b',
    ]) {
      expect([url, (await server.request({ method: 'PUT', url })).statusCode]).toEqual([url, 200])
    }
    await server.register('SHOP', 'a/b c')
    expect((await server.get('apps/SHOP/a%2Fb%20c')).statusCode).toBe(200)
    expect((await server.get('apps/SHOP/a/b c')).statusCode).toBe(404)
  })

  test('2: what is empty is empty, whatever the client would like to read', async () => {
    await using server = await startServer()
    for (const accept of ['application/json', 'application/xml', '*/*']) {
      const response = await server.put('apps/SHOP/a', { accept, 'content-type': 'application/json' })
      expect([response.statusCode, response.body, response.headers['content-type']]).toEqual([
        404,
        '',
        undefined,
      ])
    }
  })

  test.each([
    ['application/json', 'application/json'],
    ['application/json, application/*+json', 'application/json'],
    ['text/html, Application/JSON;q=0.9', 'application/json'],
    ['application/xml', 'application/xml'],
    ['*/*', 'application/xml'],
    [undefined, 'application/xml'],
  ])('3: for whoever accepts %s the answer is %s', async (accept, contentType) => {
    await using server = await startServer()
    await server.register('SHOP', 'a')
    for (const path of [
      'apps',
      'apps/delta',
      'apps/SHOP',
      'apps/SHOP/a',
      'instances/a',
      'vips/shop',
      'status',
    ]) {
      const response = await server.get(path, accept === undefined ? {} : { accept })
      expect(response.headers['content-type']).toBe(contentType)
    }
  })

  test('4: XML escapes underscores in names, in both directions', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a', { metadata: { my_key: 'a<b', 'is $': 'x', $cost: '1' } })
    const { body } = await server.get('apps', {})
    expect(body).toMatch(/^<applications><versions__delta>\d+<\/versions__delta><apps__hashcode>UP_1_</)
    expect(body).toContain('<metadata><my__key>a&lt;b</my__key><_-cost>1</_-cost></metadata>')
  })

  test('5: fields have the types that strict readers want', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a', { port: 8080 })
    const { instance } = await server.json('apps/SHOP/a')
    expect(instance).toMatchObject({
      port: { $: 8080, '@enabled': 'true' },
      lastDirtyTimestamp: '1000',
      lastUpdatedTimestamp: expect.stringMatching(/^17\d{11}$/) as string,
      leaseInfo: { renewalIntervalInSecs: 30, durationInSecs: 90, evictionTimestamp: 0 },
      isCoordinatingDiscoveryServer: 'false',
    })
  })

  test('6: lists are never null, and no application is empty', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a')
    await server.remove('apps/SHOP/a')
    expect((await server.json('apps')).applications.application).toEqual([])
    expect((await server.get('apps/SHOP')).statusCode).toBe(404)
  })

  test('7: the hash code is of everything, also in a delta', async () => {
    await using server = await startServer({ deltaExpireInterval: 1_000 })
    await server.register('SHOP', 'a')
    await server.register('SHOP', 'b', { status: 'DOWN' })
    await server.register('AUTH', 'c')
    await server.register('AUTH', 'd', { status: 'STARTING' })
    await server.register('AUTH', 'e', { status: 'OUT_OF_SERVICE' })
    await server.pass(1_050)
    const all = (await server.json('apps')).applications
    const delta = (await server.json('apps/delta')).applications
    expect(all.apps__hashcode).toBe('DOWN_1_OUT_OF_SERVICE_1_STARTING_1_UP_2_')
    expect(delta).toEqual({ ...all, application: [] })
  })

  test('8: a delta has each instance once, the deleted ones last, and each says what happened', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a')
    await server.register('SHOP', 'b')
    await server.remove('apps/SHOP/a')
    await server.register('SHOP', 'c')
    await server.put('apps/SHOP/c/metadata?x=1')
    const { application } = (await server.json('apps/delta')).applications
    const seen = application.map(({ instance }) =>
      instance.map((one) => [one['instanceId'], one['actionType']]),
    )
    expect(seen).toEqual([
      [
        ['b', 'ADDED'],
        ['c', 'MODIFIED'],
        ['a', 'DELETED'],
      ],
    ])
    expect(application[0]?.instance[2]).toMatchObject({ app: 'SHOP', status: 'UP', hostName: 'a.example' })
  })

  test('9 and 10: vip addresses and ids stay byte for byte', async () => {
    await using server = await startServer()
    const fields = { vipAddress: 'Shop.Vip,OTHER', secureVipAddress: 'Safe' }
    await server.register('SHOP', 'Host:Shop:80', fields)
    expect((await server.json('apps/SHOP/Host:Shop:80')).instance).toMatchObject({
      ...fields,
      instanceId: 'Host:Shop:80',
    })
    await server.register('AUTH', 'Host:Shop:80')
    expect((await server.json('apps')).applications.application).toHaveLength(2)
  })

  test('11: @class is no metadata, numbers and booleans are', async () => {
    await using server = await startServer()
    const metadata = { '@class': 'java.util.Collections$EmptyMap', n: 1, b: true }
    await server.register('SHOP', 'a', { metadata })
    expect((await server.json('apps/SHOP/a')).instance['metadata']).toEqual({ n: '1', b: 'true' })
  })

  test('14: instances that are not up are listed', async () => {
    await using server = await startServer()
    for (const status of ['DOWN', 'STARTING', 'OUT_OF_SERVICE'])
      await server.register('SHOP', status, { status })
    const { application } = (await server.json('apps')).applications
    expect(application[0]?.instance.map(({ status }) => status)).toEqual([
      'DOWN',
      'STARTING',
      'OUT_OF_SERVICE',
    ])
  })

  test('15: a data center stays what it is', async () => {
    await using server = await startServer()
    const dataCenterInfo = {
      '@class': 'com.netflix.appinfo.AmazonInfo',
      name: 'Amazon',
      metadata: { 'instance-id': 'i-1', 'ami-id': 'ami-1' },
    }
    await server.register('SHOP', '', { dataCenterInfo })
    expect((await server.json('apps/SHOP/i-1')).instance).toMatchObject({ dataCenterInfo })
    expect((await server.json('apps/SHOP/i-1')).instance).not.toHaveProperty('instanceId')
  })

  test('16: only who asks for gzip gets it', async () => {
    await using server = await startServer()
    for (let n = 0; n < 10; n++) await server.register('SHOP', `a${n}`)
    const accept = 'application/json'
    const plain = await server.get('apps', { accept, 'accept-encoding': 'deflate, gzip;q=0' })
    expect(plain.headers['content-encoding']).toBeUndefined()
    for (const path of ['apps', 'apps/delta', 'apps/SHOP', 'vips/shop']) {
      const packed = await server.get(path, { accept, 'accept-encoding': 'deflate, gzip' })
      const bare = await server.get(path, { accept })
      expect(packed.headers['content-encoding']).toBe('gzip')
      expect(gunzipSync(packed.rawPayload)).toEqual(bare.rawPayload)
    }
  })

  test('19: bodies are bounded, as they come and decompressed', async () => {
    await using server = await startServer({ bodyMaxBytes: 4_096 })
    const post = async (payload: Buffer, headers: Readonly<Record<string, string>>): Promise<number> => {
      const response = await server.request({
        method: 'POST',
        url: '/eureka/apps/SHOP',
        payload,
        headers: { 'content-type': 'application/json', ...headers },
      })
      texts.push(response.body)
      return response.statusCode
    }
    const texts: string[] = []
    const gzip = { 'content-encoding': 'gzip' }
    const fitting = Buffer.from(JSON.stringify({ instance: fieldsOf('SHOP', 'a') }))
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, 32))
    expect(bomb.length).toBeGreaterThan(4_096)
    expect(await post(gzipSync(fitting), gzip)).toBe(204)
    expect(await post(gzipSync(Buffer.alloc(100_000, 32)), gzip)).toBe(413)
    expect(texts.pop()).toMatch(/more than 4096 bytes decompressed$/)
    expect(await post(bomb, gzip)).toBe(413)
    expect(await post(Buffer.alloc(5_000, 32), {})).toBe(413)
    expect(await post(fitting, gzip)).toBe(400)
    expect(await post(fitting, { 'content-encoding': 'br' })).toBe(400)
  })

  test('20: while the registry protects itself, missing instances stay what they were', async () => {
    const protection = { instancesMin: 2, threshold: 0.85 }
    await using server = await startServer({ evictAfterMs: 5_000 }, { protection })
    await server.register('SHOP', 'a')
    await server.register('SHOP', 'b', { status: 'OUT_OF_SERVICE' })
    await server.pass(100_000)
    expect(server.registry.protection()).toBe(true)
    const response = await server.get('apps')
    expect(response.headers['x-self-preservation']).toBe('active')
    expect(response.json<{ applications: unknown }>().applications).toMatchObject({
      apps__hashcode: 'OUT_OF_SERVICE_1_UP_1_',
    })
    expect((await server.get('status')).json()).toMatchObject({
      applicationStats: { 'self-preservation': 'true' },
    })
    await server.put('apps/SHOP/a')
    await server.put('apps/SHOP/b')
    await server.pass(1_000)
    const after = await server.get('apps')
    expect(after.headers['x-self-preservation']).toBeUndefined()
  })
})

describe('forms of answers', () => {
  test('compact leaves out what is not needed to call', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a', { homePageUrl: 'http://x/' })
    for (const path of ['apps', 'apps/delta', 'vips/shop']) {
      const response = await server.get(path, { accept: 'application/json', 'x-eureka-accept': 'compact' })
      const [instance] =
        response.json<{ applications: { application: { instance: object[] }[] } }>().applications
          .application[0]?.instance ?? []
      expect(instance).not.toHaveProperty('metadata')
      expect(instance).not.toHaveProperty('homePageUrl')
      expect(instance).toHaveProperty('vipAddress')
    }
    const full = await server.json('apps')
    expect(full.applications.application[0]?.instance[0]).toHaveProperty('homePageUrl')
  })

  test('clients of the first version know fewer statuses', async () => {
    await using server = await startServer()
    for (const status of ['DOWN', 'STARTING', 'OUT_OF_SERVICE', 'UP']) {
      await server.register('SHOP', status, { status })
    }
    const { application, apps__hashcode } = (await server.json('v1/apps')).applications
    expect(application[0]?.instance.map(({ status }) => status)).toEqual(['DOWN', 'STARTING', 'DOWN', 'UP'])
    expect(apps__hashcode).toBe('DOWN_2_STARTING_1_UP_1_')
    expect((await server.json('v1/apps/SHOP/OUT_OF_SERVICE')).instance['status']).toBe('DOWN')
    expect((await server.json('v2/apps/SHOP/OUT_OF_SERVICE')).instance['status']).toBe('OUT_OF_SERVICE')
  })

  test('versions of lists are digits that grow with changes', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a')
    const first = Number((await server.json('apps')).applications.versions__delta)
    await server.wait(server.registry.register(spec({ namespace: 'elsewhere' })))
    expect(Number((await server.json('apps')).applications.versions__delta)).toBe(first)
    await server.register('SHOP', 'b')
    expect(Number((await server.json('apps')).applications.versions__delta)).toBeGreaterThan(first)
  })
})
