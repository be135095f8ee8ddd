import { once } from 'node:events'
import { Agent, createServer as createHttpServer, type IncomingMessage, request } from 'node:http'
import { createServer as createHttp2Server, connect as connectHttp2 } from 'node:http2'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { createConnectionLimits, type Refusal } from '@orrery/connection-limits'
import { fastify } from 'fastify'
import { afterEach, describe, expect, test } from 'vitest'
import { Authority } from '../../transport-tcp/test/certificates.ts'

const servers: Server[] = []
const sockets: Socket[] = []

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))))
})

async function listen(server: Server, host = '127.0.0.1'): Promise<number> {
  servers.push(server)
  await once(server.listen({ host, port: 0, backlog: 4_096 }), 'listening')
  return portOf(server)
}

function portOf(server: Server): number {
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('not listening')
  return address.port
}

/** A client on one of this machine's own addresses, all of 127.0.0.0/8. */
function open(port: number, localAddress = '127.0.0.1', host = '127.0.0.1'): Socket {
  const socket = connect({ port, host, localAddress }).on('error', () => undefined)
  sockets.push(socket)
  return socket
}

/** What came until the connection closed. */
async function received(socket: Socket): Promise<string> {
  let text = ''
  socket.on('data', (chunk) => (text += String(chunk)))
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve))
  return text
}

/** Greets, and leaves the connection open. */
function greeter(seen: Socket[] = []): Server {
  return createServer((socket) => {
    seen.push(socket)
    socket.on('error', () => undefined).write('hello')
  })
}

