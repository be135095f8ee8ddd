import type { Gauge } from 'prom-client'
import { isPullStream, type PullStream, WrappedStream } from '../services/pull-stream.ts'
import type { BidiStream, EtcdServices, ServerStream, Unary } from '../services/services.ts'
import type { CallMetrics, CallType, MethodCalls } from './call-metrics.ts'
import type { KvMetrics } from './kv-metrics.ts'

/** Counts calls and messages around the methods of one service. */
class ServiceMeter {
  readonly #service: string
  readonly #calls: CallMetrics

  constructor(service: string, calls: CallMetrics) {
    this.#service = service
    this.#calls = calls
  }

  /** @param onSuccess sees what a call that succeeded did */
  unary<Request, Response>(
    name: string,
    method: Unary<Request, Response>,
    onSuccess?: (response: Response, request: Request) => void,
  ): Unary<Request, Response> {
    const calls = this.#method(name, 'unary')
    const failed = (error: unknown): void => calls.handled(error)
    return (request, context) => {
      this.#calls.started(calls, context)
      calls.received += 1
      const answer = method(request, context)
      answer.then((response) => {
        onSuccess?.(response, request)
        calls.sent += 1
        calls.handled(undefined)
      }, failed)
      return answer
    }
  }

  serverStream<Request, Response>(
    name: string,
    method: ServerStream<Request, Response>,
    onResponse?: (response: Response) => void,
  ): ServerStream<Request, Response> {
    const calls = this.#method(name, 'server_stream')
    return (request, context) => {
      this.#calls.started(calls, context)
      calls.received += 1
      return responsesOf(calls, method(request, context), onResponse)
    }
  }

  bidiStream<Request, Response>(
    name: string,
    method: BidiStream<Request, Response>,
    onResponse?: (response: Response) => void,
  ): BidiStream<Request, Response> {
    const calls = this.#method(name, 'bidi_stream')
    return (requests, context) => {
      this.#calls.started(calls, context)
      const responses = method(requestsOf(calls, requests), context)
      return isPullStream(responses)
        ? new MeteredStream(responses, calls, onResponse)
        : responsesOf(calls, responses, onResponse)
    }
  }

  #method(name: string, type: CallType): MethodCalls {
    return this.#calls.method({ grpc_type: type, grpc_service: this.#service, grpc_method: name })
  }
}

function requestsOf<Request>(calls: MethodCalls, requests: AsyncIterable<Request>): AsyncIterable<Request> {
  return {
    [Symbol.asyncIterator]: () => {
      const iterator = requests[Symbol.asyncIterator]()
      return {
        next: async () => {
          const turn = await iterator.next()
          if (turn.done !== true) calls.received += 1
          return turn
        },
        return: async () => {
          await iterator.return?.()
          return { done: true, value: undefined }
        },
      }
    },
  }
}

/** Counts the responses of a call, and how it ends. */
class MeteredStream<Response> extends WrappedStream<Response> {
  readonly #calls: MethodCalls
  readonly #onResponse: ((response: Response) => void) | undefined
  #isHandled = false

  constructor(
    inner: PullStream<Response>,
    calls: MethodCalls,
    onResponse: ((response: Response) => void) | undefined,
  ) {
    super(inner)
    this.#calls = calls
    this.#onResponse = onResponse
  }

  override take(): Response | undefined {
    let response: Response | undefined
    try {
      response = super.take()
    } catch (error) {
      this.#handled(error)
      throw error
    }
    if (response === undefined) return undefined
    this.#onResponse?.(response)
    this.#calls.sent += 1
    return response
  }

  override close(): void {
    this.#handled(undefined)
    super.close()
  }

  #handled(error: unknown): void {
    if (this.#isHandled) return
    this.#isHandled = true
    this.#calls.handled(error)
  }
}

async function* responsesOf<Response>(
  calls: MethodCalls,
  responses: AsyncIterable<Response>,
  onResponse: ((response: Response) => void) | undefined,
): AsyncGenerator<Response> {
  let failed: unknown
  try {
    for await (const response of responses) {
      onResponse?.(response)
      calls.sent += 1
      yield response
    }
  } catch (error) {
    failed = error
    throw error
  } finally {
    calls.handled(failed)
  }
}

/**
 * The same services, counted. A method that is added to the services does not compile until it is counted
 * here.
 */
export function meterServices(services: EtcdServices, calls: CallMetrics, kv: KvMetrics): EtcdServices {
  const meter = (service: string): ServiceMeter => new ServiceMeter(service, calls)
  return {
    ...keyServices(services, meter, kv),
    ...memberServices(services, meter),
    ...recipeServices(services, meter),
  }
}

/** Counts a stream while it is open. */
class GaugedStream<Response> extends WrappedStream<Response> {
  readonly #gauge: Gauge
  #isOpen = true

  constructor(inner: PullStream<Response>, gauge: Gauge) {
    super(inner)
    this.#gauge = gauge
    gauge.inc()
  }

