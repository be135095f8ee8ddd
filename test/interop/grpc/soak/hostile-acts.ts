import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { echoDefinition, framed, repeatRequest } from '../echo-service.ts'
import { type Act, type ActContext, pause, pick, randomBytes, untilClosed } from './act.ts'
import { preface, WireClient } from './wire-client.ts'

/** Longer than a server waits for somebody who does not read. Unit: ms. */
const frozenMs = 20_000

const paths = {
  chat: echoDefinition.chat.path,
  count: echoDefinition.count.path,
  never: echoDefinition.never.path,
  repeat: echoDefinition.repeat.path,
  unary: echoDefinition.unary.path,
} as const

/** Asks for more than a socket holds. @returns the stream */
function askForMuch(client: WireClient): number {
  const streamId = client.begin(paths.repeat)
  client.send(streamId, framed(repeatRequest(2_000, 16_384)), true)
  return streamId
}

/** Ways to give a call up, by what of it has happened. */
const resets: Readonly<Record<string, (client: WireClient, context: ActContext) => Promise<void> | void>> = {
  'before its message': (client) => {
    client.reset(client.begin(paths.unary))
  },
  'within its message': async (client, { random }) => {
    const streamId = client.begin(paths.count)
    client.send(streamId, framed('x'.repeat(1_000)).subarray(0, 1 + random.below(900)))
    if (random.below(2) === 0) await client.roundTrip()
    client.reset(streamId)
  },
  'between its messages': async (client, { random }) => {
    const streamId = client.begin(paths.chat)
    for (let n = random.below(5); n >= 0; n--) client.send(streamId, framed('message'))
    if (random.below(2) === 0) await client.roundTrip()
    client.reset(streamId)
  },
  'at its end': (client) => {
    const streamId = client.begin(paths.unary)
    client.send(streamId, framed('x'.repeat(1_000)), true)
    client.reset(streamId)
  },
  'while it is served': async (client) => {
    const streamId = client.begin(paths.never)
    client.send(streamId, framed(''), true)
    await client.roundTrip()
    client.reset(streamId)
  },
  'while it is answered': async (client, { random }) => {
    const streamId = askForMuch(client)
    const enough = client.receivedBytes + 1 + random.below(1_000_000)
    await client.until(() => client.receivedBytes >= enough)
    client.reset(streamId)
  },
  'after its answer': async (client) => {
    const before = client.answers
    const streamId = client.begin(paths.unary)
    client.send(streamId, framed('message'), true)
    await client.until(() => client.answers > before)
    client.reset(streamId)
  },
}

/** Ways to leave, with whatever calls are in progress. */
const departures: Readonly<
  Record<string, (client: WireClient, context: ActContext) => Promise<void> | void>
> = {
  politely: (client) => {
    client.goAway()
    client.socket.end()
  },
  'by a reset of the connection': (client) => {
    askForMuch(client)
    client.socket.resetAndDestroy()
  },
  'by half, within a call': (client) => {
    client.send(client.begin(paths.chat), framed('message'))
    client.socket.end()
  },
  'within a frame': (client) => {
    client.sendHalf(client.begin(paths.count), framed('x'.repeat(1_000)))
    client.socket.destroy()
  },
  'while it is answered': async (client, { random }) => {
    askForMuch(client)
    const enough = client.receivedBytes + random.below(100_000)
    await client.until(() => client.receivedBytes >= enough)
    client.socket.destroy()
  },
  'within a call that is served': async (client) => {
    client.send(client.begin(paths.never), framed(''), true)
    await client.roundTrip()
    client.socket.destroy()
  },
}

/** Gives up some calls in some ways, and leaves in one. */
export async function waver(context: ActContext): Promise<void> {
  const { random, count } = context
  const client = await WireClient.open(context.target.plainPort)
  for (let n = random.below(12); n > 0; n--) {
    const [when, reset] = pickEntry(context, resets)
    await reset(client, context)
    count(`resets of a call ${when}`)
  }
  const [how, leave] = pickEntry(context, departures)
  await leave(client, context)
  count(`clients that leave ${how}`)
  await untilClosed(client.socket, `a client that leaves ${how}`)
}

