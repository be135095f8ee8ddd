import {
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  type ServiceError,
  type StatusObject,
  status,
} from '@grpc/grpc-js'
import type { Random } from '@orrery/environment'
import { echoDefinition, repeatRequest } from '../echo-service.ts'
import { type ActContext, pause, patienceMs, pick, randomBytes } from './act.ts'

/** Longest message that the server takes. Unit: bytes. */
const receiveMessageMaxBytes = 4 * 1024 * 1024

/** A call as its client sees it. @returns its status */
type Call = (client: Client, context: ActContext) => Promise<status>

/** Never reached by a server that works. */
const late = (): { deadline: number } => ({ deadline: Date.now() + patienceMs })

function newMessage(random: Random): Buffer {
  const isBig = random.below(10) === 0
  return randomBytes(random, isBig ? 100_000 + random.below(1_000_000) : random.below(300))
}

/** The status that a stream of answers ends with, when all of them have been read. */
async function statusOf(
  stream: ClientReadableStream<Buffer> | ClientDuplexStream<Buffer, Buffer>,
): Promise<status> {
  stream.on('error', () => undefined)
  const read = new Promise((resolve) => stream.once('end', resolve))
  const code = await new Promise<status>((resolve) => {
    stream.once('status', (ended: StatusObject) => resolve(ended.code))
  })
  if (code === status.OK) await read
  return code
}

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(`a healthy client was answered wrongly: ${what}`)
}

function unaryCall(
  client: Client,
  {
    path = echoDefinition.unary.path,
    request = Buffer.alloc(0),
    deadline = late().deadline,
  }: { readonly path?: string; readonly request?: Buffer; readonly deadline?: number },
): Promise<{ readonly code: status; readonly answer: Buffer | undefined }> {
  const { requestSerialize, responseDeserialize } = echoDefinition.unary
  return new Promise((resolve) => {
    const options = { deadline }
    const done = (error: ServiceError | null, answer?: Buffer): void => {
      resolve({ code: error?.code ?? status.OK, answer })
    }
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, options, done)
  })
}

function repeatCall(client: Client, messages: number, messageBytes: number): ClientReadableStream<Buffer> {
  const { path, requestSerialize, responseDeserialize } = echoDefinition.repeat
  const request = repeatRequest(messages, messageBytes)
  return client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, late())
}

const unary: Call = async (client, { random }) => {
  const request = newMessage(random)
  const { code, answer } = await unaryCall(client, { request })
  check(code !== status.OK || answer?.equals(request) === true, 'not what it sent')
  return code
}

const count: Call = (client, { random }) => {
  const { path, requestSerialize, responseDeserialize } = echoDefinition.count
  const messages = Array.from({ length: random.below(20) }, () => newMessage(random))
  const bytes = messages.reduce((sum, { length }) => sum + length, 0)
  return new Promise((resolve, reject) => {
    const done = (error: ServiceError | null, answer?: Buffer): void => {
      const isRight = error !== null || String(answer) === String(bytes)
      if (isRight) resolve(error?.code ?? status.OK)
      else reject(new Error(`a healthy client was told ${String(answer)} instead of ${bytes} bytes`))
    }
    const call = client.makeClientStreamRequest(path, requestSerialize, responseDeserialize, late(), done)
    for (const message of messages) call.write(message)
    call.end()
  })
}

/** Takes what it has asked for, after it has looked away for a while in the middle of it. */
const repeat: Call = async (client, { random, signal, count: counted }) => {
  const [messages, messageBytes] = [1 + random.below(100), random.below(20_000)]
  const stream = repeatCall(client, messages, messageBytes)
  const ended = statusOf(stream)
  let [received, bytes] = [0, 0]
  const pauseAt = random.below(5) === 0 ? random.below(messages) : undefined
  stream.on('data', (message: Buffer) => {
    bytes += message.length
    if (received++ !== pauseAt) return
    counted('pauses of a reader, by its window')
    stream.pause()
    void pause(500 + random.below(2_500), signal).then(() => stream.resume())
  })
  const code = await ended
  check(code !== status.OK || bytes === messages * messageBytes, `${bytes} bytes`)
  return code
}

