import { EtcdError } from '../errors.ts'
import { onAbort } from '../services/call-abort.ts'
import { isPullStream, type PullStream, WrappedStream } from '../services/pull-stream.ts'
import type { CallContext, EtcdServices, Unary } from '../services/services.ts'

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

class Drain {
  readonly #controller = new AbortController()
  readonly #stopped = this.#controller.signal
  /** Calls that stay open, and have no signal of their own. */
  readonly #waiting = new Set<(reason: unknown) => void>()

  stop(): void {
    this.#controller.abort(new EtcdError('ETCD_STOPPED'))
    for (const abort of [...this.#waiting]) abort(this.#stopped.reason)
  }

  unary<Request, Response>(method: Unary<Request, Response>): Unary<Request, Response> {
    return async (request, context) => {
      try {
        return await method(request, this.#until(context))
      } catch (error) {
        this.#stopped.throwIfAborted()
        throw error
      }
    }
  }

  /** @param method with one request or a stream of them */
  stream<Requests, Response>(
    method: (requests: Requests, context: CallContext) => AsyncIterable<Response>,
  ): (requests: Requests, context: CallContext) => AsyncIterable<Response> {
    return (requests, context) => {
      const responses = method(requests, this.#until(context))
      return isPullStream(responses)
        ? new DrainedStream(responses, this.#stopped)
        : this.#responses(responses)
    }
  }

  async *#responses<Response>(responses: AsyncIterable<Response>): AsyncGenerator<Response, void, undefined> {
    try {
      yield* responses
    } catch (error) {
      this.#stopped.throwIfAborted()
      throw error
    }
    this.#stopped.throwIfAborted()
  }

  /** The call's own end, or ours. */
  #until(context: CallContext): CallContext {
    const stopped = this.#stopped
    let signal: AbortSignal | undefined
    return {
      metadata: context.metadata,
      // Made when it is first asked for, and once: calls ask for each of their messages.
      get signal() {
        return (signal ??= AbortSignal.any([context.signal, stopped]))
      },
      onAbort: (callback) => this.#onAbort(context, callback),
    }
  }

  #onAbort(context: CallContext, callback: (reason: unknown) => void): () => void {
    if (this.#stopped.aborted) {
      callback(this.#stopped.reason)
      return () => undefined
    }
    let stopListening = (): void => undefined
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

/** Responses that end with `ETCD_STOPPED`, whatever else they would end with, once their server drains. */
class DrainedStream<Response> extends WrappedStream<Response> {
  readonly #stopped: AbortSignal

  constructor(inner: PullStream<Response>, stopped: AbortSignal) {
    super(inner)
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
}
