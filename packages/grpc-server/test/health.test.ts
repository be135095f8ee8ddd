import { Writable } from 'node:stream'
import {
  type ClientReadableStream,
  credentials,
  makeClientConstructor,
  Server,
  ServerCredentials,
  type ServiceError,
  status,
} from '@grpc/grpc-js'
import { hasCode } from '@orrery/environment'
import { afterEach, describe, expect, test } from 'vitest'
import { createGrpcServer } from '../src/index.ts'
import {
  type HealthCheckResponse,
  type HealthListResponse,
  servingStatuses,
} from '../src/health/health-messages.ts'
import { createHealthService, type HealthService } from '../src/health/health-service.ts'

const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = servingStatuses

type AnyServer = Pick<Server, 'addService' | 'bindAsync' | 'forceShutdown'>

/** The service is for any server that takes what grpc-js takes. */
const servers: readonly (readonly [name: string, create: () => AnyServer])[] = [
  ['the server of this package', () => createGrpcServer()],
  ['the server of grpc-js', () => new Server()],
]

const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup()
})

interface HealthClient {
  readonly check: (service: string) => Promise<number>
  readonly list: () => Promise<HealthListResponse>
  readonly watch: (service: string) => ClientReadableStream<HealthCheckResponse>
  /** Sends bytes instead of a message. */
  readonly checkBytes: (bytes: Buffer) => Promise<unknown>
}

async function connectTo(server: AnyServer, health: HealthService): Promise<HealthClient> {
  server.addService(health.definition, health.implementation)
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error)
      else resolve(bound)
    })
  })
  cleanups.push(() => server.forceShutdown())
  const Client = makeClientConstructor(health.definition, 'grpc.health.v1.Health')
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  cleanups.push(() => client.close())
  const { Check, List, Watch } = health.definition
  const unary = <Request, Response>(
    { path, requestSerialize, responseDeserialize }: typeof Check | typeof List,
    request: Request,
    serialize: (request: Request) => Buffer = requestSerialize as (request: unknown) => Buffer,
  ): Promise<Response> =>
    new Promise((resolve, reject) => {
      const deserialize = responseDeserialize as (bytes: Buffer) => Response
      client.makeUnaryRequest(path, serialize, deserialize, request, (error, response) => {
        if (response === undefined) reject(error ?? new Error('neither error nor response'))
        else resolve(response)
      })
    })
  return {
    check: async (service) => (await unary<object, HealthCheckResponse>(Check, { service })).status,
    list: () => unary(List, {}),
    watch: (service) =>
      client.makeServerStreamRequest(Watch.path, Watch.requestSerialize, Watch.responseDeserialize, {
        service,
      }),
    checkBytes: (bytes) => unary(Check, bytes, (same) => same),
  }
}

/** Reads the next status of a watch. */
function reader(stream: ClientReadableStream<HealthCheckResponse>): () => Promise<number> {
  const responses = stream[Symbol.asyncIterator]() as AsyncIterator<HealthCheckResponse, unknown>
  stream.on('error', () => undefined)
  cleanups.push(() => stream.cancel())
  return async () => {
    const turn = await responses.next()
    if (turn.done === true) throw new Error('the watch ended')
    return turn.value.status
  }
}

function codeOf(error: unknown): number {
  return (error as ServiceError).code
}

