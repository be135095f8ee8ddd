import type { Http2Connection } from './connection.ts'
import { HeaderBlockAssembly } from './header-block-assembly.ts'
import { ConnectionError, errorCode, frameFlag, frameType, int31Max } from './protocol.ts'
import { Http2Stream } from './stream.ts'

/** The header of a frame. */
interface FrameHeader {
  readonly type: number
  readonly flags: number
  readonly streamId: number
}

/** A frame with less that neither ends a call nor a message is a crumb. Unit: bytes. */
const crumbMaxBytes = 256

/** Streams whose windows a change of settings moves for the cost of one idle frame. */
const streamsPerIdleFrame = 100

/** What each frame of a client means. RFC 9113, section 6. */
export class FrameRules {
  readonly #connection: Http2Connection
  readonly #assembly: HeaderBlockAssembly
  #hasSettings = false

  constructor(connection: Http2Connection) {
    this.#connection = connection
    this.#assembly = new HeaderBlockAssembly(connection)
  }

  /** Whether the rest of a header block has to come next. */
  get isInBlock(): boolean {
    return this.#assembly.isOpen
  }

  /** @throws ConnectionError */
  handle(frame: FrameHeader, bytes: Buffer, start: number, end: number): void {
    const { type } = frame
    if (this.#assembly.isOpen && type !== frameType.continuation) {
      throw new ConnectionError(errorCode.protocolError, 'a frame within a header block')
    }
    if (!this.#hasSettings && (type !== frameType.settings || (frame.flags & frameFlag.ack) !== 0)) {
      throw new ConnectionError(errorCode.protocolError, 'the first frame is not SETTINGS')
    }
    switch (type) {
      case frameType.data:
        this.#data(frame, bytes, start, end)
        return
      case frameType.headers:
        this.#headers(frame, bytes, start, end)
        return
      case frameType.continuation:
        this.#continuation(frame, bytes, start, end)
        return
      case frameType.windowUpdate:
        this.#windowUpdate(frame, bytes, start, end)
        return
      case frameType.rstStream:
        this.#rstStream(frame, end - start)
        return
      case frameType.settings:
        this.#settings(frame, bytes, start, end)
        return
      case frameType.ping:
        this.#ping(frame, bytes, start, end)
        return
      case frameType.priority:
        this.#priority(frame, end - start)
        return
      case frameType.goaway:
        this.#goaway(frame, end - start)
        return
      case frameType.pushPromise:
        throw new ConnectionError(errorCode.protocolError, 'a client does not push')
      default:
        // To be ignored. RFC 9113, section 5.5.
        this.#connection.guard.idleFrame()
    }
  }

