import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { GatewayFixture } from './gateway-fixture.ts'
import { base64, createGatewayFixture } from './gateway-fixture.ts'
import { WebSocketClient } from './web-socket-client.ts'

let gateway: GatewayFixture
let url: string

beforeEach(async () => {
  gateway = await createGatewayFixture()
  url = await gateway.listen()
})
afterEach(() => gateway.close())

const key = base64('key')
const createWatch = { create_request: { key } }

/** A chunked request that stays open, and the lines of its answer. */
class Exchange {
  readonly request: ClientRequest
  readonly #response: Promise<IncomingMessage>
  #lines: AsyncGenerator<string, undefined> | undefined

  constructor(path: string) {
    this.request = httpRequest(`${url}${path}`, { method: 'POST', agent: false })
    this.request.on('error', () => undefined)
    this.#response = once(this.request, 'response').then(
      ([response]: unknown[]) => response as IncomingMessage,
    )
    this.#response.catch(() => undefined)
    this.request.flushHeaders()
  }

  send(...messages: readonly unknown[]): void {
    this.request.write(messages.map((message) => JSON.stringify(message)).join(''))
  }

  async status(): Promise<number | undefined> {
    return (await this.#response).statusCode
  }

  /** The next line, or undefined at the end. */
  async next(): Promise<unknown> {
    this.#lines ??= linesOf(await this.#response)
    const { value, done } = await this.#lines.next()
    return done === true ? undefined : JSON.parse(value)
  }
}

async function* linesOf(response: AsyncIterable<unknown>): AsyncGenerator<string, undefined> {
  let rest = ''
  for await (const chunk of response) {
    const parts = (rest + String(chunk)).split('\n')
    rest = parts.pop() ?? ''
    yield* parts
  }
  if (rest !== '') throw new Error(`unfinished line: ${rest}`)
  return undefined
}

