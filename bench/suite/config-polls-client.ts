// The client of the scenario `config-polls`, a process of its own, which does what its parent tells it, one task after the other.
// It does as little as possible for an answer, so that the server is what is measured: all its connections share the memory
// that they read into, and one answer is looked at, all others are counted.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { pollOf, postOf } from './config-polls-request.ts'

/** What the client can be told to do. */
export type PollTask =
  | {
      readonly type: 'connect'
      /** host:port */
      readonly endpoint: string
      readonly connections: number
    }
  /** Sends a poll on each connection, with what the last answers said. */
  | { readonly type: 'poll' }
  /** Tells the server to answer, and reads all answers. */
  | { readonly type: 'release'; readonly text: string }

/** What has come of it. */
export interface PollsAnswered {
  /** From when the server is told until the last answer is read. */
  readonly tookMs: number
  /** One of the answers. */
  readonly text: string
}

/** Connections that are opened at a time. */
const openingMax = 200
const connections: Connection[] = []
const read = Buffer.allocUnsafe(2 ** 16)
let control: Connection | undefined
let known = { version: 1, revision: 0 }
/** What is known of the answers that are on their way. */
let round = { left: 0, bytes: 0, text: '', finish: (): void => {} }

/** A connection with one request on its way at a time. */
class Connection {
  readonly #socket: Socket
  readonly #answered: (connection: Connection, bytes: Buffer) => void
  receivedBytes = 0

  private constructor(endpoint: string, answered: (connection: Connection, bytes: Buffer) => void) {
    const [host = '', port] = endpoint.split(':')
    this.#answered = answered
    const onRead = (length: number): boolean => {
      this.receivedBytes += length
      this.#answered(this, read.subarray(0, length))
      return true
    }
    this.#socket = connect({ host, port: Number(port), onread: { buffer: read, callback: onRead } })
    this.#socket.setNoDelay(true)
    this.#socket.once('close', () => {
      throw new Error('the server has closed a connection')
    })
  }

  static async open(
    endpoint: string,
    answered: (connection: Connection, bytes: Buffer) => void,
  ): Promise<Connection> {
    const connection = new Connection(endpoint, answered)
    await once(connection.#socket, 'connect')
    return connection
  }

  send(request: Buffer): void {
    this.receivedBytes = 0
    this.#socket.write(request)
  }
}

/** The first answer of a round says how long all of them are. */
function answered(connection: Connection, bytes: Buffer): void {
  if (round.bytes === 0) lookAt(bytes)
  const { receivedBytes } = connection
  if (receivedBytes < round.bytes) return
  if (receivedBytes > round.bytes) throw new Error('an answer is longer than others')
  if (--round.left === 0) round.finish()
}

function lookAt(bytes: Buffer): void {
  const answer = bytes.toString()
  const body = answer.indexOf('\r\n\r\n') + 4
  const length = Number(/\r\ncontent-length: (\d+)\r\n/i.exec(answer)?.[1])
  if (!answer.startsWith('HTTP/1.1 200 ') || !(length > 0)) throw new Error(`no such answer:\n${answer}`)
  round.bytes = body + length
  round.text = answer.slice(body)
}

async function open({
  endpoint,
  connections: total,
}: PollTask & { readonly type: 'connect' }): Promise<void> {
  control = await Connection.open(endpoint, () => {})
  while (connections.length < total) {
    const some = Math.min(openingMax, total - connections.length)
    connections.push(
      ...(await Promise.all(Array.from({ length: some }, () => Connection.open(endpoint, answered)))),
    )
  }
}

function poll(): void {
  const request = pollOf(known)
  round = { left: connections.length, bytes: 0, text: '', finish: () => {} }
  for (const connection of connections) connection.send(request)
}

async function release(text: string): Promise<PollsAnswered> {
  const finished = new Promise<void>((resolve) => {
    round.finish = resolve
  })
  const request = postOf('/release', 'text/plain', text)
  const startMs = performance.now()
  control?.send(request)
  await finished
  const tookMs = performance.now() - startMs
  const { revision, changes } = JSON.parse(round.text) as {
    readonly revision: number
    readonly changes: readonly { readonly info: { readonly version: number } }[]
  }
  known = { revision, version: changes[0]?.info.version ?? 0 }
  return { tookMs, text: round.text }
}

async function perform(task: PollTask): Promise<PollsAnswered | undefined> {
  switch (task.type) {
    case 'connect':
      await open(task)
      return undefined
    case 'poll':
      poll()
      return undefined
    case 'release':
      return await release(task.text)
  }
}

process.on('message', (task: PollTask) => {
  void perform(task).then((result) => process.send?.(result ?? {}))
})
process.on('disconnect', () => process.exit())
