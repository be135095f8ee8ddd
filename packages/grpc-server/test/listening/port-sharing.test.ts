import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import type { Server as HttpServer } from 'node:http'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import * as grpc from '@grpc/grpc-js'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { SharedPort, SharePortOptions } from '../../src/listening/port-sharing.ts'
import { sharePort } from '../../src/listening/port-sharing.ts'

const passBytes = (bytes: Buffer): Buffer => bytes
const echoMethod = {
  path: '/test.Echo/Echo',
  requestStream: false,
  responseStream: false,
  requestSerialize: passBytes,
  requestDeserialize: passBytes,
  responseSerialize: passBytes,
  responseDeserialize: passBytes,
} as const

const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

let server: HttpServer
let grpcServer: grpc.Server
let shared: SharedPort
let port: number

async function start(options?: SharePortOptions): Promise<void> {
  grpcServer = new grpc.Server()
  grpcServer.addService(
    { echo: echoMethod },
    {
      echo: (call: grpc.ServerUnaryCall<Buffer, Buffer>, reply: grpc.sendUnaryData<Buffer>) => {
        reply(null, call.request)
      },
    },
  )
  server = createServer((request, response) => {
    void text(request).then((body) => response.end(`${request.method ?? ''} ${body}`))
  })
  const injector = grpcServer.createConnectionInjector(grpc.ServerCredentials.createInsecure())
  shared = sharePort(server, (socket) => injector.injectConnection(socket), options)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  port = typeof address === 'object' && address !== null ? address.port : 0
}

function open(): Socket {
  return connect({ port, host: '127.0.0.1' }).on('error', () => undefined)
}

async function send(socket: Socket, ...pieces: readonly string[]): Promise<void> {
  socket.setNoDelay(true)
  for (const piece of pieces) {
    await new Promise<void>((resolve) => {
      socket.write(piece, () => {
        resolve()
      })
    })
    // Whatever the network makes of it, the server's next turn sees this piece alone more often than not.
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const byteByByte = (text: string): string[] => Array.from(text)

function echo(message: string): Promise<string> {
  const client = new grpc.Client(`127.0.0.1:${String(port)}`, grpc.credentials.createInsecure())
  return new Promise<string>((resolve, reject) => {
    const { path, requestSerialize, responseDeserialize } = echoMethod
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      Buffer.from(message),
      (error, reply) => {
        if (error === null) resolve(String(reply))
        else reject(error)
      },
    )
  }).finally(() => {
    client.close()
  })
}

async function post(body: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${String(port)}/`, { method: 'POST', body })
  return response.text()
}

beforeEach(() => start())

afterEach(async () => {
  shared.close()
  grpcServer.forceShutdown()
  server.closeAllConnections()
  if (server.listening) await new Promise((resolve) => server.close(resolve))
})

describe('sharePort', () => {
  test('serves gRPC and HTTP/1.1 on one port', async () => {
    const answers = await Promise.all([echo('over gRPC'), post('over HTTP'), echo('again')])
    expect(answers).toEqual(['over gRPC', 'POST over HTTP', 'again'])
    expect(shared.undecided).toBe(0)
  })

  test('keeps an HTTP/1.1 connection alive for further requests', async () => {
    const socket = open()
    const line = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'
    await send(socket, line)
    await once(socket, 'data')
    await send(socket, line)
    const [second] = (await once(socket, 'data')) as [Buffer]
    expect(second.toString()).toMatch(/^HTTP\/1\.1 200 OK/)
    socket.destroy()
  })

  test('understands first bytes that arrive one by one', async () => {
    const http1 = open()
    await send(http1, ...byteByByte('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi'))
    const [answer] = (await once(http1, 'data')) as [Buffer]
    expect(answer.toString()).toContain('POST hi')

    const http2 = open()
    await send(http2, ...byteByByte(preface))
    // The server's SETTINGS frame: three bytes of length, type 4.
    const [settings] = (await once(http2, 'data')) as [Buffer]
    expect(settings[3]).toBe(4)
    http1.destroy()
    http2.destroy()
  })

  test('leaves a method that only begins like the preface to HTTP/1.1', async () => {
    const socket = open()
    await send(socket, 'PR', 'OPFIND / HTTP/1.1\r\nhost: x\r\n\r\n')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toContain('PROPFIND')
    socket.destroy()
  })

  test('answers a broken preface as a broken HTTP/1.1 request', async () => {
    const socket = open()
    await send(socket, 'PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 (400|505)/)
    socket.destroy()
  })

  test('forgets a connection that ends before it is decided', async () => {
    const socket = open()
    await send(socket, 'PRI')
    await expect.poll(() => shared.undecided).toBe(1)
    socket.end()
    await once(socket, 'close')
    await expect.poll(() => shared.undecided).toBe(0)
  })

  test('destroys a connection that stays silent', async () => {
    await new Promise((resolve) => server.close(resolve))
    await start({ firstBytesTimeoutMs: 20 })
    const socket = open()
    socket.resume()
    await once(socket, 'close')
    await expect.poll(() => shared.undecided).toBe(0)
  })

  test('leaves a connection alone once it is decided', async () => {
    await new Promise((resolve) => server.close(resolve))
    await start({ firstBytesTimeoutMs: 1_000 })
    const decided = open()
    const line = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'
    await send(decided, line)
    await once(decided, 'data')
    // Its deadline comes after that of the first connection would have come.
    const silent = open()
    silent.resume()
    await once(silent, 'close')
    await send(decided, line)
    const [answer] = (await once(decided, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 OK/)
    decided.destroy()
  })

  test('notices that an HTTP/2 client left without a word', async () => {
    const socket = open()
    await send(socket, preface)
    socket.resume()
    socket.end()
    await once(socket, 'close')
    await expect.poll(() => connections(server)).toBe(0)
  })

  test('lets the server close while connections are undecided', async () => {
    const socket = open()
    await send(socket, 'P')
    await expect.poll(() => shared.undecided).toBe(1)
    const closed = new Promise((resolve) => server.close(resolve))
    shared.close()
    await closed
    expect(shared.undecided).toBe(0)
  })

  test('lets a request finish while the server closes', async () => {
    const request = httpRequest({ port, host: '127.0.0.1', method: 'POST', agent: false })
    request.write('half')
    await expect.poll(() => connections(server)).toBe(1)
    const closed = new Promise((resolve) => server.close(resolve))
    shared.close()
    request.end(' and half')
    const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream]
    expect(await text(response)).toBe('POST half and half')
    await closed
  })
})

function connections(of: HttpServer): Promise<number> {
  return new Promise((resolve) => {
    of.getConnections((_error, count) => {
      resolve(count)
    })
  })
}
