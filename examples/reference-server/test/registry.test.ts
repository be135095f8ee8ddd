import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Environment } from '@orrery/environment'
import { systemEnvironment } from '@orrery/environment/system'
import { createRecordingLogger } from '@orrery/environment/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ReferenceServerOptions } from '../src/options.ts'
import { createReferenceServer, type ReferenceServer } from '../src/reference-server.ts'
import { freeAddress } from './free-address.ts'
import { alone, anyPort, inMemory } from './server-options.ts'

let directory: string
const servers: ReferenceServer[] = []
const sockets: Socket[] = []

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'orrery-registry-'))
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await Promise.all(servers.splice(0).map((server) => server.close()))
  rmSync(directory, { recursive: true })
})

async function start(
  options: Partial<ReferenceServerOptions>,
  environment?: Environment,
): Promise<ReferenceServer> {
  const server = createReferenceServer({ ...inMemory, listenHttp: anyPort, ...options }, environment)
  servers.push(server)
  await server.start()
  return server
}

/** Over a connection of its own, which is closed. */
async function ask(
  server: ReferenceServer,
  path: string,
  init: RequestInit = {},
): Promise<{ readonly status: number; readonly body: unknown }> {
  const headers = {
    connection: 'close',
    ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
  }
  const response = await fetch(`${server.endpoints.http ?? ''}${path}`, { headers, ...init })
  return { status: response.status, body: await response.json() }
}

interface OwnInstance {
  readonly service: string
  readonly host: string
  readonly port: number
  readonly metadata: unknown
}

async function ownInstances(server: ReferenceServer): Promise<readonly OwnInstance[]> {
  const { body } = await ask(server, '/v1/instances?namespace=orrery')
  return (body as { readonly items: readonly OwnInstance[] }).items
}

function portOf(endpoint: string | undefined): number {
  return Number(new URL(endpoint ?? '').port)
}

describe('the registry', () => {
  test('is served over HTTP beside etcd', async () => {
    const server = await start({})
    const path = '/v1/namespaces/default/services/shop/instances'
    const body = JSON.stringify({ id: 'a', host: '10.0.0.1', port: 80 })
    expect(await ask(server, path, { method: 'POST', body })).toMatchObject({ status: 201 })
    expect(await ask(server, `${path}/a`)).toMatchObject({ body: { host: '10.0.0.1', healthy: true } })
    const answer = await fetch(`${server.endpoints.client ?? ''}/health`)
    expect(await answer.json()).toMatchObject({ health: 'true' })
  })

  test('is served to Eureka clients', async () => {
    const server = await start({ listenEureka: anyPort, listenHttp: 'off', eurekaNamespace: 'prod' })
    const instance = {
      instanceId: 'a',
      hostName: 'h',
      app: 'SHOP',
      ipAddr: '10.0.0.1',
      status: 'UP',
      port: { $: 80, '@enabled': 'true' },
      dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' },
    }
    const apps = `${server.endpoints.eureka ?? ''}/eureka/apps`
    const json = { accept: 'application/json', 'content-type': 'application/json' }
    const body = JSON.stringify({ instance })
    expect((await fetch(`${apps}/SHOP`, { method: 'POST', headers: json, body })).status).toBe(204)
    const found = await fetch(`${apps}/SHOP`, { headers: json })
    expect(await found.json()).toMatchObject({ application: { name: 'SHOP' } })
  })

  test('keeps names as long as they may be', async () => {
    const server = await start({})
    const path = '/v1/namespaces/default/services/shop/instances'
    const id = 'ü'.repeat(256)
    const body = JSON.stringify({ id, host: '10.0.0.1', port: 80 })
    expect(await ask(server, path, { method: 'POST', body })).toMatchObject({ status: 201 })
    expect(await ask(server, `${path}/${encodeURIComponent(id)}`)).toMatchObject({ body: { id } })
  })

  test('has the own listeners of the server, as long as it runs', async () => {
    const dataDir = join(directory, 'data')
    const server = await start({ name: 'a1', dataDir })
    const { client, http } = server.endpoints
    const metadata = { member: 'a1' }
    expect(await ownInstances(server)).toMatchObject([
      { service: 'etcd', host: '127.0.0.1', port: portOf(client), metadata },
      { service: 'registry', host: '127.0.0.1', port: portOf(http), metadata },
    ])
    await server.close()
    const again = await start({ dataDir, hasSelfRegistration: false })
    expect(await ownInstances(again)).toEqual([])
  })

  test('is not there when nobody could ask for it', async () => {
    const server = await start({ listenHttp: 'off' })
    expect(Object.keys(server.endpoints)).toEqual(['client'])
    const range = { key: Buffer.from('registry/').toString('base64'), range_end: 'AA==', count_only: true }
    const body = JSON.stringify(range)
    const answer = await fetch(`${server.endpoints.client ?? ''}/v3/kv/range`, { method: 'POST', body })
    expect(await answer.json()).not.toHaveProperty('count')
  })

  test('is served alone when etcd is off', async () => {
    const server = await start({ listenClient: 'off' })
    expect(Object.keys(server.endpoints)).toEqual(['http'])
    expect((await ownInstances(server)).map(({ service }) => service)).toEqual(['registry'])
  })

  test('says which of its addresses is in use, before the store is opened', async () => {
    const occupant = createServer()
    await once(occupant.listen(anyPort), 'listening')
    const { port } = occupant.address() as AddressInfo
    const listen = { host: '127.0.0.1', port }
    await expect(start({ listenEureka: listen })).rejects.toMatchObject({
      code: 'SERVER_LISTEN_FAILED',
      reason: `--listen-eureka: 127.0.0.1:${port} is already in use`,
    })
    await expect(start({ listenHttp: listen })).rejects.toMatchObject({
      reason: `--listen-http: 127.0.0.1:${port} is already in use`,
    })
    await new Promise((resolve) => occupant.close(resolve))
  })

  test('ends streams when the server closes', async () => {
    const server = await start({})
    const stream = await fetch(`${server.endpoints.http ?? ''}/v1/namespaces/orrery/services/etcd/subscribe`)
    const reader = stream.body?.getReader()
    await reader?.read()
    const closed = server.close()
    while ((await reader?.read())?.done === false);
    await closed
  })
})

