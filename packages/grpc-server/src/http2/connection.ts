import type { ConnectionHost, ConnectionSocket } from './connection-host.ts'
import { ConnectionLife } from './connection-life.ts'
import { FrameReader } from './frame-reader.ts'
import { FrameRules } from './frame-rules.ts'
import { Guard } from './guard.ts'
import { HeaderBlockReader, HeaderBlockWriter } from './header-blocks.ts'
import { Output } from './output.ts'
import {
  ConnectionError,
  defaultWindowBytes,
  type ErrorCode,
  errorCode,
  frameFlag,
  frameType,
  int31Max,
  settingId,
} from './protocol.ts'
import { encodeSettings, PeerSettings } from './settings.ts'
import type { Http2Stream } from './stream.ts'

/** What waits for the socket before it is handed over within a turn. Unit: bytes. */
const outputHighWaterBytes = 262_144

/** What the socket may hold before nothing more is read from a client that does not read. Unit: bytes. */
const backlogMaxBytes = 1_048_576

/** How many streams' windows the window of the connection holds. */
const connectionWindowStreams = 16

/** Ids of streams that were reset, whose frames may still be on their way. RFC 9113, section 5.1. */
const resetIdsMax = 1_024

/** An HTTP/2 connection, the server's end. RFC 9113. */
export class Http2Connection {
  readonly socket: ConnectionSocket
  readonly host: ConnectionHost
  readonly guard: Guard
  readonly output: Output
  readonly peer = new PeerSettings()
  readonly reader: HeaderBlockReader
  readonly writer = new HeaderBlockWriter()
  readonly streams = new Map<number, Http2Stream>()
  readonly life: ConnectionLife
  /** Window that each stream begins with. Unit: bytes. */
  readonly receiveWindowBytes: number
  /** The highest stream that the client has opened. */
  lastStreamId = 0
  /** What may be sent on all streams together. Unit: bytes. */
  sendWindow = defaultWindowBytes
  /** Bytes of requests that were taken and wait for their handlers. */
  heldBytes = 0
  readonly #connectionWindowBytes: number
  readonly #rules: FrameRules
  readonly #frames: FrameReader
  readonly #resetIds = new Set<number>()
  /** Streams that wait for the connection's window or for the socket, in the order in which they are served. */
  readonly #waiting = new Set<Http2Stream>()
  #receiveWindow: number
  #consumed = 0
  #queuedBytes = 0
  #isDirty = false
  #isCongested = false
  #isPaused = false
  #state: 'open' | 'ending' | 'closed' = 'open'

