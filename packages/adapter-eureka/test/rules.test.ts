import { describe, expect, test } from 'vitest'
import { eurekaDefaults } from '../src/options.ts'
import { readInstanceJson } from '../src/wire/json-reader.ts'
import { Registrations } from '../src/writes/registrations.ts'
import { fieldsOf, type ManualServer, spec, startServer } from './support.ts'

const key = { namespace: 'default', service: 'shop', id: 'a' }
const peer = { 'x-netflix-discovery-replication': 'true', accept: 'application/json' }

async function instanceOf(server: ManualServer): Promise<Readonly<Record<string, unknown>>> {
  return (await server.json('apps/SHOP/a')).instance
}

describe('the later lastDirtyTimestamp wins', () => {
  test('a registration that is older than what is known only renews', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a', { lastDirtyTimestamp: '2000', metadata: { color: 'new' } })
    await server.pass(89_000)
    const older = await server.register('SHOP', 'a', {
      lastDirtyTimestamp: '1999',
      metadata: { color: 'old' },
    })
    expect(older.statusCode).toBe(204)
    await server.pass(89_000)
    expect(await instanceOf(server)).toMatchObject({ status: 'UP', metadata: { color: 'new' } })
  })

  test('one that is as old, newer or without a timestamp is taken', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a', { lastDirtyTimestamp: '2000' })
    for (const [lastDirtyTimestamp, color] of [
      ['2000', '1'],
      ['2001', '2'],
      [undefined, '3'],
    ]) {
      await server.register('SHOP', 'a', { lastDirtyTimestamp, metadata: { color } })
      expect((await instanceOf(server))['metadata']).toEqual({ color })
    }
  })

  test('a heartbeat that knows more is answered with 404, so that the instance registers', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a', { lastDirtyTimestamp: '2000' })
    const response = await server.put('apps/SHOP/a?status=UP&lastDirtyTimestamp=2001')
    expect([response.statusCode, response.body]).toEqual([404, ''])
    expect((await server.put('apps/SHOP/a?status=UP&lastDirtyTimestamp=2000')).statusCode).toBe(200)
    expect((await server.put('apps/SHOP/a?status=UP')).statusCode).toBe(200)
    expect((await server.put('apps/SHOP/a?lastDirtyTimestamp=yesterday')).statusCode).toBe(400)
  })

  test('a heartbeat that knows less is answered with 409 and the instance, if it comes from a peer', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a', { lastDirtyTimestamp: '2000' })
    const direct = await server.put('apps/SHOP/a?lastDirtyTimestamp=1999')
    expect([direct.statusCode, direct.body]).toEqual([200, ''])
    const passedOn = await server.put('apps/SHOP/a?lastDirtyTimestamp=1999', peer)
    expect(passedOn.statusCode).toBe(409)
    expect(passedOn.json()).toMatchObject({ instance: { instanceId: 'a', lastDirtyTimestamp: '2000' } })
  })

  test('also of registrations that are decided at the same time', async () => {
    await using server = await startServer()
    const registrations = new Registrations({ ...eurekaDefaults, ...server })
    const info = (n: number) =>
      readInstanceJson(fieldsOf('SHOP', 'a', { lastDirtyTimestamp: n, metadata: { n } }))
    const order = [2, 5, 3, 1, 4].map((n) => registrations.register('default', info(n)))
    await server.wait(Promise.all(order))
    expect((await instanceOf(server))['metadata']).toEqual({ n: '5' })
  })

  test('while a status is set at the same time, too', async () => {
    await using server = await startServer()
    await Promise.all([
      server.register('SHOP', 'a', { lastDirtyTimestamp: '3000', metadata: { n: '3' } }),
      server.register('SHOP', 'a', { lastDirtyTimestamp: '1000', metadata: { n: '1' } }),
      server.put('apps/SHOP/a/status?value=OUT_OF_SERVICE'),
      server.register('SHOP', 'a', { lastDirtyTimestamp: '2000', metadata: { n: '2' } }),
    ])
    expect((await instanceOf(server))['metadata']).toEqual({ n: '3' })
  })

  test('changes of metadata and status at the same time are both there', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a')
    await Promise.all([
      server.put('apps/SHOP/a/metadata?x=1'),
      server.put('apps/SHOP/a/status?value=OUT_OF_SERVICE'),
      server.put('apps/SHOP/a/metadata?y=2'),
    ])
    expect(await instanceOf(server)).toMatchObject({
      status: 'OUT_OF_SERVICE',
      metadata: { color: 'red', x: '1', y: '2' },
    })
  })
})

