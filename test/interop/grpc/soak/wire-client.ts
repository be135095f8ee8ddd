import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** Types of frames. RFC 9113, section 6. */
const frame = {
  data: 0,
  headers: 1,
  resetStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
} as const
const flag = { endStream: 1, ack: 1, endHeaders: 4 } as const

/** What an HTTP/2 connection begins with. RFC 9113, section 3.4. */
export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

/** `CANCEL`. RFC 9113, section 7. */
const cancelCode = 8

function toFrame(type: number, flags: number, streamId: number, content: Uint8Array): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(content.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(streamId, 5)
  return Buffer.concat([head, content])
}

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** A field as a literal that is not indexed, without Huffman coding. RFC 7541, section 6.2.2. */
function toField(name: string, value: string): Buffer {
  return Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ])
}

/** The metadata of a call. */
function headerBlock(path: string): Buffer {
  return Buffer.concat([
    toField(':method', 'POST'),
    toField(':scheme', 'http'),
    toField(':path', path),
    toField(':authority', 'localhost'),
    toField('te', 'trailers'),
    toField('content-type', 'application/grpc'),
  ])
}

/**
 * An HTTP/2 client for clients that misbehave: it says what it is told to, and leaves as it is told to. Of its own it
 * acknowledges SETTINGS and answers PINGs, as long as it reads; its windows never close.
 */
export class WireClient {
  readonly socket: Socket
  /** Content of all answers so far. Unit: bytes. */
  receivedBytes = 0
  /** Answers that have come to their end. */
  answers = 0
  /** PINGs of ours that were answered. */
  #pongs = 0
  #nextStreamId = 1
  #isOver = false
  /** Those who wait for something to come. */
  readonly #waiting = new Set<() => void>()
  #unread = Buffer.alloc(0)

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (bytes) => {
      this.#read(bytes)
      this.#wake()
    })
    socket.on('end', () => {
      this.#isOver = true
      socket.end()
      this.#wake()
    })
    socket.on('close', () => {
      this.#isOver = true
      this.#wake()
    })
    // How a connection ends is the story of who ends it.
    socket.on('error', () => undefined)
  }

  /** Connects, and opens its windows as wide as they get. */
  static async open(port: number): Promise<WireClient> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    const client = new WireClient(socket)
    await once(socket, 'connect')
    const initialWindowSize = Buffer.concat([Buffer.from([0, 4]), uint32(2 ** 31 - 1)])
    socket.write(preface)
    client.#write(frame.settings, 0, 0, initialWindowSize)
    client.#write(frame.windowUpdate, 0, 0, uint32(2 ** 31 - 1 - 65_535))
    return client
  }

  /** Begins a call. @returns its stream */
  begin(path: string, isHeaderBlockComplete = true): number {
    const streamId = this.#nextStreamId
    this.#nextStreamId += 2
    this.#write(frame.headers, isHeaderBlockComplete ? flag.endHeaders : 0, streamId, headerBlock(path))
    return streamId
  }

  /** Sends a part of a request. */
  send(streamId: number, content: Uint8Array, isLast = false): void {
    this.#write(frame.data, isLast ? flag.endStream : 0, streamId, content)
  }

  /** Sends a frame that ends before its length says so. */
  sendHalf(streamId: number, content: Uint8Array): void {
    const whole = toFrame(frame.data, 0, streamId, content)
    this.socket.write(whole.subarray(0, whole.length / 2))
  }

  /** Gives a call up. */
  reset(streamId: number): void {
    this.#write(frame.resetStream, 0, streamId, uint32(cancelCode))
  }

  /** Says that it leaves. */
  goAway(): void {
    this.#write(frame.goAway, 0, 0, Buffer.alloc(8))
  }

  /** Waits until the server has taken all that was sent so far. */
  async roundTrip(): Promise<void> {
    const pongs = this.#pongs
    this.#write(frame.ping, 0, 0, Buffer.alloc(8))
    await this.until(() => this.#pongs > pongs)
  }

  /** Waits until something holds. @throws Error when the connection ends before */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#isOver) throw new Error('the connection ended early')
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
  }

  #wake(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const resolve of waiting) resolve()
  }

  #write(type: number, flags: number, streamId: number, content: Uint8Array): void {
    if (this.socket.writable) this.socket.write(toFrame(type, flags, streamId, content))
  }

  #read(bytes: Buffer): void {
    let rest = this.#unread.length === 0 ? bytes : Buffer.concat([this.#unread, bytes])
    while (rest.length >= 9) {
      const end = 9 + rest.readUIntBE(0, 3)
      if (rest.length < end) break
      this.#take(rest.readUInt8(3), rest.readUInt8(4), rest.subarray(9, end))
      rest = rest.subarray(end)
    }
    // A copy: what was read would stay as long as its last bytes.
    this.#unread = Buffer.from(rest)
  }

  #take(type: number, flags: number, content: Buffer): void {
    const isAck = (flags & flag.ack) !== 0
    if (type === frame.data) this.receivedBytes += content.length
    if (type === frame.headers && (flags & flag.endStream) !== 0) this.answers++
    if (type === frame.settings && !isAck) this.#write(frame.settings, flag.ack, 0, Buffer.alloc(0))
    if (type === frame.ping && !isAck) this.#write(frame.ping, flag.ack, 0, content)
    if (type === frame.ping && isAck) this.#pongs++
  }
}