const chat: Call = async (client, { random }) => {
  const { path, requestSerialize, responseDeserialize } = echoDefinition.chat
  const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, late())
  const ended = statusOf(stream)
  const messages = Array.from({ length: 1 + random.below(10) }, () => newMessage(random))
  let answered = 0
  stream.on('data', (answer: Buffer) => {
    if (messages[answered++]?.equals(answer) !== true) answered = Number.NaN
    const next = messages[answered]
    if (next === undefined) stream.end()
    else stream.write(next)
  })
  stream.write(messages[0] ?? Buffer.alloc(0))
  const code = await ended
  check(code !== status.OK || answered === messages.length, 'another conversation')
  return code
}

/** Gives up when the first answer is there, or before. */
const cancelled: Call = (client, { random }) => {
  const stream = repeatCall(client, 1_000, 10_000)
  const ended = statusOf(stream)
  if (random.below(2) === 0) stream.once('data', () => stream.cancel())
  else setImmediate(() => stream.cancel())
  return ended
}

const expired: Call = async (client, { random }) => {
  const deadline = Date.now() + random.below(200)
  return (await unaryCall(client, { path: echoDefinition.never.path, deadline })).code
}

const unimplemented: Call = async (client) =>
  (await unaryCall(client, { path: '/interop.Echo/Missing' })).code

const tooLarge: Call = async (client) =>
  (await unaryCall(client, { request: Buffer.alloc(receiveMessageMaxBytes + 1) })).code

/** What healthy clients do, and how each has to end. */
const calls = {
  unary: { call: unary, expected: status.OK },
  count: { call: count, expected: status.OK },
  repeat: { call: repeat, expected: status.OK },
  chat: { call: chat, expected: status.OK },
  cancelled: { call: cancelled, expected: status.CANCELLED },
  expired: { call: expired, expected: status.DEADLINE_EXCEEDED },
  unimplemented: { call: unimplemented, expected: status.UNIMPLEMENTED },
  'too large': { call: tooLarge, expected: status.RESOURCE_EXHAUSTED },
} as const

/** How often each is chosen. */
const choices = [
  ...['unary', 'unary', 'unary', 'unary', 'count', 'count', 'repeat', 'repeat', 'chat', 'chat'],
  ...['cancelled', 'expired', 'unimplemented', 'too large'],
] as [CallName, ...CallName[]]

type CallName = keyof typeof calls

async function makeCall(client: Client, context: ActContext): Promise<void> {
  const name = pick(context.random, choices)
  const { call, expected } = calls[name]
  const code = await call(client, context)
  context.count(`healthy calls, ${name}`)
  if (code !== expected) {
    throw new Error(`a healthy call (${name}) ended with ${status[code]} instead of ${status[expected]}`)
  }
}

function openClient({ random, target }: ActContext): Client {
  const isTls = random.below(4) === 0
  const address = `127.0.0.1:${isTls ? target.tlsPort : target.plainPort}`
  const trust = isTls ? credentials.createSsl(target.ca) : credentials.createInsecure()
  return new Client(address, trust, {
    'grpc.use_local_subchannel_pool': 1,
    ...(isTls ? { 'grpc.ssl_target_name_override': 'localhost' } : {}),
  })
}

/** A few calls at once on a connection of their own. */
export async function visit(context: ActContext): Promise<void> {
  const client = openClient(context)
  try {
    const atOnce = 1 + context.random.below(10)
    await Promise.all(Array.from({ length: atOnce }, () => makeCall(client, context)))
    context.count('healthy connections')
  } finally {
    client.close()
  }
}

/** Calls one after the other on one connection for as long as the load goes on. */
export async function stay(context: ActContext): Promise<void> {
  const client = openClient(context)
  try {
    while (!context.signal.aborted) {
      await makeCall(client, context)
      await pause(context.random.below(20), context.signal)
    }
  } finally {
    client.close()
  }
}
