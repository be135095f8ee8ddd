import type { Http2Connection } from './connection.ts'
import { type ErrorCode, frameType, int31Max } from './protocol.ts'

/** What a stream brings to whoever serves it. */
export interface StreamReceiver {
  /**
   * A part of the request's body: `bytes` from `start` to `end`. They may be kept, but see {@link Http2Stream.consume}.
   *
   * @returns whether it completed a message: a client that sends crumbs is counted
   */
  data(bytes: Buffer, start: number, end: number): boolean
  /** The client has sent everything. */
  end(): void
  /** The stream is over, reset by either side or cut off with its connection. Nothing can be sent any more. */
  aborted(): void
}

/** What came of an attempt to send what waits. */
type Progress = 'done' | 'waitsForStream' | 'waitsForConnection' | 'more'

/** One stream of a connection. RFC 9113, section 5. Opened by the client's HEADERS. */
export class Http2Stream {
  readonly id: number
  readonly connection: Http2Connection
  receiver: StreamReceiver | undefined
  /** The client has sent END_STREAM. */
  remoteClosed = false
  /** END_STREAM was sent. */
  localClosed = false
  /** It is not among the connection's streams any more. */
  closed = false
  /** What may be sent. May be negative. RFC 9113, section 6.9.2. Unit: bytes. */
  sendWindow: number
  /** What the client may send. Unit: bytes. */
  receiveWindow: number
  /** What the client announced minus what came; negative: nothing was announced. Unit: bytes. */
  bodyLeft: number
  #consumed = 0
  #queue: Buffer[] = noBuffers
  #queueFrom = 0
  #queuedBytes = 0
  #trailers: readonly string[] | undefined
  #sent: (() => void) | undefined

  constructor(id: number, connection: Http2Connection, contentLength: number) {
    this.id = id
    this.connection = connection
    this.sendWindow = connection.peer.initialWindowBytes
    this.receiveWindow = connection.receiveWindowBytes
    this.bodyLeft = contentLength
  }

  /** Sends the head of the response. @param isConstant whether the same array is sent over and over */
  respond(fields: readonly string[], isConstant: boolean): void {
    if (this.closed) return
    this.connection.writeHeaders(this, fields, { endStream: false, isConstant })
  }

  /**
   * Sends a message with its prefix (gRPC over HTTP/2, "Length-Prefixed-Message") as DATA.
   *
   * @param sent called when the connection has taken it, perhaps at once; not when the stream ends before
   */
  send(message: Buffer, isCompressed: boolean, sent: (() => void) | undefined): void {
    if (this.closed) return
    const { connection } = this
    const length = message.length + 5
    const allowed = connection.sendable(this)
    if (length <= allowed && this.#queuedBytes === 0) {
      const { output } = connection
      output.frame(length, frameType.data, 0, this.id)
      output.byte(isCompressed ? 1 : 0)
      output.uint32(message.length)
      output.bytes(message)
      this.sendWindow -= length
      connection.dataSent(length)
      sent?.()
      return
    }
    const prefix = Buffer.allocUnsafe(5)
    prefix[0] = isCompressed ? 1 : 0
    prefix.writeUInt32BE(message.length, 1)
    if (this.#queue === noBuffers) this.#queue = []
    this.#queue.push(prefix, message)
    this.#queuedBytes += length
    this.#sent = sent
    connection.queued(this, length)
    this.pump()
  }

  /** Ends the stream. @param isConstant whether the same array is sent over and over */
  end(trailers: readonly string[], isConstant: boolean): void {
    if (this.closed || this.localClosed) return
    if (this.#queuedBytes > 0) {
      this.#trailers = trailers
      return
    }
    this.localClosed = true
    this.connection.writeHeaders(this, trailers, { endStream: true, isConstant })
    this.connection.localEnd(this)
  }

  /** Ends the stream at once, whatever waits. */
  reset(code: ErrorCode): void {
    if (!this.closed) this.connection.resetStream(this, code)
  }

  /** Returns what was read to the client, which may then send as much again. RFC 9113, section 6.9. */
  consume(bytes: number): void {
    this.#consumed += bytes
    if (this.#consumed * 2 < this.connection.receiveWindowBytes || this.remoteClosed || this.closed) return
    this.receiveWindow += this.#consumed
    this.connection.writeWindowUpdate(this.id, this.#consumed)
    this.#consumed = 0
  }

  /** The client takes more. @returns false when it cannot mean that */
  widen(bytes: number): boolean {
    this.sendWindow += bytes
    if (this.sendWindow > int31Max) return false
    if (this.#queuedBytes > 0) this.pump()
    return true
  }

  /** Sends as much of what waits as the windows allow, and has the connection come back for the rest. */
  pump(): void {
    let progress: Progress = 'more'
    while (progress === 'more') progress = this.sendFrame()
    if (progress === 'waitsForConnection') this.connection.waits(this)
  }

  /** Sends one frame of what waits. */
  sendFrame(): Progress {
    if (this.closed || this.#queuedBytes === 0) return 'done'
    const allowed = Math.min(this.connection.sendable(this), this.#queuedBytes)
    if (allowed <= 0) return this.sendWindow <= 0 ? 'waitsForStream' : 'waitsForConnection'
    const { output } = this.connection
    output.frame(allowed, frameType.data, 0, this.id)
    this.#take(allowed)
    this.sendWindow -= allowed
    this.#queuedBytes -= allowed
    this.connection.dataSent(allowed)
    this.connection.unqueued(allowed)
    if (this.#queuedBytes > 0) return 'more'
    this.#allSent()
    return 'done'
  }

  /** Forgets what waits. The connection does not know the stream any more. */
  abandon(): void {
    this.closed = true
    this.connection.unqueued(this.#queuedBytes)
    this.#queue = noBuffers
    this.#queuedBytes = 0
    this.#sent = undefined
    this.receiver?.aborted()
  }

  #take(bytes: number): void {
    const { output } = this.connection
    let left = bytes
    while (left > 0) {
      const first = this.#queue[0]
      if (first === undefined) return
      const part = first.subarray(this.#queueFrom, this.#queueFrom + left)
      output.bytes(part)
      left -= part.length
      this.#queueFrom += part.length
      if (this.#queueFrom < first.length) continue
      this.#queue.shift()
      this.#queueFrom = 0
    }
  }

  #allSent(): void {
    const sent = this.#sent
    this.#sent = undefined
    sent?.()
    const trailers = this.#trailers
    if (trailers === undefined || this.#queuedBytes > 0) return
    this.#trailers = undefined
    this.end(trailers, false)
  }
}

const noBuffers: Buffer[] = []
