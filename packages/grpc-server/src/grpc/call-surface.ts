import { type Metadata, type ServerInterceptingCallInterface, status } from '@grpc/grpc-js'
import { CallAbortedError } from './call-aborted.ts'
import type { WireCall } from './wire-call.ts'

/** What the calls of all kinds are built on. */
export class CallSurface {
  readonly wire: WireCall
  /** The outermost interceptor, or the call on the wire when there is none. */
  readonly call: ServerInterceptingCallInterface
  #metadata: Metadata | undefined
  #controller: AbortController | undefined

  constructor(wire: WireCall, call: ServerInterceptingCallInterface) {
    this.wire = wire
    this.call = call
  }

  /** What interceptors made of the metadata. */
  get metadata(): Metadata {
    return this.#metadata ?? this.wire.metadata
  }

  set metadata(metadata: Metadata) {
    this.#metadata = metadata
  }

  /** Created when it is first asked for: most calls end without it. */
  get signal(): AbortSignal {
    if (this.#controller !== undefined) return this.#controller.signal
    const controller = new AbortController()
    this.#controller = controller
    const { wire } = this
    if (wire.abortKind !== undefined) controller.abort(new CallAbortedError(wire.abortKind))
    else wire.onAborted((kind) => controller.abort(new CallAbortedError(kind)))
    return controller.signal
  }

  /** Runs a handler; what it throws ends the call, in the words of grpc-js. */
  run(handler: () => void): void {
    try {
      handler()
    } catch {
      this.call.sendStatus({ code: status.UNKNOWN, details: 'Unknown error', metadata: null })
    }
  }
}
