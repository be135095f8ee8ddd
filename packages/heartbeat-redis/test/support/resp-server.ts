import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'

/** As much of Redis as the store uses, with a clock that tests move and faults that they choose. */
export interface RespServer extends AsyncDisposable {
  readonly port: number
  /** Commands other than those of the handshake, in order. */
  readonly commands: readonly (readonly string[])[]
  /** Values by key, with the time at which they expire. */
  readonly values: Map<string, { readonly value: string; readonly expiresMs: number }>
  /** Its time of day. Unit: ms. */
  nowMs: number
  /** What it says to commands: undefined is what Redis would, `null` nothing at all, else these bytes. */
  answer: ((command: readonly string[]) => string | null | undefined) | undefined
  /** Connections that are open. */
  readonly connections: number
  /** Resolves when so many commands with this name have come. */
  received(name: string, count: number): Promise<void>
  /** Ends all connections and listens no more. */
  stop(): Promise<void>
  /** Listens again on the same port, without values and scripts unless it `keeps` them. */
  start(options?: { readonly keeps?: boolean }): Promise<void>
  /** Ends all connections, and goes on. */
  hangUp(): void
}

const handshake = ['hello', 'client', 'info', 'select', 'auth']

/** Starts a server on a free port of the loopback. */
export async function startRespServer(): Promise<RespServer> {
  const server = new FakeRedis()
  await server.start()
  return server
}

class FakeRedis implements RespServer {
  port = 0
  nowMs = 1_700_000_000_000
  answer: RespServer['answer']
  readonly commands: (readonly string[])[] = []
  readonly values: RespServer['values'] = new Map()
  readonly #scripts = new Map<string, string>()
  readonly #sockets = new Set<Socket>()
  readonly #watchers = new Set<() => void>()
  #server: Server | undefined

  get connections(): number {
    return this.#sockets.size
  }

  async start({ keeps = false }: { readonly keeps?: boolean } = {}): Promise<void> {
    if (!keeps) {
      this.values.clear()
      this.#scripts.clear()
    }
    const server = createServer((socket) => this.#serve(socket))
    this.#server = server
    server.listen(this.port, '127.0.0.1')
    await once(server, 'listening')
    this.port = (server.address() as AddressInfo).port
  }

  async stop(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    const closed = once(server, 'close')
    server.close()
    this.hangUp()
    await closed
  }

  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  received(name: string, count: number): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (this.commands.filter(([each]) => each === name).length < count) return
        this.#watchers.delete(check)
        resolve()
      }
      this.#watchers.add(check)
      check()
    })
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => this.#sockets.delete(socket))
    let buffer = Buffer.alloc(0)
    socket.on('data', (bytes) => {
      buffer = Buffer.concat([buffer, bytes])
      let parsed = parse(buffer)
      let replies = ''
      while (parsed !== undefined) {
        buffer = buffer.subarray(parsed.length)
        replies += this.#reply(parsed.command) ?? ''
        parsed = parse(buffer)
      }
      socket.write(replies)
      for (const check of this.#watchers) check()
    })
  }

  #reply(command: readonly string[]): string | null {
    const [given = '', ...args] = command
    const name = given.toLowerCase()
    if (!handshake.includes(name)) this.commands.push([name, ...args])
    const answer = this.answer?.([name, ...args])
    if (answer !== undefined) return answer
    switch (name) {
      case 'hello':
        return '-ERR unknown command `HELLO`\r\n'
      case 'info':
        return bulk('loading:0\r\n')
      case 'client':
      case 'select':
      case 'auth':
        return '+OK\r\n'
      case 'del':
        return `:${args.filter((key) => this.values.delete(key)).length}\r\n`
      case 'eval':
        return this.#eval(args)
      case 'evalsha':
        return this.#evalSha(args)
      default:
        return `-ERR unknown command '${name}'\r\n`
    }
  }

  #eval([lua = '', ...args]: readonly string[]): string {
    this.#scripts.set(createHash('sha1').update(lua).digest('hex'), lua)
    return this.#run(lua, args)
  }

  #evalSha([sha = '', ...args]: readonly string[]): string {
    const lua = this.#scripts.get(sha)
    return lua === undefined ? '-NOSCRIPT No matching script. Please use EVAL.\r\n' : this.#run(lua, args)
  }

  #run(lua: string, [count = '', ...rest]: readonly string[]): string {
    const keys = rest.slice(0, Number(count))
    const [nonce = '', lifeMs = ''] = rest.slice(Number(count))
    if (lua.includes("'SET'")) {
      const value = { value: `${this.nowMs}:${nonce}`, expiresMs: this.nowMs + Number(lifeMs) }
      for (const key of keys) this.values.set(key, value)
      return `:${keys.length}\r\n`
    }
    const found = keys.map((key) => {
      const entry = this.values.get(key)
      return entry === undefined || entry.expiresMs <= this.nowMs ? '$-1\r\n' : bulk(entry.value)
    })
    return `*2\r\n${bulk(`${this.nowMs}`)}*${keys.length}\r\n${found.join('')}`
  }
}

function bulk(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`
}

/** The first command in the bytes, if it is complete: an array of strings, each after its length. */
function parse(bytes: Buffer): { readonly command: readonly string[]; readonly length: number } | undefined {
  let at = 0
  const line = (): string | undefined => {
    const end = bytes.indexOf('\r\n', at)
    if (end < 0) return undefined
    const text = bytes.toString('latin1', at, end)
    at = end + 2
    return text
  }
  const head = line()
  if (head === undefined) return undefined
  if (!head.startsWith('*')) throw new Error(`not a command: ${head}`)
  const command: string[] = []
  for (let left = Number(head.slice(1)); left > 0; left--) {
    const size = line()
    if (size === undefined) return undefined
    const end = at + Number(size.slice(1))
    if (bytes.length < end + 2) return undefined
    command.push(bytes.toString('utf8', at, end))
    at = end + 2
  }
  return { command, length: at }
}