describe('overrides', () => {
  test('take an instance out of service, and the registry isolates it', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a')
    const response = await server.put('apps/SHOP/a/status?value=OUT_OF_SERVICE&lastDirtyTimestamp=5000')
    expect([response.statusCode, response.body]).toEqual([200, ''])
    expect(await instanceOf(server)).toMatchObject({
      status: 'OUT_OF_SERVICE',
      overriddenStatus: 'OUT_OF_SERVICE',
      lastDirtyTimestamp: '5000',
      actionType: 'MODIFIED',
    })
    expect(server.registry.instance(key)).toMatchObject({ isolated: true, healthy: true })
  })

  test('survive another registration, and are gone with the instance', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a')
    await server.put('apps/SHOP/a/status?value=OUT_OF_SERVICE')
    await server.register('SHOP', 'a', { lastDirtyTimestamp: '9000' })
    expect(await instanceOf(server)).toMatchObject({
      status: 'OUT_OF_SERVICE',
      overriddenStatus: 'OUT_OF_SERVICE',
    })
    await server.remove('apps/SHOP/a')
    await server.register('SHOP', 'a')
    expect(await instanceOf(server)).toMatchObject({ status: 'UP', overriddenStatus: 'UNKNOWN' })
  })

  test('do not hide that an instance says it is down', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a')
    await server.put('apps/SHOP/a/status?value=OUT_OF_SERVICE')
    await server.register('SHOP', 'a', { status: 'DOWN', lastDirtyTimestamp: '9000' })
    expect(await instanceOf(server)).toMatchObject({ status: 'DOWN', overriddenStatus: 'OUT_OF_SERVICE' })
    await server.register('SHOP', 'a', { status: 'UP', lastDirtyTimestamp: '9001' })
    expect(await instanceOf(server)).toMatchObject({ status: 'OUT_OF_SERVICE' })
  })

  test('that a registration brings along are taken, if there is none yet', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a', { overriddenStatus: 'OUT_OF_SERVICE' })
    expect(await instanceOf(server)).toMatchObject({ status: 'OUT_OF_SERVICE' })
    await server.put('apps/SHOP/a/status?value=UP')
    await server.register('SHOP', 'a', { overriddenStatus: 'OUT_OF_SERVICE', lastDirtyTimestamp: '9000' })
    expect(await instanceOf(server)).toMatchObject({ status: 'UP', overriddenStatus: 'UP' })
  })

  test('taken back with a status leave that status', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a')
    await server.put('apps/SHOP/a/status?value=OUT_OF_SERVICE')
    const response = await server.remove('apps/SHOP/a/status?value=UP')
    expect([response.statusCode, response.body]).toEqual([200, ''])
    expect(await instanceOf(server)).toMatchObject({ status: 'UP', overriddenStatus: 'UNKNOWN' })
    expect((await server.put('apps/SHOP/a')).statusCode).toBe(200)
  })

  test('taken back without a word make the instance register again', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a')
    await server.put('apps/SHOP/a/status?value=OUT_OF_SERVICE')
    await server.remove('apps/SHOP/a/status?lastDirtyTimestamp=99999')
    expect(await instanceOf(server)).toMatchObject({ status: 'UNKNOWN', overriddenStatus: 'UNKNOWN' })
    const response = await server.put('apps/SHOP/a')
    expect([response.statusCode, response.body]).toEqual([404, ''])
    await server.register('SHOP', 'a')
    expect(await instanceOf(server)).toMatchObject({ status: 'UP' })
    expect((await server.put('apps/SHOP/a')).statusCode).toBe(200)
  })

  test('that do not exist can be taken back without an effect', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a')
    const { revision } = server.registry
    expect((await server.remove('apps/SHOP/a/status')).statusCode).toBe(200)
    expect(server.registry.revision).toBe(revision)
    expect((await server.put('apps/SHOP/a')).statusCode).toBe(200)
  })

  test('of whom nobody knows are answered with 404, of what is no status with 400', async () => {
    await using server = await startServer()
    expect((await server.put('apps/SHOP/a/status?value=UP')).statusCode).toBe(404)
    expect((await server.remove('apps/SHOP/a/status?value=UP')).statusCode).toBe(404)
    await server.register('SHOP', 'a')
    expect((await server.put('apps/SHOP/a/status?value=FINE')).statusCode).toBe(400)
    expect((await server.put('apps/SHOP/a/status')).statusCode).toBe(400)
  })

  test('renew', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a')
    await server.pass(89_000)
    await server.put('apps/SHOP/a/status?value=OUT_OF_SERVICE')
    await server.pass(89_000)
    expect(await instanceOf(server)).toMatchObject({ status: 'OUT_OF_SERVICE' })
  })
})

