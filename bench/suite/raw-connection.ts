import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** What a connection tells its owner. */
export interface RawConnectionEvents {
  /** A complete message of a call: `bytes` from `start` to `end`, until this returns. */
  message(stream: number, bytes: Buffer, start: number, end: number): void
  /** The server has ended a call. */
  end(stream: number): void
  /** All that had arrived is handled. */
  handled(): void
}

/** What is known of a call. */
interface Reception {
  /** The beginning of a message. */
  rest: Buffer | undefined
  /** Bytes that came since the server was last told that it may send more. */
  taken: number
}

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
// RFC 9113, section 6: types and flags of frames.
const frameTypes = {
  data: 0,
  headers: 1,
  resetStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
}
const endStream = 1
const acknowledged = 1
const endHeaders = 4
const padded = 8
const initialWindowSize = 4
const frameHeaderBytes = 9
const messageHeaderBytes = 5
const windowMaxBytes = 2 ** 31 - 1
const defaultWindowBytes = 65_535
/** So much is taken before the server gets it back: it never has to wait, and rarely has anything to read. */
const windowStepBytes = 2 ** 28
const readBytes = 2 ** 18

/**
 * One HTTP/2 connection that does as little as possible for a message, so that the server is what is measured: no
 * header is decoded, no message copied unless it arrives in pieces. Any mistake of the server throws.
 *
 * It does not watch the server's windows: its owner must not have more than 64 KiB on the way.
 */
export class RawConnection {
  readonly #socket: Socket
  readonly #authority: string
  readonly #events: RawConnectionEvents
  readonly #calls = new Map<number, Reception>()
  readonly #read = Buffer.allocUnsafe(readBytes)
  /** How much of {@link #read} is the beginning of a frame. */
  #restBytes = 0
  #taken = 0
  #nextStream = 1
  #output: Buffer[] = []
  #isClosed = false

