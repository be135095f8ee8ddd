import type { ServerDuplexStream } from '@grpc/grpc-js'
import { EtcdError } from '../errors.ts'

/**
 * The requests of a streaming call, for one reader. Node's own iterators of streams do the same, and take several times
 * the memory, which is what most open calls consist of.
 */
export class CallRequests<Request> implements AsyncIterator<Request, undefined> {
  readonly #call: ServerDuplexStream<Request, never>
  #hasEnded = false
  #waiting:
    | { resolve(turn: IteratorResult<Request, undefined>): void; reject(reason: unknown): void }
    | undefined

  constructor(call: ServerDuplexStream<Request, never>) {
    this.#call = call
    this.#call.on('readable', this.#settle)
    this.#call.once('end', this.#settle)
    this.#call.once('close', this.#settle)
  }

  next(): Promise<IteratorResult<Request, undefined>> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      this.#settle()
    })
  }

  /** The call goes on without further requests. */
  return(): Promise<IteratorResult<Request, undefined>> {
    this.#hasEnded = true
    this.#call.off('readable', this.#settle)
    return Promise.resolve({ done: true, value: undefined })
  }

  readonly #settle = (): void => {
    const waiting = this.#waiting
    if (waiting === undefined) return
    const request = this.#hasEnded ? null : (this.#call.read() as Request | null)
    const { readableEnded, destroyed } = this.#call
    if (request === null && !this.#hasEnded && !readableEnded && !destroyed) return
    this.#waiting = undefined
    if (request !== null) waiting.resolve({ done: false, value: request })
    else if (this.#hasEnded || readableEnded) waiting.resolve({ done: true, value: undefined })
    else waiting.reject(new EtcdError('ETCD_CANCELED'))
  }
}
