import { credentials, makeClientConstructor, Server, ServerCredentials } from '@grpc/grpc-js'
import { createReflectionService } from '@orrery/grpc-server'
import protobuf from 'protobufjs'
import descriptor from 'protobufjs/ext/descriptor.js'
import { expect, test } from 'vitest'
import { kvDefinition } from '../src/grpc/definitions.ts'
import { etcdFileDescriptors } from '../src/grpc/reflection.ts'

type ReflectionService = ReturnType<typeof createReflectionService>

const [version] = createReflectionService({ fileDescriptors: [] }).definitions
if (version === undefined) throw new Error('reflection has no version')
const { path, requestSerialize, responseDeserialize } = version.definition.ServerReflectionInfo

type Query = NonNullable<Parameters<typeof requestSerialize>[0]['query']>
type Answer = NonNullable<ReturnType<typeof responseDeserialize>['answer']>

/** Asks a server that has nothing but reflection. */
async function ask({ definitions }: ReflectionService, query: Query): Promise<Answer> {
  const server = new Server()
  for (const { definition, implementation } of definitions) server.addService(definition, implementation)
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error)
      else resolve(bound)
    })
  })
  const client = new (makeClientConstructor({}, 'any'))(`127.0.0.1:${port}`, credentials.createInsecure())
  try {
    const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize)
    call.write({ host: '', query })
    call.end()
    for await (const response of call) {
      const { answer } = response as ReturnType<typeof responseDeserialize>
      if (answer !== undefined) return answer
    }
    throw new Error('no answer')
  } finally {
    client.close()
    server.forceShutdown()
  }
}

/** Everything that a client can know of the service from the files that it got. */
async function learn(symbol: string): Promise<protobuf.Root> {
  const reflection = createReflectionService({ fileDescriptors: etcdFileDescriptors() })
  const answer = await ask(reflection, { type: 'fileContainingSymbol', symbol })
  if (answer.type !== 'files') throw new Error(`not files: ${JSON.stringify(answer)}`)
  // A set of files is a message whose field 1 is a file.
  const set = protobuf.Writer.create()
  for (const bytes of answer.fileDescriptors) set.uint32(10).bytes(bytes)
  return protobuf.Root.fromDescriptor(set.finish(), { keepCase: true })
}

test('a client gets the list of the services', async () => {
  const reflection = createReflectionService({ fileDescriptors: etcdFileDescriptors() })
  const answer = await ask(reflection, { type: 'listServices', content: '' })
  expect(answer).toEqual({
    type: 'services',
    names: [
      ...['Auth', 'Cluster', 'KV', 'Lease', 'Maintenance', 'Watch'].map((name) => `etcdserverpb.${name}`),
      'grpc.health.v1.Health',
      'v3electionpb.Election',
      'v3lockpb.Lock',
    ],
  })
})

test('a client without protocol files learns what it needs to call the service', async () => {
  const root = await learn('etcdserverpb.KV')
  const { methods } = root.lookupService('etcdserverpb.KV')
  expect(Object.keys(methods)).toEqual(['Range', 'Put', 'DeleteRange', 'Txn', 'Compact', 'RangeStream'])
  expect(methods.RangeStream?.responseStream).toBe(true)
  const request = { key: Buffer.from('k'), range_end: Buffer.from('l'), limit: 7, sort_order: 2 }
  const type = methods.Range?.resolvedRequestType ?? root.lookupType('etcdserverpb.RangeRequest')
  const bytes = Buffer.from(type.encode(request).finish())
  expect(kvDefinition.Range.requestDeserialize(bytes)).toMatchObject({
    key: request.key,
    rangeEnd: request.range_end,
    limit: 7,
    sortOrder: 2,
  })
})

test.each([
  ['etcdserverpb.Watch', 'etcdserverpb.WatchResponse', 'events', 'mvccpb.Event'],
  ['v3lockpb.Lock', 'v3lockpb.LockResponse', 'header', 'etcdserverpb.ResponseHeader'],
  ['v3electionpb.Election', 'v3electionpb.LeaderResponse', 'kv', 'mvccpb.KeyValue'],
  [
    'grpc.health.v1.Health',
    'grpc.health.v1.HealthListResponse',
    'statuses',
    'grpc.health.v1.HealthCheckResponse',
  ],
])('the files of %s come with the types that they import', async (symbol, message, field, type) => {
  const root = await learn(symbol)
  expect(root.lookupType(message).fields[field]?.resolvedType?.fullName).toBe(`.${type}`)
})

test('files are named as they import each other, each after those that it imports', () => {
  const files = etcdFileDescriptors().map(
    (bytes) => descriptor.FileDescriptorProto.decode(bytes) as { name?: string; dependency?: string[] },
  )
  expect(files.map(({ name, dependency }) => [name, dependency])).toEqual([
    ['kv.proto', []],
    ['auth.proto', []],
    ['rpc.proto', ['kv.proto', 'auth.proto']],
    ['v3lock.proto', ['rpc.proto']],
    ['v3election.proto', ['kv.proto', 'rpc.proto']],
    ['health.proto', []],
  ])
})

test('the entries of a map have the name that every compiler gives them', () => {
  const bytes = etcdFileDescriptors().at(-1) ?? Buffer.alloc(0)
  const { messageType } = descriptor.FileDescriptorProto.decode(bytes).toJSON() as {
    messageType: { name: string; field?: object[]; nestedType?: object[] }[]
  }
  const list = messageType.find(({ name }) => name === 'HealthListResponse')
  expect(list?.field).toMatchObject([{ typeName: '.grpc.health.v1.HealthListResponse.StatusesEntry' }])
  expect(list?.nestedType).toMatchObject([{ name: 'StatusesEntry', options: { mapEntry: true } }])
})