  private constructor(endpoint: string, events: RawConnectionEvents) {
    this.#authority = endpoint
    this.#events = events
    const [host = '', port] = endpoint.split(':')
    this.#socket = connect({
      host,
      port: Number(port),
      noDelay: true,
      onread: {
        // Behind the beginning of a frame that is there already.
        buffer: () => this.#read.subarray(this.#restBytes),
        callback: (bytes) => {
          this.#receive(this.#restBytes + bytes)
          return true
        },
      },
    })
  }

  /** @param endpoint host:port */
  static async open(endpoint: string, events: RawConnectionEvents): Promise<RawConnection> {
    const connection = new RawConnection(endpoint, events)
    await once(connection.#socket, 'connect')
    connection.#socket.on('close', () => {
      if (!connection.#isClosed) throw new Error('the server closed the connection')
    })
    connection.#begin()
    return connection
  }

  /** Begins a call with its first message, and its last one when `isLast`. Nothing is sent before {@link flush}. */
  call(path: string, message: Uint8Array, isLast: boolean): number {
    const stream = this.#nextStream
    this.#nextStream += 2
    this.#calls.set(stream, { rest: undefined, taken: 0 })
    this.#frame(frameTypes.headers, endHeaders, stream, headerBlock(path, this.#authority))
    this.#data(stream, message, isLast ? endStream : 0)
    return stream
  }

  /** One more message of a call. */
  send(stream: number, message: Uint8Array): void {
    this.#data(stream, message, 0)
  }

  flush(): void {
    if (this.#output.length === 0) return
    this.#socket.write(Buffer.concat(this.#output))
    this.#output = []
  }

  close(): void {
    this.#isClosed = true
    this.#socket.destroy()
  }

  #begin(): void {
    const settings = Buffer.alloc(6)
    settings.writeUInt16BE(initialWindowSize, 0)
    settings.writeUInt32BE(windowMaxBytes, 2)
    this.#output.push(preface)
    this.#frame(frameTypes.settings, 0, 0, settings)
    this.#giveWindow(0, windowMaxBytes - defaultWindowBytes)
    this.flush()
  }

  #receive(available: number): void {
    const bytes = this.#read
    let at = 0
    while (at + frameHeaderBytes <= available) {
      const next = at + frameHeaderBytes + bytes.readUIntBE(at, 3)
      if (next > available) break
      this.#handle(at, next)
      at = next
    }
    bytes.copyWithin(0, at, available)
    this.#restBytes = available - at
    this.#events.handled()
    this.flush()
  }

  #handle(at: number, end: number): void {
    const bytes = this.#read
    const type = bytes[at + 3]
    const flags = bytes[at + 4] ?? 0
    const stream = bytes.readUInt32BE(at + 5)
    const start = at + frameHeaderBytes
    if (type === frameTypes.data) {
      if ((flags & padded) !== 0) throw new Error('the server pads its messages')
      this.#take(stream, start, end)
    } else if (type === frameTypes.settings || type === frameTypes.ping) {
      const answer = type === frameTypes.ping ? Buffer.from(bytes.subarray(start, end)) : Buffer.alloc(0)
      if ((flags & acknowledged) === 0) this.#frame(type, acknowledged, 0, answer)
      return
    } else if (type === frameTypes.resetStream || type === frameTypes.goAway) {
      throw new Error(`the server gave up: frame ${type}, ${bytes.subarray(start, end).toString('latin1')}`)
    } else if (type !== frameTypes.headers) {
      return
    }
    if ((flags & endStream) === 0) return
    this.#calls.delete(stream)
    this.#events.end(stream)
  }

  #take(stream: number, from: number, to: number): void {
    const call = this.#calls.get(stream)
    if (call === undefined) throw new Error(`the server sends to call ${stream}, which is over`)
    this.#taken += to - from
    if (this.#taken >= windowStepBytes) {
      this.#giveWindow(0, this.#taken)
      this.#taken = 0
    }
    call.taken += to - from
    if (call.taken >= windowStepBytes) {
      this.#giveWindow(stream, call.taken)
      call.taken = 0
    }
    let [bytes, start, end] = [this.#read, from, to]
    if (call.rest !== undefined) {
      bytes = Buffer.concat([call.rest, this.#read.subarray(from, to)])
      start = 0
      end = bytes.length
    }
    while (end - start >= messageHeaderBytes) {
      const next = start + messageHeaderBytes + bytes.readUInt32BE(start + 1)
      if (next > end) break
      this.#events.message(stream, bytes, start + messageHeaderBytes, next)
      start = next
    }
    call.rest = start < end ? Buffer.from(bytes.subarray(start, end)) : undefined
  }

  #giveWindow(stream: number, bytes: number): void {
    const increment = Buffer.alloc(4)
    increment.writeUInt32BE(bytes)
    this.#frame(frameTypes.windowUpdate, 0, stream, increment)
  }

  #data(stream: number, message: Uint8Array, flags: number): void {
    const payload = Buffer.allocUnsafe(messageHeaderBytes + message.length)
    payload[0] = 0
    payload.writeUInt32BE(message.length, 1)
    payload.set(message, messageHeaderBytes)
    this.#frame(frameTypes.data, flags, stream, payload)
  }

  #frame(type: number, flags: number, stream: number, payload: Uint8Array): void {
    const frame = Buffer.allocUnsafe(frameHeaderBytes + payload.length)
    frame.writeUIntBE(payload.length, 0, 3)
    frame[3] = type
    frame[4] = flags
    frame.writeUInt32BE(stream, 5)
    frame.set(payload, frameHeaderBytes)
    this.#output.push(frame)
  }
}

/** The fields of a call, none of which either side has to remember (RFC 7541, section 6.2.2). */
function headerBlock(path: string, authority: string): Buffer {
  return Buffer.concat([
    // Entries 3 and 6 of the static table: POST, http.
    Buffer.from([0x83, 0x86]),
    // Entries 4 and 1 give names: :path, :authority.
    Buffer.from([0x04]),
    literal(path),
    Buffer.from([0x01]),
    literal(authority),
    // Entry 31, in two bytes: content-type.
    Buffer.from([0x0f, 0x10]),
    literal('application/grpc'),
    Buffer.from([0x00]),
    literal('te'),
    literal('trailers'),
  ])
}

/** A string of less than 127 bytes, without Huffman's code (RFC 7541, section 5.2). */
function literal(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text)])
}