  /** RFC 9113, section 6.1. */
  #data({ flags, streamId }: FrameHeader, bytes: Buffer, start: number, end: number): void {
    const connection = this.#connection
    const length = end - start
    if (streamId === 0) throw new ConnectionError(errorCode.protocolError, 'DATA on stream 0')
    connection.received(length)
    let from = start
    let to = end
    if ((flags & frameFlag.padded) !== 0) {
      const padding = paddingOf(bytes, start, end)
      from += 1
      to -= padding
    }
    const stream = connection.streams.get(streamId)
    if (stream === undefined) {
      this.#goneStream(streamId, 'DATA')
      return
    }
    if (stream.remoteClosed) {
      this.#streamError(stream, errorCode.streamClosed)
      return
    }
    stream.receiveWindow -= length
    if (stream.receiveWindow < 0) {
      connection.host.counters.defend('windowExceeded')
      this.#streamError(stream, errorCode.flowControlError)
      return
    }
    if (to - from < length) stream.consume(length - (to - from))
    this.#body(stream, flags, bytes.subarray(0, to), from)
  }

  /** A part of a request's body: `bytes` from `from` on. */
  #body(stream: Http2Stream, flags: number, bytes: Buffer, from: number): void {
    const size = bytes.length - from
    const isLast = (flags & frameFlag.endStream) !== 0
    if (stream.bodyLeft >= 0) {
      stream.bodyLeft -= size
      if (stream.bodyLeft < 0 || (isLast && stream.bodyLeft > 0)) {
        this.#streamError(stream, errorCode.protocolError)
        return
      }
    }
    stream.remoteClosed = isLast
    const completed = size > 0 && stream.receiver?.data(bytes, from, bytes.length) === true
    if (isLast) stream.receiver?.end()
    else if (!completed && size < crumbMaxBytes) this.#connection.guard.idleFrame()
  }

  /** RFC 9113, section 6.2. */
  #headers({ flags, streamId }: FrameHeader, bytes: Buffer, start: number, end: number): void {
    if (streamId % 2 === 0) throw new ConnectionError(errorCode.protocolError, 'HEADERS on a stream of ours')
    let from = start
    let to = end
    if ((flags & frameFlag.padded) !== 0) {
      to -= paddingOf(bytes, start, end)
      from += 1
    }
    // Priorities mean nothing any more. RFC 9113, section 5.3.2.
    if ((flags & frameFlag.priority) !== 0) from += 5
    if (from > to) throw new ConnectionError(errorCode.frameSizeError, 'HEADERS are too short')
    const endStream = (flags & frameFlag.endStream) !== 0
    if ((flags & frameFlag.endHeaders) !== 0) this.#block(streamId, endStream, bytes, from, to)
    else this.#assembly.open(streamId, endStream, bytes.subarray(from, to))
  }

  /** RFC 9113, section 6.10. */
  #continuation({ flags, streamId }: FrameHeader, bytes: Buffer, start: number, end: number): void {
    const block = this.#assembly.add(
      streamId,
      bytes.subarray(start, end),
      (flags & frameFlag.endHeaders) !== 0,
    )
    if (block !== undefined) this.#block(streamId, block.endStream, block.bytes, 0, block.bytes.length)
  }

  /** A whole header block: a request, or trailers. */
  #block(streamId: number, endStream: boolean, bytes: Buffer, start: number, end: number): void {
    const connection = this.#connection
    const stream = connection.streams.get(streamId)
    if (stream !== undefined) {
      this.#trailers(stream, endStream, bytes, start, end)
      return
    }
    const isNew = streamId > connection.lastStreamId
    if (!isNew) {
      // The tables stay in step even if nobody wants to know.
      connection.reader.trailers(bytes, start, end)
      if (connection.wasReset(streamId)) connection.guard.idleFrame()
      else throw new ConnectionError(errorCode.streamClosed, 'HEADERS on a closed stream')
      return
    }
    connection.lastStreamId = streamId
    this.#request(streamId, endStream, bytes, start, end)
  }

  #request(streamId: number, endStream: boolean, bytes: Buffer, start: number, end: number): void {
    const connection = this.#connection
    const { limits, counters } = connection.host
    const head = connection.reader.request(bytes, start, end)
    const refusal = this.#refusalOf(head, limits.concurrentStreamsMax)
    if (refusal !== undefined) {
      connection.writeReset(streamId, refusal)
      connection.guard.reset()
      return
    }
    if (typeof head === 'string') return
    if (endStream && head.contentLength > 0) {
      counters.defend('protocolError')
      connection.writeReset(streamId, errorCode.protocolError)
      connection.guard.reset()
      return
    }
    const stream = new Http2Stream(streamId, connection, head.contentLength)
    stream.remoteClosed = endStream
    connection.add(stream)
    connection.host.onRequest(stream, head)
    if (endStream) stream.receiver?.end()
  }

  #refusalOf(head: unknown, concurrentStreamsMax: number) {
    const connection = this.#connection
    const { counters } = connection.host
    if (head === 'malformed') {
      counters.defend('protocolError')
      return errorCode.protocolError
    }
    if (head === 'tooLarge') {
      counters.defend('metadataTooLarge')
      return errorCode.enhanceYourCalm
    }
    if (!connection.life.takesCalls) return errorCode.refusedStream
    if (connection.streams.size < concurrentStreamsMax) return undefined
    counters.defend('tooManyStreams')
    return errorCode.refusedStream
  }

  /** RFC 9113, section 8.1: they end the request. gRPC gives them no meaning. */
  #trailers(stream: Http2Stream, endStream: boolean, bytes: Buffer, start: number, end: number): void {
    const read = this.#connection.reader.trailers(bytes, start, end)
    if (stream.remoteClosed) {
      this.#streamError(stream, errorCode.streamClosed)
      return
    }
    if (read === 'tooLarge') {
      this.#connection.host.counters.defend('metadataTooLarge')
      this.#streamError(stream, errorCode.enhanceYourCalm)
      return
    }
    if (!endStream || read === 'malformed' || stream.bodyLeft > 0) {
      this.#streamError(stream, errorCode.protocolError)
      return
    }
    stream.remoteClosed = true
    stream.receiver?.end()
  }

  /** RFC 9113, section 6.4. */
  #rstStream({ streamId }: FrameHeader, length: number): void {
    const connection = this.#connection
    if (length !== 4) throw new ConnectionError(errorCode.frameSizeError, 'RST_STREAM of a wrong length')
    this.#requireOpened(streamId, 'RST_STREAM')
    const stream = connection.streams.get(streamId)
    if (stream === undefined) {
      connection.guard.idleFrame()
      return
    }
    connection.abort(stream)
    connection.guard.reset()
  }

  /** RFC 9113, section 6.5. */
  #settings({ flags, streamId }: FrameHeader, bytes: Buffer, start: number, end: number): void {
    const connection = this.#connection
    const length = end - start
    if (streamId !== 0) throw new ConnectionError(errorCode.protocolError, 'SETTINGS on a stream')
    const isAck = (flags & frameFlag.ack) !== 0
    if (length % 6 !== 0 || (isAck && length !== 0)) {
      throw new ConnectionError(errorCode.frameSizeError, 'SETTINGS of a wrong length')
    }
    connection.guard.idleFrame()
    if (isAck) return
    this.#hasSettings = true
    const { peer } = connection
    const { headerTableMaxBytes, initialWindowBytes } = peer
    peer.apply(bytes, start, end)
    if (peer.headerTableMaxBytes !== headerTableMaxBytes)
      connection.writer.setTableMaxBytes(peer.headerTableMaxBytes)
    const wider = peer.initialWindowBytes - initialWindowBytes
    if (wider !== 0) this.#moveWindows(wider)
    connection.output.frame(0, frameType.settings, frameFlag.ack, 0)
    connection.dirty()
  }

  /** RFC 9113, section 6.9.2. */
  #moveWindows(bytes: number): void {
    const { streams, guard } = this.#connection
    guard.idleFrame(Math.ceil(streams.size / streamsPerIdleFrame))
    for (const stream of streams.values()) {
      if (!stream.widen(bytes)) {
        throw new ConnectionError(errorCode.flowControlError, 'the window of a stream is too wide')
      }
    }
  }

  /** RFC 9113, section 6.7. */
  #ping({ flags, streamId }: FrameHeader, bytes: Buffer, start: number, end: number): void {
    const connection = this.#connection
    if (streamId !== 0) throw new ConnectionError(errorCode.protocolError, 'PING on a stream')
    if (end - start !== 8) throw new ConnectionError(errorCode.frameSizeError, 'PING of a wrong length')
    if ((flags & frameFlag.ack) !== 0) {
      connection.guard.idleFrame()
      connection.life.pingAnswered(bytes.subarray(start, end))
      return
    }
    connection.guard.ping(connection.streams.size)
    connection.writePing(bytes.subarray(start, end), frameFlag.ack)
  }

  /** RFC 9113, section 6.3: only its form counts. */
  #priority({ streamId }: FrameHeader, length: number): void {
    const connection = this.#connection
    if (streamId === 0) throw new ConnectionError(errorCode.protocolError, 'PRIORITY on stream 0')
    connection.guard.idleFrame()
    if (length === 5) return
    const stream = connection.streams.get(streamId)
    if (stream !== undefined) this.#streamError(stream, errorCode.frameSizeError)
    else if (streamId > connection.lastStreamId || streamId % 2 === 0) {
      throw new ConnectionError(errorCode.frameSizeError, 'PRIORITY of a wrong length')
    } else {
      connection.writeReset(streamId, errorCode.frameSizeError)
      connection.guard.reset()
    }
  }

  /** RFC 9113, section 6.8. The client opens no more calls; those that it has go on. */
  #goaway({ streamId }: FrameHeader, length: number): void {
    if (streamId !== 0) throw new ConnectionError(errorCode.protocolError, 'GOAWAY on a stream')
    if (length < 8) throw new ConnectionError(errorCode.frameSizeError, 'GOAWAY of a wrong length')
    this.#connection.guard.idleFrame()
    this.#connection.life.clientLeaves()
  }

  /** RFC 9113, section 6.9. */
  #windowUpdate({ streamId }: FrameHeader, bytes: Buffer, start: number, end: number): void {
    const connection = this.#connection
    if (end - start !== 4)
      throw new ConnectionError(errorCode.frameSizeError, 'WINDOW_UPDATE of a wrong length')
    const increment = bytes.readUInt32BE(start) & int31Max
    connection.guard.idleFrame()
    if (streamId === 0) {
      if (increment === 0) throw new ConnectionError(errorCode.protocolError, 'WINDOW_UPDATE by nothing')
      connection.widen(increment)
      return
    }
    this.#requireOpened(streamId, 'WINDOW_UPDATE')
    const stream = connection.streams.get(streamId)
    if (stream === undefined) return
    if (increment === 0) this.#streamError(stream, errorCode.protocolError)
    else if (!stream.widen(increment)) this.#streamError(stream, errorCode.flowControlError)
  }

  /** A fault of the client that ends a stream. RFC 9113, section 5.4.2. */
  #streamError(stream: Http2Stream, code: Parameters<Http2Connection['resetStream']>[1]): void {
    const connection = this.#connection
    if (code === errorCode.protocolError || code === errorCode.streamClosed) {
      connection.host.counters.defend('protocolError')
    }
    connection.resetStream(stream, code)
    connection.guard.reset()
  }

  /** A frame on a stream that is no more, or never was. RFC 9113, section 5.1. */
  #goneStream(streamId: number, what: string): void {
    const connection = this.#connection
    this.#requireOpened(streamId, what)
    connection.guard.idleFrame()
    if (connection.wasReset(streamId)) return
    connection.writeReset(streamId, errorCode.streamClosed)
    connection.guard.reset()
  }

  #requireOpened(streamId: number, what: string): void {
    if (streamId === 0 || streamId % 2 === 0 || streamId > this.#connection.lastStreamId) {
      throw new ConnectionError(errorCode.protocolError, `${what} on an idle stream`)
    }
  }
}

/** RFC 9113, section 6.1. @throws ConnectionError */
function paddingOf(bytes: Buffer, start: number, end: number): number {
  const padding = bytes[start]
  if (start === end || padding === undefined) {
    throw new ConnectionError(errorCode.frameSizeError, 'a padded frame is too short')
  }
  if (padding >= end - start) throw new ConnectionError(errorCode.protocolError, 'more padding than frame')
  return padding
}
