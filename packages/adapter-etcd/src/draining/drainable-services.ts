import { EtcdError } from '../errors.ts'
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
  const stopped = new AbortController()
  const drain = new Drain(stopped.signal)
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
      stopped.abort(new EtcdError('ETCD_STOPPED'))
    },
  }
}

class Drain {
  readonly #stopped: AbortSignal

  constructor(stopped: AbortSignal) {
    this.#stopped = stopped
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
    return (requests, context) => this.#responses(method(requests, this.#until(context)))
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
  #until({ signal, metadata }: CallContext): CallContext {
    return { signal: AbortSignal.any([signal, this.#stopped]), metadata }
  }
}
