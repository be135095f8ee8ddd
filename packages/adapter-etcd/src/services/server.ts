import type { Environment } from '@orrery/environment'
import type { Store } from '@orrery/store'
import { encodeIds } from '../codec/responses.ts'
import { EtcdError } from '../errors.ts'
import type { ResponseHeader } from '../messages.ts'
import { toEtcdError } from './failure.ts'
import { LeaderWatch } from './leader-watch.ts'
import type { ResolvedOptions } from './options.ts'
import type { BidiStream, CallContext, ServerStream, Unary } from './services.ts'

/** What every service shares: the store, and the rules that hold for all calls. */
export class Server {
  readonly store: Store
  readonly environment: Environment
  readonly options: ResolvedOptions
  readonly #leaderWatch: LeaderWatch
  #ids: { readonly clusterId: bigint; readonly memberId: bigint; readonly encoded: Uint8Array } | undefined

  constructor(store: Store, environment: Environment, options: ResolvedOptions) {
    this.store = store
    this.environment = environment
    this.options = options
    const { electionTimeoutMs } = options
    this.#leaderWatch = new LeaderWatch({ store, clock: environment.clock, electionTimeoutMs })
  }

  /** @param revision what the answer reflects; by default the store's own */
  header(revision?: number): ResponseHeader {
    const { clusterId, memberId, term, revision: current } = this.store.status()
    const encodedIds = this.#encodedIds(clusterId, memberId)
    return { clusterId, memberId, revision: revision ?? current, raftTerm: term, encodedIds }
  }

  #encodedIds(clusterId: bigint, memberId: bigint): Uint8Array {
    const known = this.#ids
    if (known?.clusterId === clusterId && known.memberId === memberId) return known.encoded
    const encoded = encodeIds(clusterId, memberId)
    this.#ids = { clusterId, memberId, encoded }
    return encoded
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
    return (request, context) => this.#guarded((led) => handle(request, led), context)
  }

  bidiStream<Request, Response>(handle: BidiStream<Request, Response>): BidiStream<Request, Response> {
    return (requests, context) => this.#guarded((led) => handle(requests, led), context)
  }

  async *#guarded<Response>(
    open: (context: CallContext) => AsyncIterable<Response>,
    context: CallContext,
  ): AsyncGenerator<Response, void, undefined> {
    const led = requiresLeader(context) ? this.#leaderWatch.open() : undefined
    const { metadata } = context
    try {
      this.#admit(context)
      if (led === undefined) yield* open(context)
      else yield* open({ metadata, signal: AbortSignal.any([context.signal, led.signal]) })
      led?.signal.throwIfAborted()
    } catch (error) {
      throw this.#refusal(led?.signal.aborted === true ? led.signal.reason : error)
    } finally {
      led?.close()
    }
  }

  /** A client may ask to be served only while there is a leader. */
  #admit(context: CallContext): void {
    if (requiresLeader(context) && !this.#leaderWatch.hasLeader) throw new EtcdError('ETCD_NO_LEADER')
  }

  #refusal(error: unknown): EtcdError {
    const refusal = toEtcdError(error)
    if (refusal.code === 'ETCD_INTERNAL' || refusal.code === 'ETCD_UNKNOWN') {
      this.environment.logger.error('an etcd call failed unexpectedly', { error })
    }
    return refusal
  }
}

function requiresLeader({ metadata }: CallContext): boolean {
  return metadata.get('hasleader') === 'true'
}
