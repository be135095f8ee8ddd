import { createServer, type RequestListener } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { opening } from './sessions/session.ts'
import { call } from '../support/raw-headers.ts'
import { type RawServer, startRawServer } from '../support/raw-server.ts'

/** Answers with what it has understood. */
const listener: RequestListener = (request, response) => {
  const content: Buffer[] = []
  request.on('data', (chunk: Buffer) => content.push(chunk))
  request.on('end', () => {
    response.sendDate = false
    response.end(JSON.stringify([request.method, request.url, Buffer.concat(content).toString('latin1')]))
  })
}

let server: RawServer
const reference = createServer(listener)
beforeAll(async () => {
  server = await startRawServer({ http1: listener })
  await new Promise<void>((resolve) => reference.listen(0, '127.0.0.1', resolve))
})
afterAll(async () => {
  reference.close()
  await server[Symbol.asyncDispose]()
})

/** Everything that a server answers to these bytes until it closes, after the client has ended its side. */
function answerTo(port: number, bytes: Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', () => {})
    socket.on('close', () => {
      resolve(Buffer.concat(chunks).toString('latin1'))
    })
    socket.on('end', () => socket.end())
    socket.end(bytes)
  })
}

const head = 'Host: localhost\r\nConnection: close\r\n'
const requests: readonly { readonly what: string; readonly bytes: string }[] = [
  { what: 'a plain request', bytes: `GET /plain HTTP/1.1\r\n${head}\r\n` },
  {
    what: 'Content-Length and Transfer-Encoding together',
    bytes: `POST / HTTP/1.1\r\n${head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n${head}\r\n`,
  },
  {
    what: 'Transfer-Encoding and Content-Length together',
    bytes: `POST / HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n`,
  },
  {
    what: 'two Content-Lengths',
    bytes: `POST / HTTP/1.1\r\n${head}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde`,
  },
  {
    what: 'the same Content-Length twice',
    bytes: `POST / HTTP/1.1\r\n${head}Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd`,
  },
  { what: 'a Content-Length with a sign', bytes: `POST / HTTP/1.1\r\n${head}Content-Length: +4\r\n\r\nabcd` },
  {
    what: 'Transfer-Encoding that is not chunked last',
    bytes: `POST / HTTP/1.1\r\n${head}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
  },
  { what: 'a folded field', bytes: `GET / HTTP/1.1\r\n${head}X: a\r\n b\r\n\r\n` },
  { what: 'lines that end with LF alone', bytes: `GET / HTTP/1.1\n${head.replaceAll('\r', '')}\n` },
  { what: 'CR within a field', bytes: `GET / HTTP/1.1\r\n${head}X: a\rb\r\n\r\n` },
  { what: 'a space before the colon', bytes: `GET / HTTP/1.1\r\n${head}Content-Length : 4\r\n\r\nabcd` },
  { what: 'NUL in a field', bytes: `GET / HTTP/1.1\r\n${head}X: a\0b\r\n\r\n` },
  { what: 'a target in absolute form', bytes: `GET http://other/path HTTP/1.1\r\n${head}\r\n` },
  { what: 'a target in authority form', bytes: `CONNECT other:443 HTTP/1.1\r\n${head}\r\n` },
  { what: 'a request without Host', bytes: 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n' },
  { what: 'HTTP/1.0', bytes: 'GET / HTTP/1.0\r\n\r\n' },
  { what: 'HTTP/0.9', bytes: 'GET /\r\n' },
  { what: 'another version', bytes: `GET / HTTP/3.7\r\n${head}\r\n` },
  {
    what: 'a chunk whose size is no number',
    bytes: `POST / HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n`,
  },
  { what: 'fields over the limit', bytes: `GET / HTTP/1.1\r\n${head}X: ${'y'.repeat(20_000)}\r\n\r\n` },
  {
    what: 'an upgrade to HTTP/2',
    bytes: `GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n`,
  },
  {
    what: 'two requests at once',
    bytes: `GET /one HTTP/1.1\r\nHost: localhost\r\n\r\nGET /two HTTP/1.1\r\n${head}\r\n`,
  },
  { what: 'something else than HTTP', bytes: '\x16\x03\x01\x02\x00\x01\x00\x01' },
  { what: 'the begin of the preface of HTTP/2 and another end', bytes: `PRI * HTTP/1.1\r\n${head}\r\n` },
  { what: 'nothing at all', bytes: '' },
]

describe('on a port for both protocols, node:http answers', () => {
  test.each(requests.map(({ what, bytes }) => [what, bytes] as const))('%s', async (_, bytes) => {
    const sent = Buffer.from(bytes, 'latin1')
    const ours = await answerTo(server.port, sent)
    expect(ours).toBe(await answerTo((reference.address() as AddressInfo).port, sent))
    expect(server.server.stats()).toMatchObject({ connectionsTotal: 0, callsTotal: 0 })
  })

  test('the preface of HTTP/2 after a request, which reaches no call', async () => {
    const first = Buffer.from('GET /first HTTP/1.1\r\nHost: localhost\r\n\r\n', 'latin1')
    const sent = Buffer.concat([first, opening, call(1, 'Echo')])
    const ours = await answerTo(server.port, sent)
    expect(ours).toContain('400 Bad Request')
    expect(ours).toBe(await answerTo((reference.address() as AddressInfo).port, sent))
    expect(server.server.stats()).toMatchObject({ connectionsTotal: 0, callsTotal: 0 })
  })
})

test('and HTTP/2 goes on beside it', async () => {
  await using connection = await server.start()
  connection.write(call(1, 'Echo'))
  expect((await connection.answer(1)).grpcStatus).toBe('0')
})

test('without a taker for HTTP/1.1 such a connection is closed', async () => {
  await using alone = await startRawServer()
  const answer = await answerTo(alone.port, Buffer.from(`GET / HTTP/1.1\r\n${head}\r\n`))
  expect(answer).not.toContain('HTTP/1.1 200')
  expect(alone.server.stats().callsTotal).toBe(0)
})
