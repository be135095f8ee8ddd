import {
  type sendUnaryData,
  type ServerUnaryCall,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { GrpcServerError } from '../errors.ts'
import { describeHealth } from './health-descriptor.ts'
import {
  type HealthCheckRequest,
  type HealthCheckResponse,
  type HealthDefinition,
  healthDefinition,
  type HealthListRequest,
  type HealthListResponse,
  servingStatuses,
} from './health-messages.ts'
import { WatchCall, type WatchStream } from './watch-call.ts'

/** What a host says of a service. */
export type ServingStatus = 'serving' | 'notServing'

/** What a health service starts with. */
export interface HealthServiceOptions {
  /**
   * Status by full name of the service; the empty name is the server as a whole. Names of at most 1,024
   * characters. @defaultValue `{ '': 'serving' }`
   */
  readonly statuses?: Readonly<Record<string, ServingStatus>> | undefined
}

/** The health of a server, which its host tells and its clients ask for. */
export interface HealthService {
  /** `grpc.health.v1.Health`. `fileDescriptorsOf` finds a descriptor in it, for reflection. */
  readonly definition: HealthDefinition
  readonly implementation: UntypedServiceImplementation
  /**
   * Tells what a service is, and everyone who watches it. After {@link shutDown} it changes nothing.
   *
   * @throws GrpcServerError `GRPC_SERVER_OPTION_INVALID` for a name of more than 1,024 characters
   */
  setStatus(service: string, status: ServingStatus): void
  /** From now on nothing serves any more, for good: clients go elsewhere while their calls finish. */
  shutDown(): void
}

/** Services that one `List` answers; more are `RESOURCE_EXHAUSTED` (gRFC A90). */
const listMaxServices = 100

/** Bounds what a watch of a service that nobody knows keeps. Unit: UTF-16 code units. */
const serviceNameMaxLength = 1_024

const wireStatusOf: Record<ServingStatus, number> = {
  serving: servingStatuses.SERVING,
  notServing: servingStatuses.NOT_SERVING,
}

/**
 * The health protocol of gRPC (`grpc.health.v1`). Nothing is polled: a watch hears of a change when the host
 * tells it. A watch never ends by itself, so a server that drains ends it last, or by force.
 *
 * @throws GrpcServerError `GRPC_SERVER_OPTION_INVALID`
 */
export function createHealthService(options: HealthServiceOptions = {}): HealthService {
  const statuses = new StatusBoard()
  for (const [service, status] of Object.entries(options.statuses ?? { '': 'serving' as const })) {
    statuses.set(service, status)
  }
  return {
    definition: describeHealth(healthDefinition),
    implementation: {
      Check: (call: CheckCall, callback: sendUnaryData<HealthCheckResponse>) => {
        check(statuses, call.request, callback)
      },
      List: (_call: ListCall, callback: sendUnaryData<HealthListResponse>) => {
        list(statuses, callback)
      },
      Watch: (call: WatchStream) => {
        watch(statuses, call)
      },
    },
    setStatus: (service, status) => {
      statuses.set(service, status)
    },
    shutDown: () => {
      statuses.shutDown()
    },
  }
}

type CheckCall = ServerUnaryCall<HealthCheckRequest, HealthCheckResponse>
type ListCall = ServerUnaryCall<HealthListRequest, HealthListResponse>

function check(
  statuses: StatusBoard,
  { service }: HealthCheckRequest,
  callback: sendUnaryData<HealthCheckResponse>,
): void {
  const current = statuses.get(service)
  if (current === undefined) callback({ code: status.NOT_FOUND, details: 'unknown service' })
  else callback(null, { status: current })
}

function list(statuses: StatusBoard, callback: sendUnaryData<HealthListResponse>): void {
  const all = statuses.all()
  if (all.length <= listMaxServices) {
    callback(null, { statuses: Object.fromEntries(all.map(([service, status]) => [service, { status }])) })
    return
  }
  const details = `more than ${listMaxServices} services: ask for each with Check`
  callback({ code: status.RESOURCE_EXHAUSTED, details })
}

function watch(statuses: StatusBoard, stream: WatchStream): void {
  const { service } = stream.request
  if (service.length > serviceNameMaxLength) {
    stream.emit('error', { code: status.INVALID_ARGUMENT, details: 'no service has such a long name' })
    return
  }
  const forget = statuses.watch(service, stream)
  // Whichever the server emits first; the other one finds nothing to do.
  stream.once('cancelled', forget)
  stream.once('close', forget)
}

/** Statuses by service, and who watches them. */
class StatusBoard {
  readonly #statuses = new Map<string, number>()
  readonly #watches = new Map<string, Set<WatchCall>>()
  #shutDown = false

  get(service: string): number | undefined {
    return this.#statuses.get(service)
  }

  all(): readonly (readonly [service: string, status: number])[] {
    return [...this.#statuses]
  }

  set(service: string, status: ServingStatus): void {
    if (service.length > serviceNameMaxLength) {
      const message = `the name of a service has at most ${serviceNameMaxLength} characters`
      throw new GrpcServerError('GRPC_SERVER_OPTION_INVALID', message)
    }
    if (!this.#shutDown) this.#put(service, wireStatusOf[status])
  }

  shutDown(): void {
    this.#shutDown = true
    for (const service of this.#statuses.keys()) this.#put(service, servingStatuses.NOT_SERVING)
  }

  /** Answers how to forget the watch. */
  watch(service: string, stream: WatchStream): () => void {
    const watches = this.#watches.get(service) ?? new Set()
    this.#watches.set(service, watches)
    const call = new WatchCall(stream, this.#statuses.get(service) ?? servingStatuses.SERVICE_UNKNOWN)
    watches.add(call)
    return () => {
      if (watches.delete(call) && watches.size === 0) this.#watches.delete(service)
    }
  }

  #put(service: string, status: number): void {
    this.#statuses.set(service, status)
    for (const call of this.#watches.get(service) ?? []) call.push(status)
  }
}
