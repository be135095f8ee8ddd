import { type Metadata, type ServerInterceptingCallInterface, status } from '@grpc/grpc-js'
import type { TLSSocket } from 'node:tls'
import { GrpcServerError } from '../errors.ts'
import type { ConnectionHost } from '../http2/connection-host.ts'
import type { RequestHead } from '../http2/request-head.ts'
import type { Http2Stream, StreamReceiver } from '../http2/stream.ts'
import { Timeout } from '../timers.ts'
import { inflate } from './inflate.ts'
import { MessageReader, MessageTooLarge, prefixBytes } from './message-reader.ts'
import type { Method } from './methods.ts'
import { RequestMetadata } from './request-metadata.ts'
import {
  appendMetadata,
  type CallStatus,
  okTrailers,
  responseHead,
  trailersOf,
  trailersOnlyHead,
} from './status.ts'
import { parseTimeout } from './timeout.ts'

/** Who hears of a call: the innermost listener, or that of an interceptor. */
export type CallListener = Parameters<ServerInterceptingCallInterface['start']>[0]

/** A message that waits for its reader, or the end of them. */
type Waiting = { readonly message: Buffer; readonly isCompressed: boolean } | 'halfClose'

/** Why the signal of a call is aborted. */
export type AbortKind = 'cancelled' | 'deadlineExceeded'

/**
 * A call as it is on the wire: messages, status, deadline and cancellation over a stream of HTTP/2. It is what
 * interceptors wrap, and what handlers use through the calls that they get. Its own timeout is the deadline.
 */
export class WireCall extends Timeout implements StreamReceiver, ServerInterceptingCallInterface {
  readonly head: RequestHead
  readonly method: Method
  readonly #stream: Http2Stream
  readonly #host: ConnectionHost
  #listener: CallListener | undefined
  #metadata: Metadata | undefined
  #reader: MessageReader | undefined
  #waiting: Waiting[] = nothingWaits
  #waitingBytes = 0
  #heldBytes = 0
  #uncreditedBytes = 0
  #isReadPending = false
  #isInflating = false
  #isHeadSent = false
  #isEnded = false
  #deadlineMs = Infinity
  #abortKind: AbortKind | undefined
  #onAborted: ((kind: AbortKind) => void) | undefined

  constructor(stream: Http2Stream, head: RequestHead, method: Method, host: ConnectionHost) {
    super()
    this.#stream = stream
    this.head = head
    this.method = method
    this.#host = host
  }

  /** Why the call ended before its time; undefined: it did not. */
  get abortKind(): AbortKind | undefined {
    return this.#abortKind
  }

  /** Nothing can be sent any more. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  get metadata(): Metadata {
    return (this.#metadata ??= new RequestMetadata(this.head))
  }

  /** Has `callback` called when the call is cut off, at most once and never for a call that ended well. */
  onAborted(callback: (kind: AbortKind) => void): void {
    this.#onAborted = callback
  }

  /** Arms the deadline. @returns whether the call may begin */
  startDeadline(): boolean {
    const { timeout } = this.head
    if (timeout === undefined) return true
    const timeoutMs = parseTimeout(timeout)
    if (timeoutMs === undefined) {
      this.sendStatus({ code: status.INTERNAL, details: `Invalid grpc-timeout value "${timeout}"` })
      return false
    }
    this.#deadlineMs = this.#host.clock.wallMs() + timeoutMs
    this.#host.timers.start(this, timeoutMs)
    return true
  }

  expire(): void {
    if (this.#isEnded) return
    this.#abort('deadlineExceeded')
    this.sendStatus({ code: status.DEADLINE_EXCEEDED, details: 'Deadline exceeded' })
  }

  // What comes in.

  data(bytes: Buffer, start: number, end: number): boolean {
    const size = end - start
    if (this.#isEnded) return true
    this.#uncreditedBytes += size
    // Most messages come alone, whole and plain.
    if (
      this.#reader === undefined &&
      isWholeMessage(bytes, start, size) &&
      this.#mayBeLong(size - prefixBytes)
    ) {
      this.#arrived(bytes.subarray(start + prefixBytes, end), false)
      this.#credit()
      return true
    }
    const { receiveMessageMaxBytes } = this.#host.limits
    this.#reader ??= new MessageReader(receiveMessageMaxBytes, (message, isCompressed) => {
      this.#arrived(message, isCompressed)
    })
    try {
      const completed = this.#reader.read(bytes, start, end)
      this.#hold()
      this.#credit()
      return completed > 0
    } catch (error) {
      if (!(error instanceof MessageTooLarge)) throw error
      this.#host.counters.defend('messageTooLarge')
      this.sendStatus({ code: status.RESOURCE_EXHAUSTED, details: error.message })
      return true
    }
  }

