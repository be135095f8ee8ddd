import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** What becomes of what one member sends to another. */
export type WireState =
  /** It passes. */
  | 'open'
  /** It waits, and nobody is told: as when packets are dropped, and sent again later. */
  | 'silent'
  /** Connections are reset. */
  | 'reset'

/** The introduction of the peer protocol: a frame of 9 bytes before it, and the id of who dials within. */
const helloBytes = 9 + 38
const idAt = 9 + 13

/**
 * The wires between members: a relay in front of each, which every other member connects to. Each member dials
 * whom it sends to and introduces itself, so that the relay knows whose wire it is, and can cut each direction of
 * each pair apart.
 */
export class Wires implements AsyncDisposable {
  readonly #relays = new Map<string, Relay>()
  readonly #names = new Map<bigint, string>()
  readonly #states = new Map<string, WireState>()

  /** Puts a relay in front of a member. Gives the address by which others reach it. */
  async relay(name: string, listen: string): Promise<string> {
    const relay = new Relay(listen, {
      nameOf: (id) => this.#names.get(id),
      stateFrom: (from) => this.#states.get(`${from}>${name}`) ?? 'open',
    })
    this.#relays.set(name, relay)
    return await relay.listen()
  }

  /** Who is behind an id. */
  identify(id: bigint, name: string): void {
    this.#names.set(id, name)
  }

  set(from: string, to: string, state: WireState): void {
    this.#states.set(`${from}>${to}`, state)
    this.#relays.get(to)?.update()
  }

  heal(): void {
    this.#states.clear()
    for (const relay of this.#relays.values()) relay.update()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const relay of this.#relays.values()) await relay.close()
  }
}

interface RelayParts {
  readonly nameOf: (id: bigint) => string | undefined
  readonly stateFrom: (name: string) => WireState
}

/** All connections to one member. */
class Relay {
  readonly #listen: string
  readonly #parts: RelayParts
  readonly #server: Server
  readonly #connections = new Set<RelayedConnection>()

  constructor(listen: string, parts: RelayParts) {
    this.#listen = listen
    this.#parts = parts
    this.#server = createServer((socket) => void this.#accept(socket))
  }

  async listen(): Promise<string> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening')
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('a port has no number')
    return `127.0.0.1:${address.port}`
  }

  update(): void {
    for (const connection of this.#connections) connection.update()
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) connection.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #accept(socket: Socket): Promise<void> {
    socket.on('error', () => {})
    const hello = await helloOf(socket)
    if (hello === undefined) return
    const [host = '', port = ''] = this.#listen.split(':')
    const connection = new RelayedConnection(socket, {
      dial: () => connect({ host, port: Number(port) }),
      // Who only asks before it is somebody is not cut off.
      state: () => {
        const name = this.#parts.nameOf(hello.readBigUInt64LE(idAt))
        return name === undefined ? 'open' : this.#parts.stateFrom(name)
      },
      onEnd: () => this.#connections.delete(connection),
    })
    this.#connections.add(connection)
    connection.begin(hello)
  }
}

/** The first bytes of a connection; undefined: it ended before. */
async function helloOf(socket: Socket): Promise<Buffer | undefined> {
  let bytes = Buffer.alloc(0)
  for (;;) {
    const [data] = (await Promise.race([once(socket, 'data'), once(socket, 'close')]).catch(() => [])) as [
      unknown?,
    ]
    if (!Buffer.isBuffer(data)) return undefined
    bytes = Buffer.concat([bytes, data])
    if (bytes.length < helloBytes) continue
    socket.pause()
    return bytes
  }
}

interface RelayedParts {
  readonly dial: () => Socket
  readonly state: () => WireState
  readonly onEnd: () => void
}

/** One connection, and its other half once the wire is open. */
class RelayedConnection {
  readonly #incoming: Socket
  readonly #parts: RelayedParts
  #hello: Buffer | undefined
  #outgoing: Socket | undefined
  #isFlowing = false

  constructor(incoming: Socket, parts: RelayedParts) {
    this.#incoming = incoming
    this.#parts = parts
  }

  begin(hello: Buffer): void {
    this.#hello = hello
    this.#incoming.on('close', () => this.#ended())
    this.update()
  }

  update(): void {
    const state = this.#parts.state()
    if (state === 'reset') this.destroy()
    else if (state === 'open') this.#flow()
    else this.#hold()
  }

  destroy(): void {
    this.#incoming.destroy()
    this.#outgoing?.destroy()
    this.#parts.onEnd()
  }

  #flow(): void {
    if (this.#isFlowing) return
    this.#isFlowing = true
    if (this.#outgoing === undefined) {
      this.#outgoing = this.#parts.dial()
      this.#outgoing.on('error', () => {})
      this.#outgoing.on('close', () => this.#ended())
      if (this.#hello !== undefined) this.#outgoing.write(this.#hello)
    }
    this.#incoming.pipe(this.#outgoing).pipe(this.#incoming)
    this.#ended()
  }

  #hold(): void {
    if (!this.#isFlowing) return
    this.#isFlowing = false
    this.#incoming.unpipe()
    this.#outgoing?.unpipe()
  }

  /** One end is gone; the other hears of it only over an open wire. */
  #ended(): void {
    const isOver = this.#incoming.destroyed || this.#outgoing?.destroyed === true
    if (isOver && this.#isFlowing) this.destroy()
  }
}
