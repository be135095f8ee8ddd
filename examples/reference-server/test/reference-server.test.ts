import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as grpc from '@grpc/grpc-js'
import { kvDefinition, watchDefinition } from '@orrery/adapter-etcd'
import type { etcdserverpb } from '@orrery/adapter-etcd'
import type { Environment } from '@orrery/environment'
import { systemClock } from '@orrery/environment/system'
import { createManualEnvironment } from '@orrery/environment/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ReferenceServerOptions } from '../src/options.ts'
import { createReferenceServer } from '../src/reference-server.ts'
import type { ReferenceServer } from '../src/reference-server.ts'
import { anyPort, inMemory } from './server-options.ts'

let directory: string
const servers: ReferenceServer[] = []

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'orrery-server-'))
})
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
  rmSync(directory, { recursive: true })
})

let grpcServer: ReferenceServerOptions['grpcServer']

async function start(
  options: Partial<ReferenceServerOptions> = {},
  environment?: Environment,
): Promise<string> {
  const server = createReferenceServer({ ...inMemory, grpcServer, ...options }, environment)
  servers.push(server)
  await server.start()
  return server.endpoints.client ?? ''
}

function client(endpoint: string): grpc.Client {
  return new grpc.Client(new URL(endpoint).host, grpc.credentials.createInsecure())
}

async function put(endpoint: string, key: string, value: string): Promise<void> {
  const connection = client(endpoint)
  const { path, requestSerialize, responseDeserialize } = kvDefinition.Put
  const request = { key: Buffer.from(key), value: Buffer.from(value) }
  await new Promise<void>((resolve, reject) => {
    connection.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error) => {
      if (error === null) resolve()
      else reject(error)
    })
  })
  connection.close()
}

async function post(endpoint: string, path: string, body: unknown): Promise<unknown> {
  const response = await fetch(`${endpoint}/v3/${path}`, { method: 'POST', body: JSON.stringify(body) })
  return response.json()
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const hello = { kvs: [{ key: base64('hello'), value: base64('world') }] }

describe.each(['fast', 'grpc-js'] as const)('the reference server on %s', (kind) => {
  beforeEach(() => {
    grpcServer = kind
  })

  test('puts over gRPC and reads over JSON, on one port', async () => {
    const endpoint = await start()
    await put(endpoint, 'hello', 'world')
    expect(await post(endpoint, 'kv/range', { key: base64('hello') })).toMatchObject(hello)
  })

  test('keeps what was put across a restart', async () => {
    const dataDir = join(directory, 'data')
    await put(await start({ dataDir }), 'hello', 'world')
    await servers[0]?.close()
    const endpoint = await start({ dataDir })
    expect(await post(endpoint, 'kv/range', { key: base64('hello') })).toMatchObject(hello)
  })

  test('tells its name and where its clients connect', async () => {
    const endpoint = await start({ name: 'a1' })
    expect(await post(endpoint, 'cluster/member/list', {})).toMatchObject({
      members: [{ name: 'a1', clientURLs: [endpoint] }],
    })
  })

  test('runs beside others in one process', async () => {
    const [first, second] = await Promise.all([start(), start()])
    await put(first, 'hello', 'world')
    expect(await post(second, 'kv/range', { key: base64('hello') })).not.toHaveProperty('kvs')
    const metrics = await (await fetch(`${second}/metrics`)).text()
    expect(metrics).toContain('\netcd_mvcc_put_total 0\n')
  })

  test('ends a watch over gRPC with a status to reconnect on when it closes', async () => {
    const endpoint = await start()
    const connection = client(endpoint)
    const { path, requestSerialize, responseDeserialize } = watchDefinition.Watch
    const call = connection.makeBidiStreamRequest(path, requestSerialize, responseDeserialize)
    const created = new Promise<etcdserverpb.WatchResponse>((resolve) => call.once('data', resolve))
    const ended = new Promise<grpc.ServiceError>((resolve) => call.once('error', resolve))
    call.write({ createRequest: { key: Buffer.from('hello') } })
    expect(await created).toMatchObject({ created: true })
    await servers[0]?.close()
    expect(await ended).toMatchObject({
      code: grpc.status.UNAVAILABLE,
      details: 'etcdserver: server stopped',
    })
    connection.close()
  })

  test('lets a request finish while it closes', async () => {
    const endpoint = await start()
    const upload = new TransformStream<Uint8Array, Uint8Array>()
    const writer = upload.writable.getWriter()
    const answer = fetch(`${endpoint}/v3/kv/put`, {
      method: 'POST',
      body: upload.readable,
      duplex: 'half',
    })
    await writer.write(Buffer.from(`{"key":"${base64('hello')}",`))
    await expect.poll(async () => (await fetch(`${endpoint}/metrics`)).text()).toContain('etcd_mvcc')
    const closed = servers[0]?.close()
    await writer.write(Buffer.from('"value":"eA=="}'))
    await writer.close()
    expect((await answer).status).toBe(200)
    await closed
  })

  test('forgets old revisions in time', async () => {
    const manual = createManualEnvironment()
    const clock = { ...manual.clock, defer: (run: () => void) => systemClock.defer(run) }
    const endpoint = await start(
      { autoCompaction: { type: 'revision', retainedRevisions: 2 } },
      { ...manual, clock },
    )
    for (const value of ['1', '2', '3', '4']) await put(endpoint, 'k', value)
    const read = (revision: number): Promise<unknown> =>
      post(endpoint, 'kv/range', { key: Buffer.from('k').toString('base64'), revision })
    manual.clock.advance(299_999)
    expect(await read(2)).toMatchObject({ count: '1' })
    manual.clock.advance(1)
    await expect
      .poll(() => read(2))
      .toMatchObject({ message: expect.stringContaining('compacted') as string })
    expect(await read(3)).toMatchObject({ count: '1' })
  })

  test('listens nowhere when that is off', async () => {
    expect(await start({ listenClient: 'off' })).toBe('')
  })

  test('closes before it has started, and twice', async () => {
    const server = createReferenceServer(inMemory)
    await server.close()
    await server.close()
  })

  test('says which address is in use, and releases the store', async () => {
    const occupant = createServer()
    await new Promise<void>((resolve) => {
      occupant.listen(anyPort, resolve)
    })
    const { port } = occupant.address() as AddressInfo
    const dataDir = join(directory, 'data')
    await expect(start({ dataDir, listenClient: { host: '127.0.0.1', port } })).rejects.toMatchObject({
      code: 'SERVER_LISTEN_FAILED',
      reason: `--listen-client: 127.0.0.1:${String(port)} is already in use`,
    })
    await new Promise((resolve) => occupant.close(resolve))
    await expect(start({ dataDir })).resolves.toMatch(/^http:/)
  })

  test('says that its directory is in use', async () => {
    const dataDir = join(directory, 'data')
    await start({ dataDir })
    await expect(start({ dataDir })).rejects.toMatchObject({
      code: 'SERVER_STORE_UNAVAILABLE',
      reason: `--data-dir: ${dataDir} is in use by another process`,
    })
  })
})
