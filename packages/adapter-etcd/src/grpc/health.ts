import type { Server } from '@grpc/grpc-js'
import type { Environment } from '@orrery/environment'
import type { Store } from '@orrery/store'
import { EtcdError } from '../errors.ts'
import { grpc } from '../generated/messages.js'
import type { CallContext, ServerStream, Unary } from '../services/services.ts'
import type { GrpcService } from './add-etcd-services.ts'
import { serverStreamHandler, unaryHandler } from './handlers.ts'
import { serverStream, unary } from './method.ts'

const { HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse } = grpc.health.v1
const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = HealthCheckResponse.ServingStatus

type Request = grpc.health.v1.HealthCheckRequest
type Response = grpc.health.v1.HealthCheckResponse

/** How often a watched status is looked at. Unit: ms. */
const watchIntervalMs = 1_000

/** `grpc.health.v1.Health` */
export const healthDefinition = {
  Check: unary('/grpc.health.v1.Health/Check', {
    request: HealthCheckRequest,
    response: HealthCheckResponse,
  }),
  List: unary('/grpc.health.v1.Health/List', { request: HealthListRequest, response: HealthListResponse }),
  Watch: serverStream('/grpc.health.v1.Health/Watch', {
    request: HealthCheckRequest,
    response: HealthCheckResponse,
  }),
}

/** What the health of a server is read from. */
export interface HealthDeps {
  readonly store: Pick<Store, 'status'>
  readonly environment: Pick<Environment, 'clock'>
}

/** The gRPC health protocol, version 1. There is one service, the server itself: it serves while its store does. */
export function healthService(deps: HealthDeps): GrpcService {
  const current = (): number => (deps.store.status().state === 'open' ? SERVING : NOT_SERVING)
  const check: Unary<Request, Response> = ({ service }) => {
    if (service) return Promise.reject(new EtcdError('ETCD_UNKNOWN_SERVICE'))
    return Promise.resolve({ status: current() })
  }
  const watch: ServerStream<Request, Response> = ({ service }, context) =>
    follow(deps, service ? () => SERVICE_UNKNOWN : current, context)
  return {
    definition: healthDefinition,
    implementation: {
      Check: unaryHandler(check),
      List: unaryHandler(() => Promise.resolve({ statuses: { '': { status: current() } } })),
      Watch: serverStreamHandler(watch),
    },
  }
}

/** Adds {@link healthService} to a server that the host owns. */
export function addHealthService(server: Pick<Server, 'addService'>, deps: HealthDeps): void {
  const { definition, implementation } = healthService(deps)
  server.addService(definition, implementation)
}

/** Gives a status, and each that differs from the one before. */
async function* follow(
  { environment }: HealthDeps,
  current: () => number,
  { signal }: CallContext,
): AsyncGenerator<Response, void, undefined> {
  for (let sent: number | undefined; !signal.aborted; ) {
    const status = current()
    if (status !== sent) yield { status }
    sent = status
    await new Promise<void>((resolve) => {
      const settle = (): void => {
        timer.cancel()
        signal.removeEventListener('abort', settle)
        resolve()
      }
      const timer = environment.clock.setTimer(watchIntervalMs, settle)
      signal.addEventListener('abort', settle)
    })
  }
}