describe('a guarded server', () => {
  test('never learns of the connections that are too many, and others go on', async () => {
    const refusals: Refusal[] = []
    const limits = createConnectionLimits({ perHostMax: 1, onRefused: (refusal) => refusals.push(refusal) })
    const seen: Socket[] = []
    const server = greeter(seen)
    limits.guard(server, { name: 'greeter' })
    const port = await listen(server)
    const first = open(port)
    await once(first, 'data')
    expect(await received(open(port))).toBe('')
    expect(refusals).toEqual([
      { reason: 'perHost', listener: 'greeter', host: '127.0.0.1', remoteAddress: '127.0.0.1' },
    ])
    await once(open(port, '127.0.0.2'), 'data')
    expect(seen).toHaveLength(2)
    expect(first.closed).toBe(false)
    expect(limits.connections().map(({ listener, host }) => [listener, host])).toEqual([
      ['greeter', '127.0.0.1'],
      ['greeter', '127.0.0.2'],
    ])
  })

  test('shares the limits with others', async () => {
    const limits = createConnectionLimits({ perHostMax: 2, totalMax: 3 })
    const [one, other] = [greeter(), greeter()]
    limits.guard(one)
    limits.guard(other)
    const ports = [await listen(one), await listen(other)] as const
    for (const port of ports) await once(open(port), 'data')
    expect(await received(open(ports[0]))).toBe('')
    await once(open(ports[1], '127.0.0.2'), 'data')
    expect(await received(open(ports[0], '127.0.0.3'))).toBe('')
    expect(limits.stats()).toEqual({ total: 3, hosts: 2, refused: { perHost: 1, hosts: 0, total: 1 } })
  })

  test('counts thousands of connections up and down', { timeout: 60_000 }, async () => {
    const limits = createConnectionLimits({ perHostMax: 100, totalMax: 1_500 })
    const server = greeter()
    limits.guard(server)
    const port = await listen(server)
    const outcomes = await Promise.all(
      Array.from({ length: 2_000 }, async (_, at) => {
        const socket = open(port, `127.0.1.${at % 16}`)
        return await Promise.race([
          once(socket, 'data').then(() => 'open'),
          received(socket).then(() => 'closed'),
        ])
      }),
    )
    expect(outcomes.filter((outcome) => outcome === 'open')).toHaveLength(1_500)
    const { refused, ...open_ } = limits.stats()
    expect(open_).toEqual({ total: 1_500, hosts: 16 })
    expect(refused.perHost + refused.total).toBe(500)
    for (const socket of sockets) socket.destroy()
    await expect.poll(() => limits.stats()).toMatchObject({ total: 0, hosts: 0 })
  })

  test('counts a connection down once, whichever side ends it and how', async () => {
    const limits = createConnectionLimits()
    const seen: Socket[] = []
    const server = greeter(seen)
    limits.guard(server)
    const port = await listen(server)
    const clients = [open(port), open(port), open(port)]
    await Promise.all(clients.map((socket) => once(socket, 'data')))
    expect(limits.stats().total).toBe(3)
    clients[0]?.end()
    clients[1]?.resetAndDestroy()
    const third = seen.find((socket) => socket.remotePort === clients[2]?.localPort)
    third?.destroy()
    third?.destroy()
    third?.emit('close')
    await expect.poll(() => limits.stats().total).toBe(0)
  })

  test('counts IPv4 clients of a dual-stack listener as such', async () => {
    const limits = createConnectionLimits()
    const server = greeter()
    limits.guard(server)
    const port = await listen(server, '::')
    await once(open(port), 'data')
    await once(open(port, '::1', '::1'), 'data')
    expect(limits.connections().map(({ host }) => host)).toEqual(['127.0.0.1', '::1'])
  })

  test('counts connections of a Unix socket in total only', async () => {
    const limits = createConnectionLimits({ perHostMax: 1, totalMax: 2 })
    const server = greeter()
    limits.guard(server)
    servers.push(server)
    const path = join(tmpdir(), `orrery-guard-${process.pid}.sock`)
    await once(server.listen(path), 'listening')
    const clients = [1, 2, 3].map(() => connect(path).on('error', () => undefined))
    sockets.push(...clients)
    await Promise.all(clients.slice(0, 2).map((socket) => once(socket, 'data')))
    expect(await received(clients[2] ?? open(0))).toBe('')
    expect(limits.stats()).toMatchObject({ total: 2, hosts: 0 })
  })

  test('is not guarded any more when that was taken back, and counts down what is open', async () => {
    const limits = createConnectionLimits({ totalMax: 1 })
    const server = greeter()
    const release = limits.guard(server)
    const port = await listen(server)
    const first = open(port)
    await once(first, 'data')
    release()
    release()
    expect(Object.hasOwn(server, 'emit')).toBe(false)
    await once(open(port), 'data')
    expect(limits.stats()).toMatchObject({ total: 1, refused: { total: 0 } })
    first.destroy()
    await expect.poll(() => limits.stats().total).toBe(0)
  })

  test('may have several guards, which go in any order', async () => {
    const [strict, loose] = [
      createConnectionLimits({ perHostMax: 1 }),
      createConnectionLimits({ perHostMax: 2 }),
    ]
    const server = greeter()
    const guards = [strict.guard(server), loose.guard(server)]
    const port = await listen(server)
    const first = open(port)
    await once(first, 'data')
    expect(await received(open(port))).toBe('')
    // The outer one had counted what the inner one refused.
    await expect.poll(() => [strict.stats().total, loose.stats().total]).toEqual([1, 1])
    guards[0]?.()
    await once(open(port), 'data')
    expect(await received(open(port))).toBe('')
    expect(strict.stats().refused.perHost).toBe(1)
    guards[1]?.()
    await once(open(port), 'data')
    first.destroy()
    await expect.poll(() => [strict.stats().total, loose.stats().total]).toEqual([0, 1])
  })

  test('lets an operator close the connections of a host', async () => {
    const limits = createConnectionLimits()
    const server = greeter()
    limits.guard(server)
    const port = await listen(server)
    const [first, second] = [open(port), open(port, '127.0.0.2')]
    await Promise.all([first, second].map((socket) => once(socket, 'data')))
    expect(limits.closeHost('127.0.0.2')).toBe(1)
    await received(second)
    expect(limits.stats()).toMatchObject({ total: 1, hosts: 1 })
    expect(first.closed).toBe(false)
  })
})

describe('a guarded socket', () => {
  test('that was destroyed before is nobody’s place', () => {
    const limits = createConnectionLimits({ totalMax: 1 })
    const server = createServer()
    limits.guard(server)
    let seen = 0
    server.on('connection', () => (seen += 1))
    const socket = new PassThrough()
    socket.destroy()
    server.emit('connection', socket)
    server.emit('connection', socket)
    expect(limits.stats()).toMatchObject({ total: 0, refused: { total: 0 } })
    expect(seen).toBe(2)
  })

  test('that one server passes to another is counted once', async () => {
    const limits = createConnectionLimits({ perHostMax: 1 })
    const http = createHttpServer((_, response) => response.end('hello'))
    const door = createServer((socket) => http.emit('connection', socket))
    limits.guard(door, { name: 'door' })
    limits.guard(http, { name: 'http' })
    const port = await listen(door)
    expect((await ask(port)).text).toBe('hello')
    expect(limits.connections()).toMatchObject([{ listener: 'door' }])
  })
})

