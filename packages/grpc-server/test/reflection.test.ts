import { once } from 'node:events'
import { Duplex } from 'node:stream'
import {
  type ClientDuplexStream,
  credentials,
  makeClientConstructor,
  Server,
  ServerCredentials,
  status,
} from '@grpc/grpc-js'
import { hasCode } from '@orrery/environment'
import protobuf from 'protobufjs'
import descriptor from 'protobufjs/ext/descriptor.js'
import { afterEach, describe, expect, test } from 'vitest'
import { createGrpcServer } from '../src/index.ts'
import { createHealthService } from '../src/health/health-service.ts'
import { fileDescriptorsOf } from '../src/reflection/file-descriptors-of.ts'
import type {
  ReflectionAnswer,
  ReflectionQuery,
  ReflectionRequest,
  ReflectionResponse,
} from '../src/reflection/reflection-messages.ts'
import { createReflectionService, type ReflectionService } from '../src/reflection/reflection-service.ts'

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

type Call = ClientDuplexStream<ReflectionRequest, ReflectionResponse>

/** A client's side of one call. */
interface Session {
  readonly call: Call
  readonly ask: (query: ReflectionQuery | undefined, host?: string) => Promise<ReflectionResponse>
}

interface Connection {
  open(): Session
  /** Sends bytes instead of a message. */
  openRaw(): ClientDuplexStream<Buffer, ReflectionResponse>
}

async function connectTo(server: AnyServer, reflection: ReflectionService, version = 0): Promise<Connection> {
  for (const { definition, implementation } of reflection.definitions) {
    server.addService(definition, implementation)
  }
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error)
      else resolve(bound)
    })
  })
  cleanups.push(() => server.forceShutdown())
  const method = reflection.definitions[version]?.definition.ServerReflectionInfo
  if (method === undefined) throw new Error('no such version')
  const Client = makeClientConstructor({}, 'any')
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  cleanups.push(() => client.close())
  const { path, requestSerialize, responseDeserialize } = method
  return {
    open: () => session(client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize)),
    openRaw: () => client.makeBidiStreamRequest(path, (bytes: Buffer) => bytes, responseDeserialize),
  }
}

function session(call: Call): Session {
  const responses = call[Symbol.asyncIterator]() as AsyncIterator<ReflectionResponse, unknown>
  call.on('error', () => undefined)
  cleanups.push(() => call.cancel())
  return {
    call,
    ask: async (query, host = '') => {
      call.write({ host, query })
      const turn = await responses.next()
      if (turn.done === true) throw new Error('the call ended')
      return turn.value
    },
  }
}

type File = Parameters<typeof descriptor.FileDescriptorProto.create>[0]

function encode(file: File): Uint8Array {
  return descriptor.FileDescriptorProto.encode(descriptor.FileDescriptorProto.create(file)).finish()
}

/** What `protoc` would make of three files, of which each imports the one before, and of a fourth one. */
const files = {
  base: encode({
    name: 'base.proto',
    package: 'base',
    messageType: [
      {
        name: 'Outer',
        field: [{ name: 'inner', number: 1, type: 11, typeName: '.base.Outer.Inner' }],
        nestedType: [{ name: 'Inner', enumType: [{ name: 'Kind', value: [{ name: 'PLAIN', number: 0 }] }] }],
        oneofDecl: [{ name: 'choice' }],
        extensionRange: [{ start: 100, end: 200 }],
      },
    ],
    enumType: [{ name: 'Colour', value: [{ name: 'RED', number: 0 }] }],
  }),
  middle: encode({
    name: 'middle.proto',
    package: 'middle.v1',
    dependency: ['base.proto'],
    messageType: [{ name: 'Request' }],
    extension: [
      { name: 'late', extendee: '.base.Outer', number: 120, type: 9 },
      { name: 'early', extendee: '.base.Outer', number: 101, type: 9 },
      { name: 'between', extendee: '.base.Outer', number: 110, type: 9 },
    ],
  }),
  top: encode({
    name: 'top.proto',
    package: 'top',
    dependency: ['middle.proto', 'base.proto', 'absent.proto'],
    service: [
      { name: 'Second' },
      {
        name: 'First',
        method: [{ name: 'Do', inputType: '.middle.v1.Request', outputType: '.base.Outer' }],
      },
    ],
  }),
  global: encode({ name: 'global.proto', messageType: [{ name: 'NoPackage' }] }),
}

