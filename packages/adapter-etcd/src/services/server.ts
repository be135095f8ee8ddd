import type { Environment } from '@orrery/environment'
import type { Store } from '@orrery/store'
import { EtcdError } from '../errors.ts'
import type { ResponseHeader } from '../messages.ts'
import { toEtcdError } from './failure.ts'
import type { ResolvedOptions } from './options.ts'
import type { BidiStream, CallContext, ServerStream, Unary } from './services.ts'

/** What every service shares: the store, and the rules that hold for all calls. */
export class Server {
  readonly store: Store
  readonly environment: Environment
  readonly options: ResolvedOptions

  constructor(store: Store, environment: Environment, options: ResolvedOptions) {
    this.store = store
    this.environment = environment
    this.options = options
  }

  /** @param revision what the answer reflects; by default the store's own */
  header(revision?: number): ResponseHeader {
    const { clusterId, memberId, term, revision: current } = this.store.status()
    return { clusterId, memberId, revision: revision ?? current, raftTerm: term }
  }

  /** Answers about members carry no revision. */
  memberHeader(): ResponseHeader {
    const { clusterId, memberId, term } = this.store.status()
    return { clusterId, memberId, raftTerm: term }
  }

  unary<Request, Response>(handle: Unary<Request, Response>): Unary<Request, Response> {
    return async (request, context) => {
      try {
        this.#admit(context)
        return await handle(request, context)
      } catch (error) {
        throw this.#refusal(error)
      }
    }
  }

  serverStream<Request, Response>(handle: ServerStream<Request, Response>): ServerStream<Request, Response> {
    return (request, context) => this.#guarded(() => handle(request, context), context)
  }

  bidiStream<Request, Response>(handle: BidiStream<Request, Response>): BidiStream<Request, Response> {
    return (requests, context) => this.#guarded(() => handle(requests, context), context)
  }

  async *#guarded<Response>(
    open: () => AsyncIterable<Response>,
    context: CallContext,
  ): AsyncGenerator<Response, void, undefined> {
    try {
      this.#admit(context)
      yield* open()
    } catch (error) {
      throw this.#refusal(error)
    }
  }

  /** A client may ask to be served only while there is a leader. */
  #admit({ metadata }: CallContext): void {
    if (metadata.get('hasleader') === 'true' && this.store.status().leaderId === 0n) {
      throw new EtcdError('ETCD_NO_LEADER')
    }
  }

  #refusal(error: unknown): EtcdError {
    const refusal = toEtcdError(error)
    if (refusal.code === 'ETCD_INTERNAL' || refusal.code === 'ETCD_UNKNOWN') {
      this.environment.logger.error('an etcd call failed unexpectedly', { error })
    }
    return refusal
  }
}
