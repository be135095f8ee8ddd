import type { Environment } from '@orrery/environment'
import type { Store } from '@orrery/store'
import { encodeIds } from '../codec/responses.ts'
import { EtcdError } from '../errors.ts'
import type { ResponseHeader } from '../messages.ts'
import { toEtcdError } from './failure.ts'
import { LeaderWatch, type LedStream } from './leader-watch.ts'
import type { ResolvedOptions } from './options.ts'
import { FailedStream, type PullStream, WrappedStream } from './pull-stream.ts'
import type { BidiStream, CallContext, ServerStream, Unary } from './services.ts'

/** What every service shares: the store, and the rules that hold for all calls. */
export class Server {
  readonly store: Store
  readonly environment: Environment
  readonly options: ResolvedOptions
  readonly #leaderWatch: LeaderWatch
  /** They never change while the store is open. */
  #ids: Ids | undefined

  constructor(store: Store, environment: Environment, options: ResolvedOptions) {
    this.store = store
    this.environment = environment
    this.options = options
    const { electionTimeoutMs } = options
    this.#leaderWatch = new LeaderWatch({ store, clock: environment.clock, electionTimeoutMs })
  }

  /** @param revision what the answer reflects; by default the store's own */
  header(revision?: number): ResponseHeader {
    const { clusterId, memberId, encoded: encodedIds } = (this.#ids ??= idsOf(this.store))
    return {
      clusterId,
      memberId,
      revision: revision ?? this.store.status().revision,
      raftTerm: this.store.term,
      encodedIds,
    }
  }

  /** Answers about members carry no revision. */
  memberHeader(): ResponseHeader {
    const { clusterId, memberId, term } = this.store.status()
    return { clusterId, memberId, raftTerm: term }
  }

  unary<Request, Response>(handle: Unary<Request, Response>): Unary<Request, Response> {
    const refuse = (error: unknown): never => {
      throw this.#refusal(error)
    }
    return (request, context) => {
      try {
        this.#admit(context)
        return handle(request, context).catch(refuse)
      } catch (error) {
        return Promise.reject(this.#refusal(error))
      }
    }
  }

  serverStream<Request, Response>(handle: ServerStream<Request, Response>): ServerStream<Request, Response> {
    return (request, context) => this.#guarded((led) => handle(request, led), context)
  }

  bidiStream<Request, Response>(handle: BidiStream<Request, Response>): BidiStream<Request, Response> {
    return (requests, context) => this.#guarded((led) => handle(requests, led), context)
  }

  /** Like {@link bidiStream}, for responses that can be taken without waiting. */
  pullStream<Request, Response>(
    handle: (requests: AsyncIterable<Request>, context: CallContext) => PullStream<Response>,
  ): BidiStream<Request, Response> {
    return (requests, context) => {
      const led = requiresLeader(context) ? this.#leaderWatch.open(context) : undefined
      try {
        this.#admit(context)
        return new GuardedStream(handle(requests, led?.context ?? context), led, (error) =>
          this.#refusal(error),
        )
      } catch (error) {
        led?.close()
        return new FailedStream(this.#refusal(error))
      }
    }
  }

  async *#guarded<Response>(
    open: (context: CallContext) => AsyncIterable<Response>,
    context: CallContext,
  ): AsyncGenerator<Response, void, undefined> {
    const led = requiresLeader(context) ? this.#leaderWatch.open(context) : undefined
    try {
      this.#admit(context)
      yield* open(led?.context ?? context)
      if (led?.failure !== undefined) throw led.failure
    } catch (error) {
      throw this.#refusal(led?.failure ?? error)
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

interface Ids {
  readonly clusterId: bigint
  readonly memberId: bigint
  readonly encoded: Uint8Array
}

function idsOf(store: Store): Ids {
  const { clusterId, memberId } = store.status()
  return { clusterId, memberId, encoded: encodeIds(clusterId, memberId) }
}

/** Responses whose failures are told in etcd's words. */
class GuardedStream<Response> extends WrappedStream<Response> {
  readonly #led: LedStream | undefined
  readonly #refusal: (error: unknown) => EtcdError

  constructor(
    inner: PullStream<Response>,
    led: LedStream | undefined,
    refusal: (error: unknown) => EtcdError,
  ) {
    super(inner)
    this.#led = led
    this.#refusal = refusal
  }

  override take(): Response | undefined {
    try {
      const response = super.take()
      if (response === undefined && this.done && this.#led?.failure !== undefined) throw this.#led.failure
      return response
    } catch (error) {
      throw this.#refusal(this.#led?.failure ?? error)
    }
  }

  override close(): void {
    this.#led?.close()
    super.close()
  }
}

function requiresLeader({ metadata }: CallContext): boolean {
  return metadata.get('hasleader') === 'true'
}
