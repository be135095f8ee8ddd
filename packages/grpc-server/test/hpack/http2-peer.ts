import type { Duplex } from 'node:stream'

/** RFC 9113, sections 6 and 7: what the peer has to know of frames. */
const frameType = { headers: 1, settings: 4, continuation: 9 } as const
const flag = { ack: 0x01, endStream: 0x01, endHeaders: 0x04, padded: 0x08, priority: 0x20 } as const
const headerTableSizeSetting = 1
const prefaceBytes = 24
const frameHeaderBytes = 9

/** What a {@link Http2Peer} tells. */
export interface Http2PeerEvents {
  /** The client has sent `SETTINGS_HEADER_TABLE_SIZE`; it is acknowledged afterwards. */
  readonly tableSize: (bytes: number) => void
  readonly headers: (streamId: number, block: Buffer) => void
}

/** The least of an HTTP/2 server that a client of node:http2 talks to. Header blocks pass as they are. */
export class Http2Peer {
  readonly #socket: Duplex
  readonly #events: Http2PeerEvents
  #received = Buffer.alloc(0)
  #prefaceSeen = false
  #block: Buffer[] = []

  /** `tableMaxBytes` is announced to the client. */
  constructor(socket: Duplex, tableMaxBytes: number, events: Http2PeerEvents) {
    this.#socket = socket
    this.#events = events
    const setting = Buffer.alloc(6)
    setting.writeUInt16BE(headerTableSizeSetting, 0)
    setting.writeUInt32BE(tableMaxBytes, 2)
    this.#send(frameType.settings, 0, 0, setting)
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    // A client that goes away may cut the connection off.
    socket.on('error', () => {})
  }

  /** Answers a request with a header block and nothing else. */
  respond(streamId: number, block: Buffer): void {
    this.#send(frameType.headers, flag.endStream | flag.endHeaders, streamId, block)
  }

  #send(type: number, flags: number, streamId: number, payload: Buffer): void {
    const header = Buffer.alloc(frameHeaderBytes)
    header.writeUIntBE(payload.length, 0, 3)
    header[3] = type
    header[4] = flags
    header.writeUInt32BE(streamId, 5)
    this.#socket.write(Buffer.concat([header, payload]))
  }

  #receive(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk])
    if (!this.#prefaceSeen) {
      if (this.#received.length < prefaceBytes) return
      this.#received = this.#received.subarray(prefaceBytes)
      this.#prefaceSeen = true
    }
    while (this.#received.length >= frameHeaderBytes) {
      const end = frameHeaderBytes + this.#received.readUIntBE(0, 3)
      if (this.#received.length < end) return
      const frame = this.#received.subarray(0, end)
      this.#received = this.#received.subarray(end)
      this.#receiveFrame(frame)
    }
  }

  #receiveFrame(frame: Buffer): void {
    const type = frame.readUInt8(3)
    const flags = frame.readUInt8(4)
    const payload = frame.subarray(frameHeaderBytes)
    if (type === frameType.settings && (flags & flag.ack) === 0) {
      for (let at = 0; at < payload.length; at += 6)
        if (payload.readUInt16BE(at) === headerTableSizeSetting)
          this.#events.tableSize(payload.readUInt32BE(at + 2))
      this.#send(frameType.settings, flag.ack, 0, Buffer.alloc(0))
    }
    if (type !== frameType.headers && type !== frameType.continuation) return
    this.#block.push(type === frameType.headers ? fragmentOf(payload, flags) : payload)
    if ((flags & flag.endHeaders) === 0) return
    const block = Buffer.concat(this.#block)
    this.#block = []
    this.#events.headers(frame.readUInt32BE(5), block)
  }
}

/** What is left of a HEADERS frame without padding and priority (RFC 9113, section 6.2). */
function fragmentOf(payload: Buffer, flags: number): Buffer {
  const padded = (flags & flag.padded) !== 0
  const start = (padded ? 1 : 0) + ((flags & flag.priority) !== 0 ? 5 : 0)
  return payload.subarray(start, payload.length - (padded ? payload.readUInt8(0) : 0))
}