  constructor(socket: ConnectionSocket, host: ConnectionHost) {
    this.socket = socket
    this.host = host
    this.guard = new Guard(host)
    this.output = new Output(host.pool)
    const { receiveWindowBytes, metadataMaxBytes, metadataMaxFields } = host.limits
    this.reader = new HeaderBlockReader({ listMaxBytes: metadataMaxBytes, listMaxFields: metadataMaxFields })
    this.receiveWindowBytes = receiveWindowBytes
    this.#connectionWindowBytes = Math.min(int31Max, receiveWindowBytes * connectionWindowStreams)
    this.#receiveWindow = this.#connectionWindowBytes
    const rules = new FrameRules(this)
    this.#rules = rules
    this.#frames = new FrameReader((frame, bytes, start, end) => {
      rules.handle(frame, bytes, start, end)
    })
    this.life = new ConnectionLife(this)
  }

  /** Whether it takes further calls. */
  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** What the kernel has taken of all that was written. Unit: bytes. */
  get takenBytes(): number {
    return (this.socket.bytesWritten ?? 0) - this.socket.writableLength
  }

  /** Begins to speak. The socket is read from now on. */
  start(onClosed: () => void): void {
    const { socket, host } = this
    host.counters.connections += 1
    host.counters.connectionsTotal += 1
    this.#announce()
    this.life.start()
    socket.on('data', (chunk: Buffer) => {
      this.#read(chunk)
    })
    // A client that has ended its side cannot open windows or answer pings: its calls are over.
    socket.on('end', () => {
      this.#close()
      socket.end(() => socket.destroy())
    })
    socket.on('drain', () => {
      this.#drained()
    })
    // `close` follows.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#close()
      host.counters.connections -= 1
      onClosed()
    })
    socket.resume()
  }

  /** RFC 9113, section 3.4. */
  #announce(): void {
    const { concurrentStreamsMax, metadataMaxBytes } = this.host.limits
    const settings = encodeSettings([
      [settingId.maxConcurrentStreams, concurrentStreamsMax],
      [settingId.initialWindowSize, this.receiveWindowBytes],
      [settingId.maxHeaderListSize, metadataMaxBytes],
    ])
    this.output.frame(settings.length, frameType.settings, 0, 0)
    this.output.bytes(settings)
    const extra = this.#connectionWindowBytes - defaultWindowBytes
    if (extra > 0) this.writeWindowUpdate(0, extra)
    this.dirty()
  }

  #read(chunk: Buffer): void {
    if (this.#state !== 'open') return
    this.life.received()
    try {
      const rest = this.life.hasPreface ? chunk : this.life.preface(chunk)
      if (rest !== undefined) this.#frames.read(rest)
      this.life.headers(this.#rules.isInBlock || this.#frames.isInHeaders)
    } catch (error) {
      if (error instanceof ConnectionError) this.fail(error)
      else {
        // A bug, here or in what a handler does while it is called: the frames after it would be misread.
        this.fail(new ConnectionError(errorCode.internalError, 'internal error'))
        throw error
      }
    }
  }

  /** Ends the connection for a fault of the client. RFC 9113, section 5.4.1. */
  fail({ code, message }: ConnectionError): void {
    if (this.#state !== 'open') return
    if (code !== errorCode.enhanceYourCalm && code !== errorCode.cancel) {
      this.host.counters.defend('protocolError')
    }
    this.writeGoaway(this.lastStreamId, code, message)
    this.end()
  }

  /** Closes after what was written; calls in progress are over. */
  end(): void {
    if (this.#state !== 'open') return
    this.flush()
    this.#state = 'ending'
    this.#abortStreams()
    // What the client still sends is read and dropped for a while: a reset would take the GOAWAY with it.
    if (this.#isPaused) this.socket.resume()
    this.socket.end()
    this.life.linger()
  }

  #close(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#abortStreams()
    this.life.close()
  }

  #abortStreams(): void {
    const streams = [...this.streams.values()]
    this.streams.clear()
    this.#waiting.clear()
    this.host.counters.calls -= streams.length
    this.host.counters.callsAborted += streams.length
    for (const stream of streams) stream.abandon()
  }

  // What streams and rules use to write.

  /** Has what was written go out at the end of this turn. */
  dirty(): void {
    if (this.output.size >= outputHighWaterBytes) this.flush()
    else if (!this.#isDirty) {
      this.#isDirty = true
      this.host.flusher.add(this)
    }
  }

  flush(): void {
    this.#isDirty = false
    if (this.#state !== 'open' || this.output.size === 0) return
    const { socket } = this
    this.output.flush(socket)
    // Much at once asks for a drain even when the kernel has taken all of it.
    if (!socket.writableNeedDrain || socket.writableLength === 0) return
    if (!this.#isCongested) {
      this.#isCongested = true
      this.life.congested()
    }
    if (!this.#isPaused && socket.writableLength > backlogMaxBytes) {
      this.#isPaused = true
      socket.pause()
    }
  }

  #drained(): void {
    if (this.#state !== 'open') return
    this.#isCongested = false
    this.life.relieved()
    if (this.#isPaused) {
      this.#isPaused = false
      this.socket.resume()
    }
    this.#serveWaiting()
  }

  /** What `stream` may send in one frame now. May be negative. Unit: bytes. */
  sendable(stream: Http2Stream): number {
    return this.#isCongested ? 0 : Math.min(this.sendWindow, stream.sendWindow, this.peer.frameMaxBytes)
  }

  dataSent(bytes: number): void {
    this.sendWindow -= bytes
    this.guard.frameSent()
    this.dirty()
  }

  /** `stream` goes on when the connection's window widens, or the socket drains. */
  waits(stream: Http2Stream): void {
    this.#waiting.add(stream)
  }

  /** The client takes more on all streams together. @throws ConnectionError */
  widen(bytes: number): void {
    this.sendWindow += bytes
    if (this.sendWindow > int31Max) {
      throw new ConnectionError(errorCode.flowControlError, 'the window of the connection is too wide')
    }
    this.#serveWaiting()
  }

  /** One frame of each stream in turn, so that none starves the others. */
  #serveWaiting(): void {
    for (const stream of this.#waiting) {
      if (this.sendWindow <= 0 || this.#isCongested) return
      this.#waiting.delete(stream)
      const progress = stream.sendFrame()
      if (progress === 'more' || progress === 'waitsForConnection') this.#waiting.add(stream)
    }
  }

  /** `bytes` of a response wait. */
  queued(stream: Http2Stream, bytes: number): void {
    this.#queuedBytes += bytes
    if (this.#queuedBytes <= this.host.limits.connectionSendMaxBytes) return
    this.host.counters.defend('sendMemory')
    this.resetStream(stream, errorCode.enhanceYourCalm)
  }

  unqueued(bytes: number): void {
    this.#queuedBytes -= bytes
  }

  writeHeaders(
    stream: Http2Stream,
    fields: readonly string[],
    { endStream, isConstant }: { readonly endStream: boolean; readonly isConstant: boolean },
  ): void {
    const block = this.writer.encode(fields, isConstant)
    const flags = endStream ? frameFlag.endStream : 0
    const { output } = this
    const { frameMaxBytes } = this.peer
    if (block.length <= frameMaxBytes) {
      output.frame(block.length, frameType.headers, flags | frameFlag.endHeaders, stream.id)
      output.bytes(block)
    } else {
      for (let at = 0; at < block.length; at += frameMaxBytes) {
        const part = block.subarray(at, at + frameMaxBytes)
        const isLast = at + frameMaxBytes >= block.length
        const type = at === 0 ? frameType.headers : frameType.continuation
        const partFlags = (at === 0 ? flags : 0) | (isLast ? frameFlag.endHeaders : 0)
        output.frame(part.length, type, partFlags, stream.id)
        output.bytes(part)
      }
    }
    this.guard.frameSent()
    this.dirty()
  }

  writeWindowUpdate(streamId: number, bytes: number): void {
    this.output.frame(4, frameType.windowUpdate, 0, streamId)
    this.output.uint32(bytes)
    this.dirty()
  }

  writePing(payload: Buffer, flags: number): void {
    this.output.frame(payload.length, frameType.ping, flags, 0)
    this.output.bytes(payload)
    this.dirty()
  }

  writeGoaway(lastStreamId: number, code: ErrorCode, reason = ''): void {
    const text = Buffer.from(reason)
    this.output.frame(8 + text.length, frameType.goaway, 0, 0)
    this.output.uint32(lastStreamId)
    this.output.uint32(code)
    this.output.bytes(text)
    this.dirty()
  }

  writeReset(streamId: number, code: ErrorCode): void {
    this.output.frame(4, frameType.rstStream, 0, streamId)
    this.output.uint32(code)
    if (this.#resetIds.size >= resetIdsMax)
      for (const oldest of this.#resetIds) {
        this.#resetIds.delete(oldest)
        break
      }
    this.#resetIds.add(streamId)
    this.dirty()
  }

  // The life of streams.

  /** A stream that the client has opened, with a place among the others. */
  add(stream: Http2Stream): void {
    this.streams.set(stream.id, stream)
    const { counters } = this.host
    counters.calls += 1
    counters.callsTotal += 1
    this.life.callBegan()
  }

  /** END_STREAM was sent on `stream`. */
  localEnd(stream: Http2Stream): void {
    // Whatever the client still sends is not needed. RFC 9113, section 8.1.
    if (!stream.remoteClosed) this.writeReset(stream.id, errorCode.noError)
    this.#remove(stream)
  }

  /** Ends a stream with RST_STREAM. */
  resetStream(stream: Http2Stream, code: ErrorCode): void {
    this.writeReset(stream.id, code)
    this.abort(stream)
  }

  /** A stream is over before its end. */
  abort(stream: Http2Stream): void {
    this.host.counters.callsAborted += 1
    this.#remove(stream)
    stream.abandon()
  }

  #remove(stream: Http2Stream): void {
    if (!this.streams.delete(stream.id)) return
    stream.closed = true
    this.#waiting.delete(stream)
    this.host.counters.calls -= 1
    this.life.callEnded()
  }

  /** Whether frames on a stream that is gone are to be expected, because the server ended it first. */
  wasReset(streamId: number): boolean {
    return this.#resetIds.has(streamId)
  }

  /** Takes `bytes` of DATA off the connection's window, and gives them back in large steps. @throws ConnectionError */
  received(bytes: number): void {
    this.#receiveWindow -= bytes
    if (this.#receiveWindow < 0) {
      this.host.counters.defend('windowExceeded')
      throw new ConnectionError(
        errorCode.flowControlError,
        'more data than the window of the connection allows',
      )
    }
    this.#consumed += bytes
    if (this.#consumed * 2 < this.#connectionWindowBytes) return
    this.#receiveWindow += this.#consumed
    this.writeWindowUpdate(0, this.#consumed)
    this.#consumed = 0
  }
}