describe('the status', () => {
  test('of an instance that comes back into service is up: the one before does not stick', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a', { status: 'OUT_OF_SERVICE' })
    expect(await instanceOf(server)).toMatchObject({ status: 'OUT_OF_SERVICE' })
    await server.register('SHOP', 'a', { status: 'UP' })
    expect(await instanceOf(server)).toMatchObject({ status: 'UP' })
  })

  test.each(['STARTING', 'DOWN', 'UNKNOWN', 'OUT_OF_SERVICE', 'UP'])(
    '%s is kept over heartbeats',
    async (status) => {
      await using server = await startServer()
      await server.register('SHOP', 'a', { status })
      expect((await server.put('apps/SHOP/a')).statusCode).toBe(200)
      expect(await instanceOf(server)).toMatchObject({ status })
      const isHealthy = status === 'UP' || status === 'OUT_OF_SERVICE'
      expect(server.registry.instance(key)).toMatchObject({ healthy: isHealthy })
    },
  )

  test('follows other protocols: isolation is out of service, health is up and down', async () => {
    await using server = await startServer()
    await server.wait(server.registry.register(spec()))
    expect(await instanceOf(server)).toMatchObject({ status: 'UP' })
    await server.wait(server.registry.update(key, { isolated: true }))
    expect(await instanceOf(server)).toMatchObject({
      status: 'OUT_OF_SERVICE',
      overriddenStatus: 'OUT_OF_SERVICE',
    })
    await server.remove('apps/SHOP/a/status')
    expect(await instanceOf(server)).toMatchObject({ status: 'UP' })
    await server.wait(server.registry.update(key, { healthy: false }))
    expect(await instanceOf(server)).toMatchObject({ status: 'DOWN' })
    await server.put('apps/SHOP/a/status?value=OUT_OF_SERVICE')
    expect(server.registry.instance(key)).toMatchObject({ isolated: true })
  })

  test('isolation by another protocol survives a registration, and its end ends the override', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a')
    await server.wait(server.registry.update(key, { isolated: true }))
    await server.register('SHOP', 'a')
    expect(await instanceOf(server)).toMatchObject({ status: 'OUT_OF_SERVICE' })
    await server.wait(server.registry.update(key, { isolated: false }))
    expect(await instanceOf(server)).toMatchObject({ status: 'UP', overriddenStatus: 'UNKNOWN' })
    await server.put('apps/SHOP/a/status?value=OUT_OF_SERVICE')
    await server.wait(server.registry.update(key, { isolated: false }))
    await server.register('SHOP', 'a')
    expect(await instanceOf(server)).toMatchObject({ status: 'UP', overriddenStatus: 'UNKNOWN' })
  })
})