describe('a watch', () => {
  test('gives each change on a line of its own, when it happens', async () => {
    const watch = new Exchange('/v3/watch')
    watch.send(createWatch)
    watch.request.end()
    expect(await watch.next()).toMatchObject({ result: { created: true, header: { revision: '1' } } })
    await gateway.store.put({ key: 'key', value: 'one' })
    expect(await watch.next()).toMatchObject({
      result: { events: [{ kv: { key, value: base64('one'), mod_revision: '2' } }] },
    })
    await gateway.store.deleteRange({ key: 'key' })
    expect(await watch.next()).toMatchObject({ result: { events: [{ type: 'DELETE', kv: { key } }] } })
    watch.request.destroy()
  })

  test('that a client asked for before another one was answered ends when the client leaves', async () => {
    const { hostname, port } = new URL(url)
    const client = connect({ host: hostname, port: Number(port) })
    const body = JSON.stringify(createWatch)
    const request = `POST /v3/watch HTTP/1.1\r\nhost: ${hostname}\r\ncontent-length: ${body.length}\r\n\r\n${body}`
    client.write(request.repeat(20))
    await expect.poll(() => gateway.store.status().watchers).toBe(20)
    client.destroy()
    await expect.poll(() => gateway.store.status().watchers).toBe(0)
  })

  test('takes further requests on the same body', async () => {
    const watch = new Exchange('/v3/watch')
    watch.send({ create_request: { key, watch_id: '7' } })
    expect(await watch.next()).toMatchObject({ result: { created: true, watch_id: '7' } })
    watch.send({ progress_request: {} })
    expect(await watch.next()).toMatchObject({ result: { watch_id: '-1', header: { revision: '1' } } })
    watch.send({ create_request: { key: base64('other') } }, { cancel_request: { watch_id: 7 } })
    expect(await watch.next()).toMatchObject({ result: { created: true } })
    expect(await watch.next()).toMatchObject({ result: { canceled: true, watch_id: '7' } })
    watch.request.destroy()
  })

  test('resumes from a revision and says when that is compacted', async () => {
    for (const value of ['1', '2', '3']) await gateway.store.put({ key: 'key', value })
    const resumed = new Exchange('/v3/watch')
    resumed.send({ create_request: { key, start_revision: '3' } })
    await resumed.next()
    expect(await resumed.next()).toMatchObject({
      result: { events: [{ kv: { mod_revision: '3' } }, { kv: { mod_revision: '4' } }] },
    })
    await gateway.store.compact({ revision: 4 })
    const late = new Exchange('/v3/watch')
    late.send({ create_request: { key, start_revision: '2' } })
    expect(await late.next()).toMatchObject({ result: { created: true } })
    expect(await late.next()).toMatchObject({ result: { canceled: true, compact_revision: '4' } })
    resumed.request.destroy()
    late.request.destroy()
  })

  test.each(['open', 'ended'])('ends with its client, whose request body is %s', async (body) => {
    const watch = new Exchange('/v3/watch')
    watch.send(createWatch)
    if (body === 'ended') watch.request.end()
    await watch.next()
    expect(gateway.store.status().watchers).toBe(1)
    watch.request.destroy()
    await expect.poll(() => gateway.store.status().watchers).toBe(0)
    expect(gateway.logger.lines).toEqual([])
  })

  test('ends with a status to reconnect on when the server closes', async () => {
    const watch = new Exchange('/v3/watch')
    watch.send(createWatch)
    await watch.next()
    const closed = gateway.http.close()
    expect(await watch.next()).toEqual({
      error: {
        grpc_code: 14,
        http_code: 503,
        message: 'etcdserver: server stopped',
        http_status: 'Service Unavailable',
        code: 14,
        details: [],
      },
    })
    expect(await watch.next()).toBeUndefined()
    await closed
  })

  test('that fails at once has the status of its failure', async () => {
    const watch = new Exchange('/v3/watch')
    watch.request.write('{"create_request":17}')
    expect(await watch.status()).toBe(400)
    expect(await watch.next()).toMatchObject({
      error: {
        grpc_code: 3,
        code: 3,
        http_code: 400,
        http_status: 'Bad Request',
        message: 'unexpected token 17',
      },
    })
    expect(await watch.next()).toBeUndefined()
    expect(gateway.store.status().watchers).toBe(0)
  })

  test('that goes wrong later ends with an error line', async () => {
    const watch = new Exchange('/v3/watch')
    watch.send(createWatch)
    await watch.next()
    watch.request.write('nonsense')
    expect(await watch.next()).toMatchObject({
      error: { code: 3, message: "invalid character 'n' looking for beginning of value" },
    })
    expect(await watch.next()).toBeUndefined()
    await expect.poll(() => gateway.store.status().watchers).toBe(0)
  })

  test('whose client does not read holds back, and loses nothing', async () => {
    const watch = new Exchange('/v3/watch')
    watch.send(createWatch)
    await watch.next()
    const value = Buffer.alloc(400_000, 'x')
    const count = 24
    for (let written = 0; written < count; written++) await gateway.store.put({ key: 'key', value })
    const revisions: unknown[] = []
    while (revisions.length < count) {
      const line = (await watch.next()) as { result: { events: { kv: { mod_revision: string } }[] } }
      revisions.push(...line.result.events.map(({ kv }) => Number(kv.mod_revision)))
    }
    expect(revisions).toEqual(Array.from({ length: count }, (_, index) => index + 2))
    watch.request.destroy()
  })
})