describe.each(servers)('on %s', (_name, createServer) => {
  const connect = (health: HealthService): Promise<HealthClient> => connectTo(createServer(), health)

  test('a server serves as a whole until its host says otherwise', async () => {
    const health = createHealthService()
    const { check } = await connect(health)
    expect(await check('')).toBe(SERVING)
    health.setStatus('', 'notServing')
    expect(await check('')).toBe(NOT_SERVING)
  })

  test('a service that the host has not named is not found', async () => {
    const health = createHealthService({ statuses: { 'a.A': 'notServing' } })
    const { check } = await connect(health)
    expect(await check('a.A')).toBe(NOT_SERVING)
    expect(codeOf(await check('a.B').catch((error: unknown) => error))).toBe(status.NOT_FOUND)
    expect(codeOf(await check('').catch((error: unknown) => error))).toBe(status.NOT_FOUND)
  })

  test.each([
    ['that ends too early', [10, 200, 1, 65]],
    ['with a name that is no text', [10, 1, 0xff]],
    ['with a field of no number', [2, 0]],
  ])('a request %s is refused as grpc-js refuses it', async (_kind, bytes) => {
    const { checkBytes } = await connect(createHealthService())
    const error: unknown = await checkBytes(Buffer.from(bytes)).catch((cause: unknown) => cause)
    expect(codeOf(error)).toBe(status.INTERNAL)
  })

  test('a field that nobody knows is passed over', async () => {
    const { checkBytes } = await connect(createHealthService({ statuses: { A: 'notServing' } }))
    const unknown = [0x1a, 1, 0, 0x20, 7, 0x2d, 0, 0, 0, 0]
    expect(await checkBytes(Buffer.from([...unknown, 10, 1, 65]))).toEqual({ status: NOT_SERVING })
  })

  test('a list has every service, by names that objects have already, too', async () => {
    const health = createHealthService()
    health.setStatus('a.A', 'notServing')
    health.setStatus('__proto__', 'notServing')
    const { statuses } = await (await connect(health)).list()
    expect(Object.entries(statuses)).toEqual([
      ['', { status: SERVING }],
      ['a.A', { status: NOT_SERVING }],
      ['__proto__', { status: NOT_SERVING }],
    ])
  })

  test('a list of a hundred services is answered, and one of more is refused', async () => {
    const health = createHealthService()
    const { list } = await connect(health)
    for (let number = 1; number < 100; number++) health.setStatus(`service ${number}`, 'serving')
    expect(Object.keys((await list()).statuses)).toHaveLength(100)
    health.setStatus('one more', 'serving')
    expect(codeOf(await list().catch((error: unknown) => error))).toBe(status.RESOURCE_EXHAUSTED)
  })

  test('a watch gives the status at once, and again when it changes', async () => {
    const health = createHealthService()
    const next = reader((await connect(health)).watch(''))
    expect(await next()).toBe(SERVING)
    health.setStatus('', 'serving')
    health.setStatus('other', 'notServing')
    health.setStatus('', 'notServing')
    expect(await next()).toBe(NOT_SERVING)
    health.setStatus('', 'serving')
    expect(await next()).toBe(SERVING)
  })

  test('a watch of an unknown service says so, and goes on when the service becomes known', async () => {
    const health = createHealthService()
    const next = reader((await connect(health)).watch('a.A'))
    expect(await next()).toBe(SERVICE_UNKNOWN)
    health.setStatus('a.A', 'serving')
    expect(await next()).toBe(SERVING)
  })

  test('several watches of a service hear of a change', async () => {
    const health = createHealthService()
    const { watch } = await connect(health)
    const [first, second] = [reader(watch('')), reader(watch(''))]
    expect([await first(), await second()]).toEqual([SERVING, SERVING])
    health.setStatus('', 'notServing')
    expect([await first(), await second()]).toEqual([NOT_SERVING, NOT_SERVING])
  })

  /** A call of `Watch` whose client takes a message when the test says so. */
  class SlowCall extends Writable {
    readonly request = { service: '' }
    readonly taken: number[] = []
    #take: (() => void) | undefined

    constructor() {
      super({ objectMode: true })
    }

    override _write({ status: taken }: HealthCheckResponse, _encoding: string, done: () => void): void {
      this.taken.push(taken)
      this.#take = done
    }

    /** Resolves when whoever wrote has heard of it. */
    async take(): Promise<void> {
      this.#take?.()
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  function slowWatch(health: HealthService): SlowCall {
    const call = new SlowCall()
    const watch = health.implementation.Watch as unknown as (stream: SlowCall) => void
    watch(call)
    return call
  }

  test('a slow client gets the newest status, not those in between', async () => {
    const health = createHealthService()
    const call = slowWatch(health)
    health.setStatus('', 'notServing')
    health.setStatus('', 'serving')
    health.setStatus('', 'notServing')
    expect(call.taken).toEqual([SERVING])
    await call.take()
    expect(call.taken).toEqual([SERVING, NOT_SERVING])
    health.setStatus('', 'serving')
    health.setStatus('', 'notServing')
    await call.take()
    // It is what the client knows already.
    expect(call.taken).toEqual([SERVING, NOT_SERVING])
  })

  test.each(['cancelled', 'close'])('a watch that is over (%s) gets nothing any more', async (event) => {
    const health = createHealthService()
    const call = slowWatch(health)
    await call.take()
    call.emit(event)
    health.setStatus('', 'notServing')
    expect(call.taken).toEqual([SERVING])
  })

  test('a watch that is over leaves the others of its service', async () => {
    const health = createHealthService()
    const calls = [slowWatch(health), slowWatch(health)]
    for (const call of calls) await call.take()
    calls[0]?.emit('cancelled')
    health.setStatus('', 'notServing')
    expect(calls.map(({ taken }) => taken)).toEqual([[SERVING], [SERVING, NOT_SERVING]])
  })

  test('a watch of a name that no service can have is refused', async () => {
    const next = reader((await connect(createHealthService())).watch('a'.repeat(1_025)))
    await expect(next()).rejects.toMatchObject({ code: status.INVALID_ARGUMENT })
  })

  test('a host cannot give a status to a name that cannot be watched', () => {
    const health = createHealthService()
    const refused = (): void => health.setStatus('a'.repeat(1_025), 'serving')
    expect(refused).toThrow(expect.toSatisfy((error) => hasCode(error, 'GRPC_SERVER_OPTION_INVALID')))
  })

  test('after the shutdown nothing serves any more, whatever the host says then', async () => {
    const health = createHealthService({ statuses: { '': 'serving', 'a.A': 'serving' } })
    const { check, watch } = await connect(health)
    const known = reader(watch('a.A'))
    const unknown = reader(watch('a.B'))
    expect(await known()).toBe(SERVING)
    expect(await unknown()).toBe(SERVICE_UNKNOWN)
    health.shutDown()
    health.setStatus('', 'serving')
    health.setStatus('a.B', 'serving')
    expect(await known()).toBe(NOT_SERVING)
    expect(await check('')).toBe(NOT_SERVING)
    expect(codeOf(await check('a.B').catch((error: unknown) => error))).toBe(status.NOT_FOUND)
  })
})
