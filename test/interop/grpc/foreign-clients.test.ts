import { once } from 'node:events'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { addEtcdServices, etcdServerOptions, etcdServices } from '@orrery/adapter-etcd'
import { systemEnvironment } from '@orrery/environment/system'
import { createGrpcServer, TlsCredentials } from '@orrery/grpc-server'
import { createMemoryStore } from '@orrery/store'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { memoryDirectory } from '../servers/etcd.ts'
import { startEtcdctl } from '../servers/etcdctl.ts'
import { type AuthorityFiles, createAuthority, type IdentityFiles } from './certificates.ts'
import { type EchoServer, startEchoServer } from './echo-server.ts'
import { echoDefinition, type EchoMethod, framed, repeatRequest, unframed } from './echo-service.ts'
import { runProgram } from './run-program.ts'

let directory: string
let authority: AuthorityFiles
let echo: EchoServer
/** A file with one framed message. */
let message: string

beforeAll(async () => {
  directory = await memoryDirectory('grpc')
  authority = await createAuthority(directory, 'authority')
  echo = await startEchoServer(await authority.issue('server'))
  message = join(directory, 'message')
  await writeFile(message, framed('hello'))
})

afterAll(async () => {
  echo.server.forceShutdown()
  await echo.server.close()
  await rm(directory, { recursive: true, force: true })
})

const run = async (debianPackage: string, name: string, ...args: readonly string[]): Promise<string> => {
  const output = await runProgram({ name, debianPackage }, args)
  return output.toString('latin1')
}
const nghttp = (...args: readonly string[]) => run('nghttp2-client', 'nghttp', ...args)
const h2load = (...args: readonly string[]) => run('nghttp2-client', 'h2load', ...args)
const curl = (...args: readonly string[]) => run('curl', 'curl', '-sS', ...args)

/** What makes a request of these clients a call. */
const asCall = ['-H', 'te: trailers', '-H', 'content-type: application/grpc'] as const
const unaryPath = echoDefinition.unary.path

/** The columns of a report by h2load that tell whether all went well. */
function loadReport(output: string) {
  const numberOf = (pattern: RegExp): number => Number(pattern.exec(output)?.[1])
  return {
    protocol: /^Application protocol: (.*)$/m.exec(output)?.[1],
    succeeded: numberOf(/ (\d+) succeeded/),
    failed: numberOf(/ (\d+) failed/) + numberOf(/ (\d+) errored/) + numberOf(/ (\d+) timeout/),
    contentBytes: numberOf(/\((\d+)\) data$/m),
  }
}

describe.each([
  { over: 'plain text', scheme: 'http', h2: 'h2c' },
  { over: 'TLS', scheme: 'https', h2: 'h2' },
])('over $over', ({ scheme, h2 }) => {
  const isTls = scheme === 'https'
  const url = (path: string): string =>
    `${scheme}://127.0.0.1:${isTls ? echo.tlsPort : echo.plainPort}${path}`
  /** curl trusts nobody but us, and speaks HTTP/2 as ALPN or its user has it. */
  const trust = (): readonly string[] => ['--cacert', authority.cert]
  const http2 = (): readonly string[] => (isTls ? ['--http2', ...trust()] : ['--http2-prior-knowledge'])

  test('nghttp makes a call, and shows its answer and status', async () => {
    const output = await nghttp('-v', '-d', message, ...asCall, url(unaryPath))
    const received = (pattern: string): string | undefined =>
      new RegExp(`\\] recv \\(stream_id=\\d+\\) ${pattern}\\n`).exec(output)?.[1]
    expect(received(':status: (.*)')).toBe('200')
    expect(received('content-type: (.*)')).toMatch(/^application\/grpc/)
    expect(received('grpc-status: (.*)')).toBe('0')
    const [, body = ''] = /; First response header\n([^]*?)\[ *[\d.]+\] recv DATA frame/.exec(output) ?? []
    expect(unframed(Buffer.from(body, 'latin1')).map(String)).toEqual(['hello'])
    if (isTls) expect(output).toContain('The negotiated protocol: h2')
  })

  test('nghttp is told that there is no such method', async () => {
    const output = await nghttp('-v', '-d', message, ...asCall, url('/interop.Echo/Missing'))
    expect(output).toMatch(/grpc-status: 12\n/)
  })

  test('h2load makes 2,000 calls on 10 connections with 20 streams each, and all succeed', async () => {
    const before = echo.server.stats()
    const args = ['-n', '2000', '-c', '10', '-m', '20', '-d', message, ...asCall]
    const report = loadReport(await h2load(...args, url(unaryPath)))
    // Each answer has its message: a refusal would have none.
    const contentBytes = 2_000 * framed('hello').length
    expect(report).toEqual({ protocol: h2, succeeded: 2_000, failed: 0, contentBytes })
    const { callsTotal, callsAborted, connectionsTotal } = echo.server.stats()
    expect(callsTotal - before.callsTotal).toBe(2_000)
    expect(callsAborted - before.callsAborted).toBe(0)
    expect(connectionsTotal - before.connectionsTotal).toBe(10)
  })

  test('h2load --h1 has 2,000 requests answered by node:http at the same port', async () => {
    const before = echo.server.stats()
    const report = loadReport(await h2load('--h1', '-n', '2000', '-c', '10', url('/one')))
    const contentBytes = 2_000 * 'GET /one '.length
    expect(report).toEqual({ protocol: 'http/1.1', succeeded: 2_000, failed: 0, contentBytes })
    expect(echo.server.stats().callsTotal).toBe(before.callsTotal)
  })

  test('curl makes a call by HTTP/2, and gets the framed answer and the trailers', async () => {
    const answer = join(directory, 'answer')
    const args = ['--data-binary', `@${message}`, ...asCall, '-D', '-', '-o', answer]
    const head = await curl(...http2(), ...args, '-w', 'version %{http_version}', url(unaryPath))
    expect(head).toMatch(/^HTTP\/2 200/)
    expect(head).toMatch(/\r\n\r\n(?:.*\r\n)*grpc-status: 0\r\n/)
    expect(head).toMatch(/version 2$/)
    expect(unframed(await readFile(answer)).map(String)).toEqual(['hello'])
  })

  test('curl --http1.1 has the answer of node:http from the same port', async () => {
    const args = ['--http1.1', ...trust(), '-d', 'content', '-w', ' %{http_version}']
    expect(await curl(...args, url('/two'))).toBe('POST /two content 1.1')
  })

  describe('node:http2 makes', () => {
    let session: ClientHttp2Session
    beforeAll(async () => {
      session = connect(url(''), { ca: await readFile(authority.cert) })
      await once(session, 'connect')
    })
    afterAll(async () => {
      session.close()
      await once(session, 'close')
    })

    /** Starts a call, and collects what comes of it. */
    function start(method: EchoMethod) {
      const headers = { ':method': 'POST', ':path': echoDefinition[method].path, te: 'trailers' }
      const stream = session.request({ ...headers, 'content-type': 'application/grpc' })
      const trailers = once(stream, 'trailers') as Promise<[IncomingHttpHeaders]>
      const status = trailers.then(([fields]) => fields['grpc-status'])
      return { stream, status }
    }

    test('a unary call', async () => {
      const { stream, status } = start('unary')
      stream.end(framed('one'))
      expect(unframed(await buffer(stream)).map(String)).toEqual(['one'])
      expect(await status).toBe('0')
    })

    test('a call with a stream of requests', async () => {
      const { stream, status } = start('count')
      for (const part of ['a', 'bc', 'def']) stream.write(framed(part))
      // A frame of DATA may end anywhere within a message.
      const last = framed('x'.repeat(100_000))
      stream.write(last.subarray(0, 3))
      stream.end(last.subarray(3))
      expect(unframed(await buffer(stream)).map(String)).toEqual(['100006'])
      expect(await status).toBe('0')
    })

    test('a call with a stream of answers', async () => {
      const { stream, status } = start('repeat')
      stream.end(framed(repeatRequest(50, 10_000)))
      const lengths = unframed(await buffer(stream)).map(({ length }) => length)
      expect(lengths).toEqual(Array.from({ length: 50 }, () => 10_000))
      expect(await status).toBe('0')
    })

    test('a call with both', async () => {
      const { stream, status } = start('chat')
      for (const part of ['ping', 'pong', 'again']) {
        stream.write(framed(part))
        const [answer] = (await once(stream, 'data')) as [Buffer]
        expect(unframed(answer).map(String)).toEqual([part])
      }
      stream.end()
      expect(await status).toBe('0')
    })
  })
})

