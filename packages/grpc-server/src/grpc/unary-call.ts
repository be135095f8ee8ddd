import { EventEmitter } from 'node:events'
import {
  type Metadata,
  type sendUnaryData,
  type ServerInterceptingCallInterface,
  status,
} from '@grpc/grpc-js'
import type { CallSurface } from './call-surface.ts'
import { statusOfError } from './status.ts'
import type { CallListener, WireCall } from './wire-call.ts'

/**
 * An `EventEmitter` whose constructor does not run: that makes up a table of listeners, which most calls never need.
 * The emitter's own methods make it up when the first listener comes.
 */
const LazyEventEmitter = function (): void {} as unknown as new () => EventEmitter
LazyEventEmitter.prototype = EventEmitter.prototype

/** What a handler of one request and one response gets: grpc-js' `ServerUnaryCall`, and a signal. */
export class UnaryCall extends LazyEventEmitter {
  readonly request: unknown
  cancelled = false
  readonly #surface: CallSurface

  constructor(request: unknown, surface: CallSurface) {
    super()
    this.request = request
    this.#surface = surface
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
}

/** Collects the request of a unary call, and runs its handler when the client has half closed. */
export class UnaryListener implements CallListener {
  readonly #surface: CallSurface
  #request: unknown
  #hasRequest = false
  #call: UnaryCall | undefined

  constructor(surface: CallSurface) {
    this.#surface = surface
  }

  /** Begins to listen. Without interceptors nobody has to see the metadata. */
  start(): void {
    const { call, wire } = this.#surface
    if (call === wire) wire.startUnary(this)
    else call.start(this)
  }

  onReceiveMetadata(metadata: Metadata): void {
    this.#surface.metadata = metadata
    this.#surface.call.startRead()
  }

  onReceiveMessage(message: unknown): void {
    if (this.#hasRequest) {
      this.#refuse(`Received a second request message for server streaming method ${this.#path}`)
      return
    }
    this.#request = message
    this.#hasRequest = true
    this.#surface.call.startRead()
  }

  onReceiveHalfClose(): void {
    if (!this.#hasRequest) {
      this.#refuse(`Received no request message for server streaming method ${this.#path}`)
      return
    }
    const surface = this.#surface
    const call = new UnaryCall(this.#request, surface)
    this.#call = call
    const handler = surface.wire.method.handler as (
      call: UnaryCall,
      callback: sendUnaryData<unknown>,
    ) => unknown
    surface.run(() => {
      handler(call, (error, value, trailers) => respond(surface, error, value, trailers))
    })
  }

  onCancel(): void {
    if (this.#call === undefined) return
    this.#call.cancelled = true
    this.#call.emit('cancelled', 'cancelled')
  }

  endQuietly(): boolean {
    const call = this.#call
    if (call === undefined) return true
    if (call.listenerCount('cancelled') > 0) return false
    call.cancelled = true
    return true
  }

  get #path(): string {
    return this.#surface.wire.method.path
  }

  #refuse(details: string): void {
    this.#surface.call.sendStatus({ code: status.UNIMPLEMENTED, details, metadata: null })
  }
}

/** Sends what a handler calls back with. */
export function respond(
  { call, wire }: { readonly call: ServerInterceptingCallInterface; readonly wire: WireCall },
  ...[error, value, trailers]: Parameters<sendUnaryData<unknown>>
): void {
  if (error) call.sendStatus(statusOfError(error, trailers))
  else if (call === wire) wire.answer(value, trailers)
  else {
    call.sendMessage(value, () => {
      call.sendStatus({ code: status.OK, details: 'OK', metadata: trailers ?? null })
    })
  }
}
