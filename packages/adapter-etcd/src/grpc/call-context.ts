import type { Metadata } from '@grpc/grpc-js'
import { EtcdError } from '../errors.ts'
import type { CallContext, CallMetadata } from '../services/services.ts'

/** What all calls of a grpc-js server have. */
interface ServerCall {
  readonly cancelled: boolean
  readonly metadata: Metadata
  once(event: 'cancelled', listener: () => void): unknown
  off(event: 'cancelled', listener: () => void): unknown
}

/** A grpc-js call as services see it. */
export class GrpcCallContext implements CallContext, CallMetadata {
  readonly #call: ServerCall
  #controller: AbortController | undefined
  #answered = false

  constructor(call: ServerCall) {
    this.#call = call
  }

  /** Created when it is first asked for: most calls end without it. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController()
      this.#controller = controller
      const abort = (): void => {
        if (!this.#answered) controller.abort(new EtcdError('ETCD_CANCELED'))
      }
      if (this.#call.cancelled) abort()
      else this.#call.once('cancelled', abort)
    }
    return this.#controller.signal
  }

  onAbort(callback: (reason: unknown) => void): () => void {
    const abort = (): void => {
      if (!this.#answered) callback(new EtcdError('ETCD_CANCELED'))
    }
    if (this.#call.cancelled) abort()
    else this.#call.once('cancelled', abort)
    return () => {
      this.#call.off('cancelled', abort)
    }
  }

  /** The method is done. grpc-js reports calls as cancelled that have ended well, too. */
  answered(): void {
    this.#answered = true
  }

  /** The context itself: what it is asked for most. */
  get metadata(): CallMetadata {
    return this
  }

  /** The first value of a header. */
  get(name: string): string | undefined {
    const [value] = this.#call.metadata.get(name)
    return typeof value === 'string' ? value : undefined
  }
}