describe('leases', () => {
  test('end after their duration: the instance is down, then gone', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a')
    await server.pass(89_000)
    expect(await instanceOf(server)).toMatchObject({ status: 'UP' })
    await server.pass(2_000)
    expect(await instanceOf(server)).toMatchObject({ status: 'DOWN' })
    await server.pass(61_000)
    expect((await server.get('apps/SHOP/a')).statusCode).toBe(404)
    expect((await server.put('apps/SHOP/a')).statusCode).toBe(404)
  })

  test('end after twice their duration for who wants it as Netflix has it', async () => {
    await using server = await startServer({ leaseDurationFactor: 2 })
    await server.register('SHOP', 'a')
    await server.pass(178_000)
    expect(await instanceOf(server)).toMatchObject({ status: 'UP', leaseInfo: { durationInSecs: 90 } })
    await server.pass(4_000)
    expect(await instanceOf(server)).toMatchObject({ status: 'DOWN' })
  })

  test('come back with a heartbeat', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a')
    await server.pass(92_000)
    expect((await server.put('apps/SHOP/a')).statusCode).toBe(200)
    await server.pass(1_000)
    expect(await instanceOf(server)).toMatchObject({ status: 'UP' })
  })

  test('come back with a registration, at once', async () => {
    await using server = await startServer()
    await server.register('SHOP', 'a')
    await server.pass(92_000)
    await server.register('SHOP', 'a')
    expect(await instanceOf(server)).toMatchObject({ status: 'UP' })
  })
})

describe('batches between peers', () => {
  async function batch(
    server: ManualServer,
    replicationList: unknown,
    headers: Readonly<Record<string, string>> = {},
    url = '/eureka/peerreplication/batch/',
  ): Promise<{ readonly statusCode: number; readonly responseEntity?: unknown }[]> {
    const payload = { replicationList } as object
    const response = await server.request({ method: 'POST', url, headers, payload })
    expect(response.statusCode).toBe(200)
    return response.json<{ responseList: { statusCode: number }[] }>().responseList
  }
  const item = (
    action: string,
    more: Readonly<Record<string, unknown>> = {},
  ): Readonly<Record<string, unknown>> => ({
    action,
    appName: 'SHOP',
    id: 'a',
    ...more,
  })
  const register = item('Register', { instanceInfo: fieldsOf('SHOP', 'a', { lastDirtyTimestamp: '2000' }) })

  test('are done in their order, and each item is answered', async () => {
    await using server = await startServer()
    const answers = await batch(server, [
      item('Heartbeat'),
      register,
      item('Heartbeat', { lastDirtyTimestamp: 2000, status: 'UP' }),
      item('Heartbeat', { lastDirtyTimestamp: 1999 }),
      item('Heartbeat', { lastDirtyTimestamp: 2001 }),
      item('StatusUpdate', { status: 'OUT_OF_SERVICE', lastDirtyTimestamp: 2002 }),
      item('DeleteStatusOverride', { status: 'UP' }),
      item('Cancel'),
      item('Cancel'),
      item('Explode'),
      item('Register', { instanceInfo: fieldsOf('OTHER', 'a') }),
      item('Heartbeat', { appName: 'NONE' }),
    ])
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([
      404, 204, 200, 409, 404, 200, 200, 200, 404, 400, 400, 404,
    ])
    expect(answers[3]).toMatchObject({ responseEntity: { instanceId: 'a', lastDirtyTimestamp: '2000' } })
  })

  test('are taken under every prefix, compressed or not', async () => {
    await using server = await startServer()
    for (const url of [
      '/eureka/peerreplication/batch',
      '/eureka/v2/peerreplication/batch/',
      '/eureka//peerreplication//batch',
    ]) {
      expect(await batch(server, [register], {}, url)).toEqual([{ statusCode: 204 }])
    }
  })

  test('of our own that come back are answered with an empty list, and change nothing', async () => {
    await using server = await startServer({ identity: 'me' })
    for (const header of ['DiscoveryIdentity-Name', 'DiscoveryIdentity-Id']) {
      expect(await batch(server, [register], { [header]: 'me' })).toEqual([])
    }
    expect((await server.get('apps/SHOP/a')).statusCode).toBe(404)
    expect(await batch(server, [register], { 'DiscoveryIdentity-Id': 'other' })).toEqual([
      { statusCode: 204 },
    ])
  })

  test('that are none are answered with 400', async () => {
    await using server = await startServer()
    const url = '/eureka/peerreplication/batch'
    for (const payload of ['', '[]', '{"replicationList":1}']) {
      expect((await server.request({ method: 'POST', url, payload })).statusCode).toBe(400)
    }
  })
})