  end(): void {
    if (this.#isEnded) return
    if (this.#isReadPending && this.#waiting.length === 0 && !this.#isInflating) {
      this.#isReadPending = false
      this.#listener?.onReceiveHalfClose()
      return
    }
    this.#wait('halfClose')
  }

  /** The stream is over. */
  aborted(): void {
    if (this.#isEnded) return
    this.#abort('cancelled')
    this.#finish('soon')
  }

  #mayBeLong(length: number): boolean {
    const { receiveMessageMaxBytes } = this.#host.limits
    return receiveMessageMaxBytes < 0 || length <= receiveMessageMaxBytes
  }

  #arrived(message: Buffer, isCompressed: boolean): void {
    if (this.#isEnded) return
    if (this.#isReadPending && this.#waiting.length === 0 && !isCompressed && !this.#isInflating) {
      this.#give(message)
      return
    }
    // A copy, because the view would hold on to all that came with it for as long as the handler does not read.
    this.#wait({ message: Buffer.from(message), isCompressed })
    this.#waitingBytes += message.length
    this.#hold()
    this.#deliver()
  }

  #wait(one: Waiting): void {
    if (this.#waiting === nothingWaits) this.#waiting = []
    this.#waiting.push(one)
  }

  /** Hands over what waits, as long as it is asked for. */
  #deliver(): void {
    while (this.#isReadPending && !this.#isInflating && !this.#isEnded) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      if (next === 'halfClose') {
        this.#isReadPending = false
        this.#listener?.onReceiveHalfClose()
        return
      }
      this.#waitingBytes -= next.message.length
      this.#hold()
      this.#consume(next.message.length + prefixBytes)
      if (next.isCompressed) this.#inflate(next.message)
      else this.#give(next.message)
    }
  }

  /** One at a time and only when it is asked for: compressed messages may grow a thousand times. */
  #inflate(message: Buffer): void {
    this.#isInflating = true
    const { receiveMessageMaxBytes } = this.#host.limits
    void inflate(message, this.head.encoding ?? 'identity', receiveMessageMaxBytes).then((inflated) => {
      this.#isInflating = false
      if (this.#isEnded) return
      if (inflated.ok) {
        this.#give(inflated.message)
        this.#deliver()
        return
      }
      if (inflated.isTooLarge) this.#host.counters.defend('messageTooLarge')
      this.sendStatus(inflated.status)
    })
  }

  #give(bytes: Buffer): void {
    this.#isReadPending = false
    let message: unknown
    try {
      message = this.method.deserialize(bytes)
    } catch {
      this.sendStatus({ code: status.INTERNAL, details: 'Error deserializing request' })
      return
    }
    this.#listener?.onReceiveMessage(message)
  }

  /** Counts what waits for the handler, and ends the call that makes it too much. */
  #hold(): void {
    const { connection } = this.#stream
    const held = this.#waitingBytes + (this.#reader?.heldBytes ?? 0)
    connection.heldBytes += held - this.#heldBytes
    const isMore = held > this.#heldBytes
    this.#heldBytes = held
    if (!isMore || connection.heldBytes <= this.#host.limits.connectionReceiveMaxBytes || this.#isEnded)
      return
    this.#host.counters.defend('receiveMemory')
    const details = 'Too much of this connection waits for its handlers'
    this.sendStatus({ code: status.RESOURCE_EXHAUSTED, details })
  }

  /** While the handler asks for more, what comes may be replaced by more at once. */
  #credit(): void {
    if (this.#isReadPending && this.#waiting.length === 0) this.#consume(this.#uncreditedBytes)
  }

  #consume(bytes: number): void {
    const credited = Math.min(bytes, this.#uncreditedBytes)
    this.#uncreditedBytes -= credited
    this.#stream.consume(credited)
  }

  // What interceptors and handlers ask for.

  start(listener: CallListener): void {
    if (this.#isEnded) return
    this.#listener = listener
    listener.onReceiveMetadata(this.metadata)
  }

  /** Like {@link start}, for a listener that wants messages, and metadata only perhaps. */
  startUnary(listener: CallListener): void {
    this.#listener = listener
    this.#isReadPending = true
  }

  startRead(): void {
    if (this.#isEnded) return
    this.#isReadPending = true
    this.#deliver()
    this.#credit()
  }

  sendMetadata(metadata: Metadata): void {
    if (this.#isEnded || this.#isHeadSent) return
    this.#isHeadSent = true
    const fields: string[] = []
    appendMetadata(fields, metadata)
    if (fields.length === 0) this.#stream.respond(responseHead, true)
    else this.#stream.respond(withFields(responseHead, fields), false)
  }

  sendMessage(message: unknown, callback: () => void): void {
    const bytes = this.#serialize(message)
    if (bytes === undefined) return
    this.#sendHead()
    this.#stream.send(bytes, false, callback)
  }

  /** Sends the one message of a call and its status. */
  answer(message: unknown, trailers: Metadata | undefined): void {
    const bytes = this.#serialize(message)
    if (bytes === undefined) return
    this.#sendHead()
    this.#stream.send(bytes, false, undefined)
    if (trailers === undefined) this.#sendTrailers(okTrailers, true)
    else this.sendStatus({ code: status.OK, details: 'OK', metadata: trailers })
  }

  sendStatus(callStatus: CallStatus): void {
    if (this.#isEnded) return
    const trailers = trailersOf(callStatus)
    if (this.#isHeadSent) this.#sendTrailers(trailers, trailers === okTrailers)
    else {
      this.#finish('soon')
      this.#stream.end(withFields(trailersOnlyHead, trailers), false)
    }
  }

  #sendHead(): void {
    if (this.#isHeadSent) return
    this.#isHeadSent = true
    this.#stream.respond(responseHead, true)
  }

  #sendTrailers(fields: readonly string[], isConstant: boolean): void {
    if (this.#isEnded) return
    // First, so that the stream's end is no abortion.
    this.#finish(this.#abortKind === undefined ? 'afterClose' : 'soon')
    this.#stream.end(fields, isConstant)
  }

  #serialize(message: unknown): Buffer | undefined {
    if (this.#isEnded) return undefined
    const bytes = serialize(this.method, message)
    if (bytes === undefined) {
      this.sendStatus({ code: status.INTERNAL, details: 'Error serializing response' })
      return undefined
    }
    const { sendMessageMaxBytes } = this.#host.limits
    if (sendMessageMaxBytes < 0 || bytes.length <= sendMessageMaxBytes) return bytes
    const details = `Sent message larger than max (${bytes.length + prefixBytes} vs. ${sendMessageMaxBytes})`
    this.sendStatus({ code: status.RESOURCE_EXHAUSTED, details })
    return undefined
  }

  #abort(kind: AbortKind): void {
    this.#abortKind = kind
    const onAborted = this.#onAborted
    this.#onAborted = undefined
    onAborted?.(kind)
  }

  /** @param told when the handler hears of it: as with grpc-js, of messages and a status after its stream has closed */
  #finish(told: 'soon' | 'afterClose'): void {
    this.#isEnded = true
    if (this.#deadlineMs !== Infinity) this.#host.timers.cancel(this)
    this.#waiting = nothingWaits
    this.#waitingBytes = 0
    this.#reader = undefined
    this.#stream.connection.heldBytes -= this.#heldBytes
    this.#heldBytes = 0
    const listener = this.#listener
    if (listener === undefined) return
    if (hasQuietEnd(listener) && listener.endQuietly()) return
    const tell = (): void => {
      listener.onCancel()
    }
    if (told === 'soon') process.nextTick(tell)
    else setImmediate(tell)
  }

  // What handlers ask about the call.

  getPeer(): string {
    const { remoteAddress, remotePort } = this.#stream.connection.socket
    if (remoteAddress === undefined) return 'unknown'
    return remotePort === undefined ? remoteAddress : `${remoteAddress}:${remotePort}`
  }

  getDeadline(): number {
    return this.#deadlineMs
  }

  getHost(): string {
    return this.head.authority
  }

  getAuthContext(): ReturnType<ServerInterceptingCallInterface['getAuthContext']> {
    const { socket } = this.#stream.connection
    if (!isTls(socket) || !socket.authorized) return {}
    const certificate = socket.getPeerCertificate()
    // The certificate of nobody is an empty object.
    const hasCertificate = 'raw' in certificate
    return { transportSecurityType: 'ssl', ...(hasCertificate ? { sslPeerCertificate: certificate } : {}) }
  }

  getConnectionInfo(): ReturnType<ServerInterceptingCallInterface['getConnectionInfo']> {
    const { localAddress, localPort, remoteAddress, remotePort } = this.#stream.connection.socket
    return { localAddress, localPort, remoteAddress, remotePort }
  }

  /** @throws GrpcServerError `GRPC_SERVER_UNSUPPORTED`: grpc-js keeps its recorder to itself */
  getMetricsRecorder(): never {
    throw new GrpcServerError('GRPC_SERVER_UNSUPPORTED', 'load reports of single calls are not recorded')
  }
}

const nothingWaits: Waiting[] = []

/** A serializer is the host's: it may throw, and give what are no bytes. */
function serialize(method: Method, message: unknown): Buffer | undefined {
  try {
    const bytes: unknown = method.serialize(message)
    return bytes instanceof Uint8Array ? (bytes as Buffer) : undefined
  } catch {
    return undefined
  }
}

function isWholeMessage(bytes: Buffer, start: number, size: number): boolean {
  return size >= prefixBytes && bytes[start] === 0 && bytes.readUInt32BE(start + 1) === size - prefixBytes
}

function withFields(head: readonly string[], fields: readonly string[]): readonly string[] {
  return [...head, ...fields]
}

/** A listener that can do without being told of an end that nobody looks out for. */
interface QuietListener {
  /** @returns whether nobody has to be told */
  endQuietly(): boolean
}

function hasQuietEnd(listener: object): listener is QuietListener {
  return 'endQuietly' in listener
}

function isTls(socket: object): socket is TLSSocket {
  return 'encrypted' in socket
}
