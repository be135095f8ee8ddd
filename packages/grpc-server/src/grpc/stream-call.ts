import { Duplex } from 'node:stream'
import { Metadata, type sendUnaryData, type StatusObject, status } from '@grpc/grpc-js'
import type { CallSurface } from './call-surface.ts'
import { type CallStatus, statusOfError } from './status.ts'
import { respond } from './unary-call.ts'
import type { CallListener, WireCall } from './wire-call.ts'

/**
 * What a handler of a stream gets: grpc-js' `ServerReadableStream`, `ServerWritableStream` or `ServerDuplexStream`,
 * and a signal.
 */
export class StreamCall extends Duplex {
  /** The one request of a method that streams only responses. */
  readonly request: unknown
  cancelled = false
  readonly #surface: CallSurface
  #trailers: Metadata | undefined
  /** Past the buffer of `Writable`: a message is being handed over, or waits for its client. */
  #bypass: 'free' | 'handingOver' | 'waiting' = 'free'
  /** What came into the buffer meanwhile. */
  #afterBypass: (() => void) | undefined
  #status: CallStatus = { code: status.OK, details: 'OK' }

  constructor(surface: CallSurface, request?: unknown) {
    // A variable, because the types of Node do not know `readable` here.
    const options = { objectMode: true, readable: surface.wire.method.kind !== 'serverStream' }
    super(options)
    this.#surface = surface
    this.request = request
    this.on('error', (error: Error | Partial<StatusObject>) => {
      this.#status = statusOfError(error, undefined)
      this.end()
    })
  }

  get metadata(): Metadata {
    return this.#surface.metadata
  }

  /** Aborted when the client gives the call up, its deadline passes or its connection breaks. */
  get signal(): AbortSignal {
    return this.#surface.signal
  }

  getPeer(): string {
    return this.#surface.wire.getPeer()
  }

  sendMetadata(metadata: Metadata): void {
    this.#surface.call.sendMetadata(metadata)
  }

  getDeadline(): number {
    return this.#surface.wire.getDeadline()
  }

  getPath(): string {
    return this.#surface.wire.method.path
  }

  getHost(): string {
    return this.#surface.wire.getHost()
  }

  getAuthContext(): ReturnType<WireCall['getAuthContext']> {
    return this.#surface.wire.getAuthContext()
  }

  getMetricsRecorder(): never {
    return this.#surface.wire.getMetricsRecorder()
  }

  override _read(): void {
    this.#surface.call.startRead()
  }

  /**
   * Sends a message. As long as none waits, past the buffer of `Writable`, whose bookkeeping takes longer than the rest
   * of the way to the socket.
   */
  override write(message: unknown, ...rest: unknown[]): boolean {
    if (rest.length > 0 || message === null || !this.#maySendNow()) {
      return super.write(message, ...(rest as [BufferEncoding]))
    }
    this.#bypass = 'handingOver'
    this.#surface.wire.sendMessage(message, this.#handedOver)
    if (this.#isHandedOver()) return true
    this.#bypass = 'waiting'
    return false
  }

  /** Whether nothing waits, nothing has ended, and no interceptor stands between. */
  #maySendNow(): boolean {
    const { call, wire } = this.#surface
    if (this.#bypass !== 'free' || this.writableLength > 0 || this.writableCorked > 0) return false
    return call === wire && !wire.isEnded && !this.writableEnded && !this.destroyed
  }

  #isHandedOver(): boolean {
    return this.#bypass === 'free'
  }