/** Asks over a connection of its own, and gives the answer with the connection, which stays open. */
async function ask(port: number): Promise<{ readonly text: string; readonly socket: Socket }> {
  const asked = request({ port, host: '127.0.0.1', agent: new Agent({ keepAlive: true }) })
  asked.end()
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of response) text += String(chunk)
  const { socket } = asked
  if (socket === null) throw new Error('no socket')
  socket.on('error', () => undefined)
  sockets.push(socket)
  return { text, socket }
}

describe('guarded', () => {
  test('an HTTP server parses no request of a connection that is refused', async () => {
    const limits = createConnectionLimits({ perHostMax: 1 })
    let requests = 0
    const server = createHttpServer((_, response) => {
      requests += 1
      response.end('hello')
    })
    limits.guard(server)
    const port = await listen(server)
    const { text, socket } = await ask(port)
    expect(text).toBe('hello')
    await expect(ask(port)).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(requests).toBe(1)
    expect(limits.stats().total).toBe(1)
    socket.destroy()
    await expect.poll(() => limits.stats().total).toBe(0)
    expect((await ask(port)).text).toBe('hello')
  })

  test('an HTTP server gives an upgraded connection back when it ends', async () => {
    const limits = createConnectionLimits()
    const server = createHttpServer()
    server.on('upgrade', (_, socket) => {
      socket.on('end', () => socket.end()).resume()
      socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n')
    })
    limits.guard(server)
    const port = await listen(server)
    const client = open(port)
    client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n')
    await once(client, 'data')
    expect(limits.stats().total).toBe(1)
    client.destroy()
    await expect.poll(() => limits.stats().total).toBe(0)
  })

  test('Fastify closes as without it', async () => {
    const limits = createConnectionLimits({ perHostMax: 2 })
    const app = fastify({ forceCloseConnections: 'idle' })
    app.get('/', () => 'hello')
    limits.guard(app.server)
    await app.listen({ host: '127.0.0.1', port: 0 })
    const port = portOf(app.server)
    const answers = [await ask(port), await ask(port)]
    expect(answers.map(({ text }) => text)).toEqual(['hello', 'hello'])
    await expect(ask(port)).rejects.toMatchObject({ code: 'ECONNRESET' })
    await app.close()
    await expect.poll(() => limits.stats().total).toBe(0)
    await Promise.all(answers.map(({ socket }) => received(socket)))
  })

  test('a TLS server shakes no hand of a connection that is refused', async () => {
    const { cert, key, ca } = new Authority('everybody').issue(['127.0.0.1'])
    const limits = createConnectionLimits({ perHostMax: 1 })
    const failures: Error[] = []
    const server = createTlsServer({ cert: Buffer.from(cert), key: Buffer.from(key) }, (socket) => {
      socket.on('error', () => undefined).write('hello')
    })
    server.on('tlsClientError', (error) => failures.push(error))
    limits.guard(server)
    const port = await listen(server)
    const dial = (): Socket => {
      const socket = connectTls({ port, host: '127.0.0.1', ca: Buffer.from(ca) }).on('error', () => undefined)
      sockets.push(socket)
      return socket
    }
    const first = dial()
    await once(first, 'data')
    expect(await received(dial())).toBe('')
    expect(failures).toEqual([])
    expect(limits.stats()).toMatchObject({ total: 1, refused: { perHost: 1 } })
    first.destroy()
    await expect.poll(() => limits.stats().total).toBe(0)
    const again = dial()
    await once(again, 'data')
    expect(limits.closeHost('127.0.0.1')).toBe(1)
    await received(again)
    expect(limits.stats().total).toBe(0)
  })

  test('an HTTP/2 server counts sessions', async () => {
    const limits = createConnectionLimits({ perHostMax: 1 })
    const server = createHttp2Server((_, response) => response.end('hello'))
    limits.guard(server)
    const port = await listen(server)
    const dial = () => connectHttp2(`http://127.0.0.1:${port}`).on('error', () => undefined)
    const first = dial()
    await once(first.request({}).resume(), 'end')
    const second = dial()
    await once(second, 'close')
    expect(limits.stats().total).toBe(1)
    first.close()
    await expect.poll(() => limits.stats().total).toBe(0)
  })
})