  override close(): void {
    if (this.#isOpen) this.#gauge.dec()
    this.#isOpen = false
    super.close()
  }
}

async function* gauged<Response>(responses: AsyncIterable<Response>, gauge: Gauge): AsyncGenerator<Response> {
  gauge.inc()
  try {
    yield* responses
  } finally {
    gauge.dec()
  }
}

type MeterOf = (service: string) => ServiceMeter

function keyServices(
  { kv, watch, lease }: EtcdServices,
  meter: MeterOf,
  metrics: KvMetrics,
): Pick<EtcdServices, 'kv' | 'watch' | 'lease'> {
  const kvMeter = meter('etcdserverpb.KV')
  const leaseMeter = meter('etcdserverpb.Lease')
  const metered = meter('etcdserverpb.Watch').bidiStream('Watch', watch.watch, (response) => {
    metrics.watched(response)
  })
  const { watchStreams } = metrics
  return {
    kv: {
      range: kvMeter.unary('Range', kv.range, () => {
        metrics.ranged()
      }),
      put: kvMeter.unary('Put', kv.put, (_response, request) => {
        metrics.put(request)
      }),
      deleteRange: kvMeter.unary('DeleteRange', kv.deleteRange, () => {
        metrics.deleted()
      }),
      txn: kvMeter.unary('Txn', kv.txn, (response, request) => {
        metrics.txn(request, response)
      }),
      compact: kvMeter.unary('Compact', kv.compact),
      rangeStream: kvMeter.serverStream('RangeStream', kv.rangeStream),
    },
    watch: {
      watch: (requests, context) => {
        const responses = metered(requests, context)
        return isPullStream(responses)
          ? new GaugedStream(responses, watchStreams)
          : gauged(responses, watchStreams)
      },
    },
    lease: {
      leaseGrant: leaseMeter.unary('LeaseGrant', lease.leaseGrant, () => {
        metrics.leaseGranted()
      }),
      leaseRevoke: leaseMeter.unary('LeaseRevoke', lease.leaseRevoke, () => {
        metrics.leaseRevoked()
      }),
      leaseKeepAlive: leaseMeter.bidiStream('LeaseKeepAlive', lease.leaseKeepAlive, (response) => {
        metrics.leaseKeptAlive(response)
      }),
      leaseTimeToLive: leaseMeter.unary('LeaseTimeToLive', lease.leaseTimeToLive),
      leaseLeases: leaseMeter.unary('LeaseLeases', lease.leaseLeases),
    },
  }
}

function memberServices(
  { cluster, maintenance, auth }: EtcdServices,
  meter: MeterOf,
): Pick<EtcdServices, 'cluster' | 'maintenance' | 'auth'> {
  const clusterMeter = meter('etcdserverpb.Cluster')
  const maintenanceMeter = meter('etcdserverpb.Maintenance')
  const authMeter = meter('etcdserverpb.Auth')
  return {
    cluster: {
      memberAdd: clusterMeter.unary('MemberAdd', cluster.memberAdd),
      memberRemove: clusterMeter.unary('MemberRemove', cluster.memberRemove),
      memberUpdate: clusterMeter.unary('MemberUpdate', cluster.memberUpdate),
      memberList: clusterMeter.unary('MemberList', cluster.memberList),
      memberPromote: clusterMeter.unary('MemberPromote', cluster.memberPromote),
    },
    maintenance: {
      alarm: maintenanceMeter.unary('Alarm', maintenance.alarm),
      status: maintenanceMeter.unary('Status', maintenance.status),
      defragment: maintenanceMeter.unary('Defragment', maintenance.defragment),
      hash: maintenanceMeter.unary('Hash', maintenance.hash),
      hashKv: maintenanceMeter.unary('HashKV', maintenance.hashKv),
      snapshot: maintenanceMeter.serverStream('Snapshot', maintenance.snapshot),
      moveLeader: maintenanceMeter.unary('MoveLeader', maintenance.moveLeader),
      downgrade: maintenanceMeter.unary('Downgrade', maintenance.downgrade),
    },
    auth: {
      authStatus: authMeter.unary('AuthStatus', auth.authStatus),
      authDisable: authMeter.unary('AuthDisable', auth.authDisable),
      authenticate: authMeter.unary('Authenticate', auth.authenticate),
    },
  }
}

function recipeServices(
  { lock, election }: EtcdServices,
  meter: MeterOf,
): Pick<EtcdServices, 'lock' | 'election'> {
  const lockMeter = meter('v3lockpb.Lock')
  const electionMeter = meter('v3electionpb.Election')
  return {
    lock: { lock: lockMeter.unary('Lock', lock.lock), unlock: lockMeter.unary('Unlock', lock.unlock) },
    election: {
      campaign: electionMeter.unary('Campaign', election.campaign),
      proclaim: electionMeter.unary('Proclaim', election.proclaim),
      leader: electionMeter.unary('Leader', election.leader),
      observe: electionMeter.serverStream('Observe', election.observe),
      resign: electionMeter.unary('Resign', election.resign),
    },
  }
}