const all = Object.values(files)

function namesOf(answer: ReflectionAnswer | undefined): readonly string[] {
  if (answer?.type !== 'files') throw new Error(`not files: ${JSON.stringify(answer)}`)
  return answer.fileDescriptors.map((bytes) => {
    const { name } = descriptor.FileDescriptorProto.decode(bytes) as { name?: string }
    return name ?? ''
  })
}

const symbol = (name: string): ReflectionQuery => ({ type: 'fileContainingSymbol', symbol: name })
const filename = (name: string): ReflectionQuery => ({ type: 'fileByFilename', filename: name })

describe.each(servers)('on %s', (_name, createServer) => {
  const connect = (reflection: ReflectionService, version?: number): Promise<Connection> =>
    connectTo(createServer(), reflection, version)

  test.each([
    [0, '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo'],
    [1, '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo'],
  ])('version %i of the protocol is served as %s', async (version, path) => {
    const reflection = createReflectionService({ fileDescriptors: all })
    expect(reflection.definitions[version]?.definition.ServerReflectionInfo.path).toBe(path)
    const { ask } = (await connect(reflection, version)).open()
    expect(await ask({ type: 'listServices', content: '*' }, 'host')).toEqual({
      request: { host: 'host', query: { type: 'listServices', content: '*' } },
      answer: { type: 'services', names: ['top.First', 'top.Second'] },
    })
  })

  test('the services of the list are those that the host names, if it does', async () => {
    const services = ['top.Second', 'grpc.health.v1.Health', 'top.Second']
    const { ask } = (await connect(createReflectionService({ fileDescriptors: all, services }))).open()
    const { answer } = await ask({ type: 'listServices', content: '' })
    expect(answer).toEqual({ type: 'services', names: ['grpc.health.v1.Health', 'top.Second'] })
  })

  test('a file comes with what it imports, and that comes once in a call', async () => {
    const connection = await connect(createReflectionService({ fileDescriptors: all }))
    const { ask } = connection.open()
    expect(namesOf((await ask(filename('middle.proto'))).answer)).toEqual(['middle.proto', 'base.proto'])
    expect(namesOf((await ask(filename('top.proto'))).answer)).toEqual(['top.proto'])
    expect(namesOf((await ask(filename('top.proto'))).answer)).toEqual(['top.proto'])
    const { answer } = await connection.open().ask(filename('top.proto'))
    expect(namesOf(answer)).toEqual(['top.proto', 'middle.proto', 'base.proto'])
    expect(answer?.type === 'files' && answer.fileDescriptors).toEqual([files.top, files.middle, files.base])
  })

  test('files that import each other are each sent once', async () => {
    const fileDescriptors = [
      encode({ name: 'a.proto', dependency: ['b.proto'] }),
      encode({ name: 'b.proto', dependency: ['a.proto'] }),
    ]
    const { ask } = (await connect(createReflectionService({ fileDescriptors }))).open()
    expect(namesOf((await ask(filename('a.proto'))).answer)).toEqual(['a.proto', 'b.proto'])
  })

  test.each([
    ['service', 'top.First', 'top.proto'],
    ['method', 'top.First.Do', 'top.proto'],
    ['message', 'middle.v1.Request', 'middle.proto'],
    ['message without a package', 'NoPackage', 'global.proto'],
    ['nested message', 'base.Outer.Inner', 'base.proto'],
    ['field', 'base.Outer.inner', 'base.proto'],
    ['oneof', 'base.Outer.choice', 'base.proto'],
    ['enum', 'base.Colour', 'base.proto'],
    ['value of an enum, beside it', 'base.RED', 'base.proto'],
    ['value of a nested enum', 'base.Outer.Inner.PLAIN', 'base.proto'],
    ['extension', 'middle.v1.late', 'middle.proto'],
  ])('a file is found by a %s', async (_kind, name, file) => {
    const { ask } = (await connect(createReflectionService({ fileDescriptors: all }))).open()
    expect(namesOf((await ask(symbol(name))).answer)[0]).toBe(file)
  })

  test.each<readonly [string, ReflectionQuery]>([
    ['a symbol', symbol('top.Third')],
    ['a symbol with a leading dot', symbol('.top.First')],
    ['a package', symbol('middle.v1')],
    ['no symbol', symbol('')],
    ['a property of every object', symbol('constructor')],
    ['a file', filename('other.proto')],
    ['a file that is imported, but not there', filename('absent.proto')],
    ['an extension', { type: 'fileContainingExtension', containingType: 'base.Outer', number: 102 }],
    ['an extended type', { type: 'fileContainingExtension', containingType: 'other', number: -1 }],
    ['a type', { type: 'allExtensionNumbersOfType', containingType: 'base.Colour' }],
  ])('%s that is unknown is not found, and the call goes on', async (_kind, query) => {
    const { ask } = (await connect(createReflectionService({ fileDescriptors: all }))).open()
    const { request, answer } = await ask(query)
    expect(request.query).toEqual(query)
    expect(answer).toMatchObject({ type: 'error', code: status.NOT_FOUND })
    expect(namesOf((await ask(symbol('base.Outer'))).answer)).toEqual(['base.proto'])
  })

  test('extensions are found by the message that they extend and their numbers', async () => {
    const { ask } = (await connect(createReflectionService({ fileDescriptors: all }))).open()
    const number = await ask({ type: 'fileContainingExtension', containingType: 'base.Outer', number: 101 })
    expect(namesOf(number.answer)).toEqual(['middle.proto', 'base.proto'])
    const numbers = await ask({ type: 'allExtensionNumbersOfType', containingType: 'base.Outer' })
    expect(numbers.answer).toEqual({
      type: 'extensionNumbers',
      baseType: 'base.Outer',
      numbers: [101, 110, 120],
    })
    const none = await ask({ type: 'allExtensionNumbersOfType', containingType: 'middle.v1.Request' })
    expect(none.answer).toEqual({ type: 'extensionNumbers', baseType: 'middle.v1.Request', numbers: [] })
  })

  test('a call ends when its client has asked everything', async () => {
    const { call, ask } = (await connect(createReflectionService({ fileDescriptors: all }))).open()
    await ask({ type: 'listServices', content: '' })
    const ended = new Promise((resolve) => call.once('status', resolve))
    call.end()
    call.resume()
    expect(await ended).toMatchObject({ code: status.OK })
  })

  test('a request that asks nothing ends the call', async () => {
    const { ask } = (await connect(createReflectionService({ fileDescriptors: all }))).open()
    await expect(ask(undefined)).rejects.toMatchObject({ code: status.INVALID_ARGUMENT })
  })

  test('a request that is no message ends the call as grpc-js ends it', async () => {
    const call = (await connect(createReflectionService({ fileDescriptors: all }))).openRaw()
    const failed = new Promise((resolve) => call.once('error', resolve))
    // A string that is longer than the message.
    call.write(Buffer.from([0x22, 200, 1, 65]))
    call.resume()
    expect(await failed).toMatchObject({ code: status.INTERNAL })
  })

  /** A call whose client asks at once, and takes an answer when the test says so. */
  class SlowCall extends Duplex {
    answers = 0
    taking = false
    #take: (() => void) | undefined

    constructor() {
      super({ objectMode: true })
    }

    override _read(): void {
      // Requests are pushed by the test.
    }

    override _write(_answer: unknown, _encoding: string, done: () => void): void {
      this.answers++
      if (this.taking) setImmediate(done)
      else this.#take = done
    }

    takeAll(): void {
      this.taking = true
      this.#take?.()
    }
  }

  test('a client that asks much and reads nothing is not answered until it reads', async () => {
    const call = new SlowCall()
    const { implementation } = createReflectionService({ fileDescriptors: all }).definitions[0] ?? {}
    const serve = implementation?.ServerReflectionInfo as unknown as (call: SlowCall) => void
    serve(call)
    const questions = 100
    for (let asked = 0; asked < questions; asked++) call.push({ host: '', query: symbol('base.Outer') })
    call.push(null)
    await new Promise((resolve) => setImmediate(resolve))
    expect(call.writableLength).toBe(call.writableHighWaterMark)
    const finished = once(call, 'finish')
    call.takeAll()
    await finished
    expect(call.answers).toBe(questions)
  })

  /** What `@grpc/proto-loader` makes of protocol files: one file for each package, without imports. */
  function loaderFiles(): readonly Uint8Array[] {
    const root = new protobuf.Root()
    const sources = [
      `syntax = "proto3"; package shared; message Money { message Part { int64 units = 1; } }`,
      `syntax = "proto3"; package shop.v1;
     message Item { shared.Money.Part price = 1; Colour colour = 2; map<string, shared.Money> prices = 3; }
     enum Colour { RED = 0; }
     service Shop { rpc Buy(Item) returns (shared.Money); }`,
    ]
    for (const source of sources) protobuf.parse(source, root)
    root.resolveAll()
    return root.toDescriptor('proto3').file.map((file) => encode(file as File))
  }

  test('files without imports, as the proto loader makes them, get the imports that they need', async () => {
    const [shared, shop] = loaderFiles()
    if (shared === undefined || shop === undefined) throw new Error('two packages are two files')
    const { ask } = (await connect(createReflectionService({ fileDescriptors: [shop, shared] }))).open()
    const { answer } = await ask(symbol('shop.v1.Shop'))
    expect(namesOf(answer)).toEqual(['shop_v1.proto', 'shared.proto'])
    if (answer?.type !== 'files') throw new Error('not files')
    const file = descriptor.FileDescriptorProto.decode(answer.fileDescriptors[0] ?? shop)
    expect(file).toMatchObject({ dependency: ['shared.proto'], service: [{ name: 'Shop' }] })
    expect(answer.fileDescriptors[1]).toEqual(shared)
  })

  test('an extension by a relative name is one of the innermost message of that name', async () => {
    const messageType = [{ name: 'Outer' }]
    const fileDescriptors = [
      encode({ name: 'outer.proto', messageType }),
      encode({ name: 'near.proto', package: 'a', messageType }),
      encode({
        name: 'far.proto',
        package: 'a.b',
        extension: [{ name: 'more', extendee: 'Outer', number: 7, type: 9 }],
      }),
    ]
    const { ask } = (await connect(createReflectionService({ fileDescriptors }))).open()
    const near = await ask({ type: 'allExtensionNumbersOfType', containingType: 'a.Outer' })
    expect(near.answer).toMatchObject({ numbers: [7] })
    const outer = await ask({ type: 'allExtensionNumbersOfType', containingType: 'Outer' })
    expect(outer.answer).toMatchObject({ numbers: [] })
  })

  test.each([
    ['bytes that are none', Buffer.from([10, 200, 1, 65])],
    ['a file without a name', encode({ package: 'a' })],
    ['a message without a name', encode({ name: 'a.proto', messageType: [{ field: [] }] })],
    ['an extension of nothing', encode({ name: 'a.proto', extension: [{ name: 'more', number: 7 }] })],
    ['messages within messages without end', nestedMessages(200)],
  ])('%s are refused', (_kind, bytes) => {
    const create = (): unknown => createReflectionService({ fileDescriptors: [bytes] })
    expect(create).toThrow(expect.toSatisfy((error) => hasCode(error, 'GRPC_SERVER_SERVICE_INVALID')))
  })

  /** `protobufjs` refuses to write it, too. */
  function nestedMessages(depth: number): Uint8Array {
    const named = (name: string): protobuf.Writer => protobuf.Writer.create().uint32(10).string(name)
    let message = named('Innermost').finish()
    for (let level = 0; level < depth; level++) message = named('Outer').uint32(26).bytes(message).finish()
    return named('a.proto').uint32(34).bytes(message).finish()
  }

  test('a file may be given twice, and two different ones of one name are refused', () => {
    const again = Buffer.from(files.base)
    expect(() => createReflectionService({ fileDescriptors: [files.base, again] })).not.toThrow()
    const fileDescriptors = [files.base, encode({ name: 'base.proto' })]
    const create = (): unknown => createReflectionService({ fileDescriptors })
    expect(create).toThrow(expect.toSatisfy((error) => hasCode(error, 'GRPC_SERVER_SERVICE_INVALID')))
  })

  test('descriptors are collected from packages and from services, each once', () => {
    const message = {
      format: 'Protocol Buffer 3 DescriptorProto',
      fileDescriptorProtos: [files.base, files.top],
    }
    const service = { Do: { path: '/top.First/Do', requestType: message, responseType: message } }
    expect(fileDescriptorsOf({ 'base.Outer': message })).toEqual([files.base, files.top])
    expect(fileDescriptorsOf({ 'top.First': service })).toEqual([files.base, files.top])
    expect(fileDescriptorsOf(service, { Other: { path: '/other/Other', requestStream: false } })).toEqual([
      files.base,
      files.top,
    ])
  })

  test('the health service describes itself', () => {
    const { definition } = createHealthService()
    const [bytes, ...others] = fileDescriptorsOf(definition)
    if (bytes === undefined) throw new Error('no descriptor')
    expect(others).toEqual([])
    expect(descriptor.FileDescriptorProto.decode(bytes).toJSON()).toMatchObject({
      name: 'grpc/health/v1/health.proto',
      package: 'grpc.health.v1',
      syntax: 'proto3',
    })
    // A set of files is a message whose field 1 is a file.
    const root = protobuf.Root.fromDescriptor(protobuf.Writer.create().uint32(10).bytes(bytes).finish())
    const statuses = { '': { status: 1 }, 'a.A': { status: 2 } }
    const list = root.lookupType('grpc.health.v1.HealthListResponse')
    expect(list.decode(definition.List.responseSerialize({ statuses })).toJSON()).toEqual({
      statuses: { '': { status: 'SERVING' }, 'a.A': { status: 'NOT_SERVING' } },
    })
    for (const { name, requestStream, responseStream } of root.lookupService('grpc.health.v1.Health')
      .methodsArray) {
      const { path, ...method } = definition[name] ?? { path: '' }
      expect(path).toBe(`/grpc.health.v1.Health/${name}`)
      expect(method).toMatchObject({
        requestStream: requestStream ?? false,
        responseStream: responseStream ?? false,
      })
    }
  })

  test('of two files that describe one service clients get the first', async () => {
    const service = [{ name: 'Health' }]
    const fileDescriptors = [
      encode({ name: 'first.proto', package: 'a', service }),
      encode({ name: 'second.proto', package: 'a', service }),
    ]
    const { ask } = (await connect(createReflectionService({ fileDescriptors }))).open()
    const { answer } = await ask({ type: 'listServices', content: '' })
    expect(answer).toEqual({ type: 'services', names: ['a.Health'] })
    expect(namesOf((await ask(symbol('a.Health'))).answer)).toEqual(['first.proto'])
  })
})
