import { EtcdError } from '../errors.ts'
import { onAbort } from '../services/call-abort.ts'
import { isPullStream, type PullStream, WrappedStream } from '../services/pull-stream.ts'
import type { CallContext, CallMetadata, EtcdServices, Unary } from '../services/services.ts'

/** Services whose waiting calls a host can end, so that its servers can drain. */
export interface DrainableServices {
  /** The same services. Mount these. */
  readonly services: EtcdServices
  /**
   * Ends the calls that wait for as long as their clients do (watches, keep-alives, observers, locks,
   * campaigns) and every later one with `etcdserver: server stopped`, on which clients reconnect elsewhere.
   * Other calls finish. Safe to call twice.
   */
  stop(): void
}

/** Makes services drainable, on whatever transports they are mounted. */
export function createDrainableServices(services: EtcdServices): DrainableServices {
  const drain = new Drain()
  const { kv, watch, lease, maintenance, lock, election } = services
  return {
    services: {
      ...services,
      kv: { ...kv, rangeStream: drain.stream(kv.rangeStream) },
      watch: { watch: drain.stream(watch.watch) },
      lease: { ...lease, leaseKeepAlive: drain.stream(lease.leaseKeepAlive) },
      maintenance: { ...maintenance, snapshot: drain.stream(maintenance.snapshot) },
      lock: { ...lock, lock: drain.unary(lock.lock) },
      election: {
        ...election,
        campaign: drain.unary(election.campaign),
        observe: drain.stream(election.observe),
      },
    },
    stop: () => {
      drain.stop()
    },
  }
}

const doNothing = (): void => undefined

class Drain {
  readonly #controller = new AbortController()
  readonly #stopped = this.#controller.signal
  /** Ends each call that has a signal, or listens without one. */
  readonly #waiting = new Set<(reason: unknown) => void>()

  stop(): void {
    this.#controller.abort(new EtcdError('ETCD_STOPPED'))
    for (const abort of [...this.#waiting]) abort(this.#stopped.reason)
  }

  unary<Request, Response>(method: Unary<Request, Response>): Unary<Request, Response> {
    return async (request, context) => {
      const call = new DrainedCall(this, context)
      try {
        return await method(request, call)
      } catch (error) {
        this.#stopped.throwIfAborted()
        throw error
      } finally {
        call.end()
      }
    }
  }

  /** @param method with one request or a stream of them */
  stream<Requests, Response>(
    method: (requests: Requests, context: CallContext) => AsyncIterable<Response>,
  ): (requests: Requests, context: CallContext) => AsyncIterable<Response> {
    return (requests, context) => {
      const call = new DrainedCall(this, context)
      const responses = method(requests, call)
      return isPullStream(responses)
        ? new DrainedStream(responses, call, this.#stopped)
        : this.#responses(responses, call)
    }
  }

  async *#responses<Response>(
    responses: AsyncIterable<Response>,
    call: DrainedCall,
  ): AsyncGenerator<Response, void, undefined> {
    try {
      yield* responses
    } catch (error) {
      this.#stopped.throwIfAborted()
      throw error
    } finally {
      call.end()
    }
    this.#stopped.throwIfAborted()
  }

  /** Calls back with the call's own end, or ours. */
  onAbort(context: CallContext, callback: (reason: unknown) => void): () => void {
    if (this.#stopped.aborted) {
      callback(this.#stopped.reason)
      return doNothing
    }
    let stopListening = doNothing
    const abort = (reason: unknown): void => {
      forget()
      callback(reason)
    }
    const forget = (): void => {
      this.#waiting.delete(abort)
      stopListening()
    }
    this.#waiting.add(abort)
    // Calls back at once when the client is gone already.
    stopListening = onAbort(context, abort)
    return forget
  }
}

/** A call as its method sees it: it also aborts when the server drains. */
class DrainedCall implements CallContext {
  readonly #drain: Drain
  readonly #context: CallContext
  #controller: AbortController | undefined
  #stopListening = doNothing

  constructor(drain: Drain, context: CallContext) {
    this.#drain = drain
    this.#context = context
  }

  get metadata(): CallMetadata {
    return this.#context.metadata
  }

  /** Created when it is first asked for, and once: calls ask for each of their messages. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController()
      this.#controller = controller
      // Not `AbortSignal.any`: in Node 20, the server's own signal would keep a note of this one for good, and refuse to
      // take more than 16 million of them.
      this.#stopListening = this.onAbort((reason) => controller.abort(reason))
    }
    return this.#controller.signal
  }

  onAbort(callback: (reason: unknown) => void): () => void {
    return this.#drain.onAbort(this.#context, callback)
  }

  /** The method is done: its signal aborts no more. Safe to call twice. */
  end(): void {
    this.#stopListening()
  }
}

/** Responses that end with `ETCD_STOPPED`, whatever else they would end with, once their server drains. */
class DrainedStream<Response> extends WrappedStream<Response> {
  readonly #call: DrainedCall
  readonly #stopped: AbortSignal

  constructor(inner: PullStream<Response>, call: DrainedCall, stopped: AbortSignal) {
    super(inner)
    this.#call = call
    this.#stopped = stopped
  }

  override take(): Response | undefined {
    try {
      const response = super.take()
      if (response === undefined && this.done) this.#stopped.throwIfAborted()
      return response
    } catch (error) {
      this.#stopped.throwIfAborted()
      throw error
    }
  }

  override close(): void {
    this.#call.end()
    super.close()
  }
}