  readonly #handedOver = (): void => {
    const wasWaiting = this.#bypass === 'waiting'
    this.#bypass = 'free'
    if (!wasWaiting) return
    const next = this.#afterBypass
    this.#afterBypass = undefined
    next?.()
    if (this.writableLength === 0) this.emit('drain')
  }

  override _write(message: unknown, _encoding: string, callback: () => void): void {
    const { call } = this.#surface
    if (this.#bypass === 'free') call.sendMessage(message, callback)
    else this.#afterBypass = () => call.sendMessage(message, callback)
  }

  override _final(callback: () => void): void {
    callback()
    this.#surface.call.sendStatus({
      ...this.#status,
      metadata: this.#status.metadata ?? this.#trailers ?? null,
    })
  }

  /** Reads requests to their end, or as far as the handler likes: the call then still has responses to send. */
  override [Symbol.asyncIterator](): ReturnType<Duplex[typeof Symbol.asyncIterator]> {
    return this.iterator({ destroyOnReturn: false })
  }

  /** A handler that destroys its call ends it: with grpc-js, its client would wait for ever. */
  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    const { call, wire } = this.#surface
    // Node destroys what was read to its end; the callback is still to come then.
    const isOnlyRead = wire.method.kind === 'clientStream' && (error === null || error.name === 'AbortError')
    if (!wire.isEnded && !isOnlyRead) {
      const givenUp = { code: status.CANCELLED, details: 'The server gave up the call' }
      call.sendStatus(error === null ? givenUp : statusOfError(error, undefined))
    }
    callback(error)
  }

  /** Ends the call well. @param trailers metadata after the last message */
  override end(trailers?: unknown): this {
    if (trailers instanceof Metadata) this.#trailers = trailers
    return super.end()
  }
}

/** Runs the handler of a method that streams requests as soon as the call begins. */
export class StreamListener implements CallListener {
  readonly #surface: CallSurface
  #call: StreamCall | undefined

  constructor(surface: CallSurface) {
    this.#surface = surface
  }

  start(): void {
    this.#surface.call.start(this)
  }

  onReceiveMetadata(metadata: Metadata): void {
    const surface = this.#surface
    surface.metadata = metadata
    const call = new StreamCall(surface)
    this.#call = call
    const handler = surface.wire.method.handler as (
      call: StreamCall,
      callback?: sendUnaryData<unknown>,
    ) => unknown
    surface.run(() => {
      handler(call, (error, value, trailers) => respond(surface, error, value, trailers))
    })
  }

  onReceiveMessage(message: unknown): void {
    this.#call?.push(message)
  }

  onReceiveHalfClose(): void {
    this.#call?.push(null)
  }

  onCancel(): void {
    cancel(this.#call)
  }
}

/** Collects the request of a method that streams only responses, and runs its handler. */
export class ServerStreamListener implements CallListener {
  readonly #surface: CallSurface
  #request: unknown
  #hasRequest = false
  #call: StreamCall | undefined

  constructor(surface: CallSurface) {
    this.#surface = surface
  }

  start(): void {
    this.#surface.call.start(this)
  }

  onReceiveMetadata(metadata: Metadata): void {
    this.#surface.metadata = metadata
    this.#surface.call.startRead()
  }

  onReceiveMessage(message: unknown): void {
    if (this.#hasRequest) {
      this.#refuse('Received a second request message for server streaming method')
      return
    }
    this.#request = message
    this.#hasRequest = true
    this.#surface.call.startRead()
  }

  onReceiveHalfClose(): void {
    if (!this.#hasRequest) {
      this.#refuse('Received no request message for server streaming method')
      return
    }
    const surface = this.#surface
    const call = new StreamCall(surface, this.#request)
    this.#call = call
    const handler = surface.wire.method.handler as (call: StreamCall) => unknown
    surface.run(() => {
      handler(call)
    })
  }

  onCancel(): void {
    cancel(this.#call)
  }

  #refuse(details: string): void {
    const { call, wire } = this.#surface
    call.sendStatus({ code: status.UNIMPLEMENTED, details: `${details} ${wire.method.path}`, metadata: null })
  }
}

function cancel(call: StreamCall | undefined): void {
  if (call === undefined) return
  call.cancelled = true
  call.emit('cancelled', 'cancelled')
  call.destroy()
}