/** Reads, then looks away for a while with all windows open, then reads on: nothing is lost. */
export async function readSlowly({ random, target, signal, count }: ActContext): Promise<void> {
  const client = await WireClient.open(target.plainPort)
  const [messages, messageBytes] = [100 + random.below(400), 40_000]
  client.send(client.begin(paths.repeat), framed(repeatRequest(messages, messageBytes)), true)
  for (let n = 1 + random.below(3); n > 0; n--) {
    const before = client.receivedBytes
    await client.until(() => client.receivedBytes > before || client.answers === 1)
    client.socket.pause()
    await pause(500 + random.below(2_500), signal)
    client.socket.resume()
    count('pauses of a reader, by its socket')
  }
  await client.until(() => client.answers === 1)
  const expected = messages * (messageBytes + framed('').length)
  if (client.receivedBytes !== expected) {
    throw new Error(`a slow reader has got ${client.receivedBytes} of ${expected} bytes`)
  }
  client.socket.end()
  await untilClosed(client.socket, 'a slow reader')
}

/** Stops in the middle of things, and neither reads nor writes again. */
export async function freeze({ random, target, signal, count }: ActContext): Promise<void> {
  const client = await WireClient.open(target.plainPort)
  if (random.below(2) === 0) askForMuch(client)
  else client.send(client.begin(paths.chat), framed('message'))
  await client.roundTrip()
  client.socket.pause()
  await pause(frozenMs, signal)
  count('clients that freeze')
  if (signal.aborted) client.socket.destroy()
  await untilClosed(client.socket, 'a frozen client')
}

/** Things that no client says. */
const nonsense: Readonly<Record<string, (socket: Socket, context: ActContext) => void>> = {
  bytes: (socket, { random }) => {
    socket.end(randomBytes(random, 1 + random.below(2_000)))
  },
  'bytes after the preface': (socket, { random }) => {
    socket.end(Buffer.concat([preface, randomBytes(random, 1 + random.below(2_000))]))
  },
  'bytes after the preface, and waits': (socket) => {
    socket.write(Buffer.concat([preface, Buffer.alloc(9, 0xff)]))
  },
  'half of the preface': (socket, { random }) => {
    socket.write(preface.subarray(0, 1 + random.below(preface.length - 1)))
  },
  'the preface alone': (socket) => {
    socket.end(preface)
  },
  nothing: () => undefined,
}

/** Says something that makes no sense, and waits until it is shown the door. */
async function babble(context: ActContext): Promise<void> {
  const { random, target, count } = context
  const isTls = random.below(4) === 0
  const port = isTls ? target.tlsPort : target.plainPort
  const socket = connect({ port, host: '127.0.0.1' }).on('error', () => undefined)
  await once(socket, 'connect')
  const [what, say] = pickEntry(context, nonsense)
  say(socket, context)
  count(`clients that say ${what}`)
  await untilClosed(socket, `a client that says ${what}${isTls ? ' to TLS' : ''}`)
}

/** Begins the metadata of a call, and never ends it. */
async function begin({ target, count }: ActContext): Promise<void> {
  const client = await WireClient.open(target.plainPort)
  // Nothing may come within it, so that what the client does of its own comes before.
  await client.roundTrip()
  client.begin(paths.unary, false)
  count('calls whose metadata does not end')
  await untilClosed(client.socket, 'a client whose metadata does not end')
}

/** Agrees on HTTP/2 by TLS, and says nothing of it. */
async function agree({ target, count }: ActContext): Promise<void> {
  const { tlsPort: port, ca } = target
  const socket = connectTls({ port, host: '127.0.0.1', servername: 'localhost', ca, ALPNProtocols: ['h2'] })
  socket.on('error', () => undefined)
  await once(socket, 'secureConnect')
  count('clients that agree on HTTP/2 and say nothing')
  await untilClosed(socket, 'a client that says nothing after TLS')
}

/** Clients that make no sense, each about as often as the others. */
export const troublemakers: readonly [Act, ...Act[]] = [babble, babble, babble, babble, begin, agree]

function pickEntry<Value>(
  { random }: ActContext,
  entries: Readonly<Record<string, Value>>,
): readonly [string, Value] {
  const all = Object.entries(entries)
  const [first, ...others] = all
  if (first === undefined) throw new Error('there is nothing to choose from')
  return pick(random, [first, ...others])
}