describe('members of a cluster', () => {
  async function startMembers(
    peer: Partial<typeof alone>,
  ): Promise<readonly [ReferenceServer, ReferenceServer]> {
    const first = await start({ name: 'm', dataDir: join(directory, 'a'), peer: { ...alone, ...peer } })
    const listen = await freeAddress()
    await fetch(`${first.endpoints.client ?? ''}/v3/cluster/member/add`, {
      method: 'POST',
      body: JSON.stringify({ peerURLs: [`http://127.0.0.1:${listen.port}`] }),
    })
    const contacts = [first.endpoints.peer ?? '']
    const joining = { ...alone, ...peer, listen, join: contacts }
    return [first, await start({ name: 'm', dataDir: join(directory, 'b'), peer: joining })]
  }

  const checkersOf = async (server: ReferenceServer): Promise<unknown> =>
    (await ask(server, '/v1/checkers')).body

  test('bring each other heartbeats over HTTP, also when they have one name', async () => {
    const members = await startMembers({})
    for (const [at, member] of members.entries()) {
      const address = (server: ReferenceServer | undefined): string =>
        new URL(server?.endpoints.http ?? '').host
      await expect
        .poll(() => checkersOf(member), { timeout: 20_000 })
        .toMatchObject({
          items: expect.arrayContaining([
            expect.objectContaining({ address: address(member), self: true }),
            expect.objectContaining({ address: address(members[1 - at]), self: false, reachable: true }),
          ]) as unknown,
        })
    }
    expect((await ownInstances(members[0])).map(({ service }) => service)).toEqual([
      ...['etcd', 'etcd', 'registry', 'registry'],
    ])
  })

  test('read the registry in order when they start, if they shall', async () => {
    const members = await startMembers({ startsInOrder: true })
    for (const member of members) expect((await ask(member, '/health')).status).toBe(200)
  })

  test('start when there is no Redis yet', async () => {
    const member = await start({
      dataDir: join(directory, 'a'),
      peer: { ...alone, heartbeatRedis: 'redis://127.0.0.1:1' },
    })
    const body = JSON.stringify({
      from: 'x',
      life: 'y',
      sequence: 1,
      ringRevision: 1,
      beats: [],
      isLast: false,
    })
    expect(await ask(member, '/v1/heartbeats/forwarded', { method: 'POST', body })).toMatchObject({
      status: 404,
    })
  })
})

describe.each(['fast', 'grpc-js'] as const)('connections, with gRPC on %s,', (grpcServer) => {
  /** The first bytes of HTTP/2: preface and empty settings. */
  const http2 = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0'

  function open(endpoint: string | undefined): Socket {
    const socket = connect({ host: '127.0.0.1', port: portOf(endpoint) }).on('error', () => undefined)
    sockets.push(socket)
    return socket
  }
  const closed = (socket: Socket): Promise<unknown> =>
    new Promise((resolve) => socket.resume().once('close', resolve))

  test('are limited over all listeners together, and listed', async () => {
    const logger = createRecordingLogger()
    const limits = { totalMax: 4, perHostMax: 3, allow: [] }
    const server = await start({ grpcServer, connectionLimits: limits }, systemEnvironment({ logger }))
    const { client, http } = server.endpoints
    const grpc = open(client)
    grpc.write(http2)
    await once(grpc, 'data')
    const silent = open(http)
    await once(silent, 'connect')
    const { body } = await ask(server, '/v1/connections')
    expect(body).toMatchObject({ stats: { total: 3, hosts: 1, refused: { perHost: 0 } } })
    const listeners = (body as { readonly items: readonly { readonly listener: string }[] }).items
    expect(listeners.map(({ listener }) => listener)).toEqual(['etcd', 'http', 'http'])

    await expect.poll(async () => (await ask(server, '/v1/connections')).body).toMatchObject({ total: 3 })
    await once(open(http), 'connect')
    const refused = open(client)
    refused.write(http2)
    await closed(refused)
    await closed(open(http))
    expect(logger.lines.filter(({ message }) => message === 'connections are refused')).toMatchObject([
      { level: 'warn', fields: { refused: 1, reason: 'perHost', listener: 'etcd', host: '127.0.0.1' } },
    ])
    grpc.destroy()
    await expect
      .poll(async () => {
        const again = open(client)
        again.write(http2)
        return await Promise.race([
          once(again, 'data').then(() => 'open'),
          closed(again).then(() => 'closed'),
        ])
      })
      .toBe('open')
  })

  test('of hosts on the list have no limit of their own', async () => {
    const limits = { totalMax: Infinity, perHostMax: 1, allow: ['127.0.0.0/8'] }
    const server = await start({ grpcServer, connectionLimits: limits })
    await once(open(server.endpoints.http), 'connect')
    expect(await ask(server, '/v1/connections')).toMatchObject({ body: { stats: { total: 2 } } })
  })

  test('of gRPC are closed when an operator says so', async () => {
    const server = await start({ grpcServer })
    const grpc = open(server.endpoints.client)
    grpc.write(http2)
    await once(grpc, 'data')
    const asked = ask(server, '/v1/connections/127.0.0.1', { method: 'DELETE' })
    await closed(grpc)
    await asked.catch(() => undefined)
  })
})
