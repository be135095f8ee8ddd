import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import {
  Client,
  credentials,
  Metadata,
  type MethodDefinition,
  type ServiceError,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { expect, test } from 'vitest'
import { createGrpcServer, type GrpcServer, type GrpcServerOptions, TlsCredentials } from '../src/index.ts'
import { Authority } from './support/certificates.ts'

const same = (bytes: Buffer): Buffer => bytes
const bytesMethod = (path: string, responseStream: boolean): MethodDefinition<Buffer, Buffer> => ({
  path,
  requestStream: false,
  responseStream,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
})
const definition = { ask: bytesMethod('/s/Ask', false), list: bytesMethod('/s/List', true) }

interface Started extends AsyncDisposable {
  readonly server: GrpcServer
  readonly port: number
  readonly client: Client
}

async function start(
  implementation: Readonly<Record<string, unknown>>,
  options: GrpcServerOptions = {},
): Promise<Started> {
  const server = createGrpcServer(options)
  server.addService(definition, implementation as UntypedServiceImplementation)
  const port = await server.listen('127.0.0.1:0')
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  return {
    server,
    port,
    client,
    [Symbol.asyncDispose]: () => {
      client.close()
      server.forceShutdown()
      return server.close()
    },
  }
}

/** A handler's call, as far as it goes beyond grpc-js. */
interface SignalCall {
  readonly signal: AbortSignal
  getMetricsRecorder(): unknown
  destroy(error?: Error): void
}

test('the signal of a call aborts when its client gives up, and says so', async () => {
  const called = deferred<AbortSignal>()
  await using started = await start({ ask: (call: SignalCall) => called.resolve(call.signal) })
  const call = started.client.makeUnaryRequest('/s/Ask', same, same, Buffer.alloc(0), () => undefined)
  const signal = await called.promise
  expect(signal.aborted).toBe(false)
  const aborted = once(signal, 'abort')
  call.cancel()
  await aborted
  expect(signal.reason).toMatchObject({ code: 'GRPC_CALL_CANCELLED' })
})

test('the signal of a call aborts when its deadline passes, and says so', async () => {
  const called = deferred<AbortSignal>()
  await using started = await start({ ask: (call: SignalCall) => called.resolve(call.signal) })
  const inTime = Date.now() + 30_000
  await new Promise((resolve) => started.client.waitForReady(inTime, resolve))
  const deadline = Date.now() + 1_000
  started.client.makeUnaryRequest('/s/Ask', same, same, Buffer.alloc(0), { deadline }, () => undefined)
  const signal = await called.promise
  if (!signal.aborted) await once(signal, 'abort')
  expect(['GRPC_CALL_DEADLINE_EXCEEDED', 'GRPC_CALL_CANCELLED']).toContain(
    (signal.reason as { readonly code: string }).code,
  )
})

test('the signal of a call that ends well never aborts', async () => {
  let signal: AbortSignal | undefined
  await using started = await start({
    ask: (call: SignalCall, callback: (error: null, value: Buffer) => void) => {
      signal = call.signal
      callback(null, Buffer.from('x'))
    },
  })
  expect(String(await ask(started.client))).toBe('x')
  started.client.close()
  await expect.poll(() => started.server.stats().connections).toBe(0)
  expect(signal?.aborted).toBe(false)
})

test('load reports of single calls are refused with a code', async () => {
  const seen = deferred<unknown>()
  await using started = await start({
    ask: (call: SignalCall, callback: (error: null, value: Buffer) => void) => {
      try {
        call.getMetricsRecorder()
      } catch (error) {
        seen.resolve(error)
      }
      callback(null, Buffer.alloc(0))
    },
  })
  await ask(started.client)
  expect(await seen.promise).toMatchObject({ code: 'GRPC_SERVER_UNSUPPORTED' })
})

test('a call that its handler destroys without a reason is cancelled', async () => {
  await using started = await start({ list: (call: SignalCall) => call.destroy() })
  const stream = started.client.makeServerStreamRequest(
    '/s/List',
    same,
    same,
    Buffer.alloc(0),
    new Metadata(),
  )
  const [error] = (await once(stream.resume(), 'error')) as [ServiceError]
  expect(error).toMatchObject({ code: status.CANCELLED, details: 'The server gave up the call' })
})

test('connections of HTTP/1.1 and silent ones count for the most there may be', async () => {
  const http1 = createServer((_request, response) => response.end('ok'))
  await using started = await start({}, { http1, connectionsMax: 2 })
  const silent = connect(started.port, '127.0.0.1')
  const speaking = connect(started.port, '127.0.0.1')
  await Promise.all([once(silent, 'connect'), once(speaking, 'connect')])
  speaking.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await once(speaking, 'data')
  const refused = connect(started.port, '127.0.0.1').on('error', () => undefined)
  await once(refused, 'close')
  expect(started.server.stats().defended.tooManyConnections).toBe(1)
  speaking.destroy()
  const isAnswered = async (): Promise<boolean> => {
    const next = connect(started.port, '127.0.0.1').on('error', () => undefined)
    next.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    const answered = once(next, 'data').then(() => true)
    const closed = once(next, 'close').then(() => false)
    const isFirst = await Promise.race([answered, closed])
    next.destroy()
    return isFirst
  }
  await expect.poll(isAnswered).toBe(true)
  silent.destroy()
})

test('a failed TLS handshake is counted, and gives its place back', async () => {
  const authority = new Authority('test')
  const { cert, key } = authority.issue('server')
  const server = createGrpcServer({ connectionsMax: 1 })
  const port = await server.listen('127.0.0.1:0', new TlsCredentials({ cert, key }))
  for (let failures = 1; failures <= 3; failures++) {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined)
    socket.write('this is no TLS at all, whatever it may be\r\n\r\n')
    await once(socket.resume(), 'close')
    await expect.poll(() => server.stats().defended.tlsHandshake).toBe(failures)
  }
  expect(server.stats().defended.tooManyConnections).toBe(0)
  server.forceShutdown()
})

function ask(client: Client): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest('/s/Ask', same, same, Buffer.alloc(0), (error, value) => {
      if (error === null && value !== undefined) resolve(value)
      else reject(error ?? new Error('neither error nor answer'))
    })
  })
}

function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let settle: (value: T) => void = () => undefined
  const promise = new Promise<T>((resolve) => {
    settle = resolve
  })
  return { promise, resolve: (value) => settle(value) }
}