describe('other streams', () => {
  test('a keep-alive answers request by request and ends with the body', async () => {
    const { id } = await gateway.store.leases.grant({ ttlMs: 30_000 })
    const keepAlive = new Exchange('/v3/lease/keepalive')
    keepAlive.send({ ID: String(id) })
    expect(await keepAlive.next()).toMatchObject({ result: { ID: String(id), TTL: '30' } })
    keepAlive.send({ ID: String(id) }, { ID: '1' })
    expect(await keepAlive.next()).toMatchObject({ result: { TTL: '30' } })
    expect(await keepAlive.next()).toMatchObject({ result: { ID: '1' } })
    keepAlive.request.end()
    expect(await keepAlive.next()).toBeUndefined()
  })

  test('a snapshot comes in pieces and ends', async () => {
    await gateway.store.put({ key: 'key', value: 'x'.repeat(100_000) })
    const snapshot = new Exchange('/v3/maintenance/snapshot')
    snapshot.send({})
    snapshot.request.end()
    let bytes = 0
    for (let line = await snapshot.next(); line !== undefined; line = await snapshot.next()) {
      const { blob } = (line as { readonly result: { readonly blob?: string } }).result
      bytes += Buffer.from(blob ?? '', 'base64').length
    }
    expect(bytes).toBeGreaterThan(100_000)
  })

  test('a lock that waits is given up when its client leaves', async () => {
    const { id } = await gateway.store.leases.grant({ ttlMs: 60_000 })
    await gateway.post('/v3/lock/lock', { name: key, lease: String(id) })
    const waiting = new Exchange('/v3/lock/lock')
    waiting.send({ name: key })
    waiting.request.end()
    await expect.poll(() => gateway.store.status().keys).toBe(2)
    waiting.request.destroy()
    await expect.poll(() => gateway.store.status().keys).toBe(1)
  })

  test('a lock that waits does not hold up the closing of the server', async () => {
    const { id } = await gateway.store.leases.grant({ ttlMs: 60_000 })
    await gateway.post('/v3/lock/lock', { name: key, lease: String(id) })
    const waiting = new Exchange('/v3/lock/lock')
    waiting.send({ name: key })
    waiting.request.end()
    await expect.poll(() => gateway.store.status().keys).toBe(2)
    const closed = gateway.http.close()
    expect(await waiting.status()).toBe(503)
    waiting.request.destroy()
    await closed
  })
})

describe('a WebSocket', () => {
  const open = (path: string, headers?: Readonly<Record<string, string>>): Promise<WebSocketClient> =>
    WebSocketClient.open(`${url}${path}`, headers)

  test('carries a watch, one message per line', async () => {
    const watch = await open('/v3/watch')
    watch.send(JSON.stringify(createWatch))
    expect(await watch.next()).toMatchObject({ result: { created: true } })
    await gateway.store.put({ key: 'key', value: 'one' })
    expect(await watch.next()).toMatchObject({ result: { events: [{ kv: { key } }] } })
    watch.close()
    await expect.poll(() => gateway.store.status().watchers).toBe(0)
  })

  test('carries a call with one answer', async () => {
    const call = await open('/v3/kv/put')
    call.send(JSON.stringify({ key }))
    expect(await call.next()).toMatchObject({ header: { revision: '2' } })
    expect(await call.next()).toBeUndefined()
  })

  test('tells an error and closes', async () => {
    const watch = await open('/v3/watch')
    watch.send('nonsense')
    expect(await watch.next()).toMatchObject({ error: { code: 3, http_code: 400 } })
    expect(await watch.next()).toBeUndefined()
    const unknown = await open('/v3/frobnicate')
    expect(await unknown.next()).toMatchObject({ code: 5, message: 'Not Found' })
    expect(await unknown.next()).toBeUndefined()
  })

  test('carries a token as a protocol', async () => {
    const watch = await open('/v3/watch', { 'sec-websocket-protocol': 'Bearer, secret' })
    expect(watch.protocol).toBe('Bearer')
    watch.close()
  })

  test('ends when the server closes', async () => {
    const watch = await open('/v3/watch')
    watch.send(JSON.stringify(createWatch))
    await watch.next()
    const closed = gateway.http.close()
    expect(await watch.next()).toMatchObject({ error: { code: 14 } })
    expect(await watch.next()).toBeUndefined()
    await closed
  })
  test('is not closed before a slow method ended', async () => {
    const slow = await createGatewayFixture({
      services: {
        watch: {
          watch: async function* (_requests, { signal }) {
            yield { header: {}, watchId: 0, created: true, events: [] }
            await once(signal, 'abort')
            for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
          },
        },
      },
    })
    const watch = await WebSocketClient.open(`${await slow.listen()}/v3/watch`)
    expect(await watch.next()).toMatchObject({ result: { created: true } })
    const closed = slow.close()
    expect(await watch.next()).toMatchObject({ error: { code: 14 } })
    expect(await watch.next()).toBeUndefined()
    await closed
  })
})
