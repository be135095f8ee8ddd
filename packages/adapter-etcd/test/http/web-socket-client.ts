import { once } from 'node:events'
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'

const textOpcode = 1
const closeOpcode = 8

/** As much of a WebSocket client as the tests need: short text messages over a real socket. RFC 6455. */
export class WebSocketClient {
  /** The protocol that the server chose. */
  readonly protocol: string | undefined
  readonly #socket: Duplex
  readonly #messages: AsyncGenerator<string, undefined>

  constructor(socket: Duplex, { headers }: IncomingMessage) {
    this.protocol = headers['sec-websocket-protocol']
    this.#socket = socket
    this.#messages = readMessages(socket)
  }

  static async open(url: string, headers: Readonly<Record<string, string>> = {}): Promise<WebSocketClient> {
    const handshake = request(url, {
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': Buffer.alloc(16).toString('base64'),
        ...headers,
      },
    }).end()
    const [response, socket, head] = (await once(handshake, 'upgrade')) as [IncomingMessage, Duplex, Buffer]
    socket.unshift(head)
    return new WebSocketClient(socket, response)
  }

  /** @param message shorter than 126 bytes */
  send(message: string): void {
    const payload = Buffer.from(message)
    // A mask of zeros leaves the payload as it is.
    this.#socket.write(
      Buffer.concat([Buffer.of(0x80 | textOpcode, 0x80 | payload.length, 0, 0, 0, 0), payload]),
    )
  }

  /** The next message, or undefined when the server closed. */
  async next(): Promise<unknown> {
    const { value, done } = await this.#messages.next()
    return done === true ? undefined : JSON.parse(value)
  }

  close(): void {
    this.#socket.destroy()
  }
}

async function* readMessages(socket: AsyncIterable<Buffer>): AsyncGenerator<string, undefined> {
  let bytes: Buffer = Buffer.alloc(0)
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk])
    for (let frame = frameOf(bytes); frame !== undefined; frame = frameOf(bytes)) {
      bytes = bytes.subarray(frame.end)
      if (frame.opcode === closeOpcode) return undefined
      if (frame.opcode === textOpcode) yield frame.text
    }
  }
  return undefined
}

interface Frame {
  readonly opcode: number
  readonly text: string
  readonly end: number
}

function frameOf(bytes: Buffer): Frame | undefined {
  if (bytes.length < 2) return undefined
  const short = bytes.readUInt8(1)
  if (short === 126 && bytes.length < 4) return undefined
  const start = short === 126 ? 4 : 2
  const end = start + (short === 126 ? bytes.readUInt16BE(2) : short)
  if (bytes.length < end) return undefined
  return { opcode: bytes.readUInt8(0) & 0x0f, text: bytes.toString('utf8', start, end), end }
}