test('curl --http2 without TLS offers to change to HTTP/2, and stays with node:http', async () => {
  const url = `http://127.0.0.1:${echo.plainPort}/three`
  expect(await curl('--http2', '-w', '%{http_version}', url)).toBe('GET /three 1.1')
})

describe('etcdctl, with certificates on both sides,', () => {
  const store = createMemoryStore()
  const server = createGrpcServer(etcdServerOptions())
  let endpoint: string
  let client: IdentityFiles
  beforeAll(async () => {
    addEtcdServices(server, etcdServices({ store, environment: systemEnvironment() }))
    client = await authority.issue('client')
    const identity = await authority.issue('etcd')
    const [cert, key, clientCa] = await Promise.all(
      [identity.cert, identity.key, authority.cert].map((file) => readFile(file)),
    )
    if (cert === undefined || key === undefined) throw new Error('there are no certificates')
    const port = await server.listen('127.0.0.1:0', new TlsCredentials({ cert, key, clientCa }))
    endpoint = `https://127.0.0.1:${port}`
  })
  afterAll(async () => {
    server.forceShutdown()
    await server.close()
    await store.close()
  })

  const start = (args: readonly string[], identity?: IdentityFiles) => {
    const own = identity === undefined ? [] : [`--cert=${identity.cert}`, `--key=${identity.key}`]
    return startEtcdctl({ endpoint }, [`--cacert=${authority.cert}`, ...own, ...args])
  }

  test('puts, gets and watches', async () => {
    const watch = start(['watch', 'key', '--rev=1'], client)
    expect(await start(['put', 'key', 'value'], client).end()).toMatchObject({ exitCode: 0, stdout: 'OK\n' })
    expect(await start(['get', 'key'], client).end()).toMatchObject({ exitCode: 0, stdout: 'key\nvalue\n' })
    await watch.until('PUT\nkey\nvalue\n')
    await start(['del', 'key'], client).end()
    await watch.until('DELETE\nkey\n\n')
    await watch.stop()
  })

  test.each([
    { what: 'none of its own', issue: () => Promise.resolve(undefined) },
    {
      what: 'one of an authority that nobody knows',
      issue: async () => (await createAuthority(directory, 'stranger')).issue('unknown'),
    },
  ])('is refused with $what', async ({ issue }) => {
    const { callsTotal } = server.stats()
    const args = ['--dial-timeout=1s', '--command-timeout=1s', 'get', 'key']
    const { exitCode, stdout } = await start(args, await issue()).end()
    expect(exitCode).not.toBe(0)
    expect(stdout).toBe('')
    expect(server.stats().callsTotal).toBe(callsTotal)
  })
})
