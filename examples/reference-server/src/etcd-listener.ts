import { hostname } from 'node:os'
import { Server, ServerCredentials } from '@grpc/grpc-js'
import {
  addEtcdServices,
  addHealthService,
  createDrainableServices,
  createEtcdMetrics,
  etcdFileDescriptors,
  etcdGatewayPlugin,
  etcdHealthPlugin,
  etcdMetricsPlugin,
  etcdServerOptions,
  etcdServices,
} from '@orrery/adapter-etcd'
import type { EtcdServices } from '@orrery/adapter-etcd'
import type { Environment } from '@orrery/environment'
import { createGrpcServer, createReflectionService, sharePort } from '@orrery/grpc-server'
import type { Store } from '@orrery/store'
import {
  closeHttpServer,
  createHttpServer,
  drainMaxMs,
  endpointOf,
  listenHttp,
  type Listener,
  type ListenerDeps,
} from './http-listener.ts'
import { formatListenAddress } from './listen-address.ts'
import type { ReferenceServerOptions } from './options.ts'
import { type HostAndPort, reachable } from './probe-port.ts'

/** What etcd's protocols are served from. */
export interface EtcdListenerDeps extends ListenerDeps {
  readonly store: Store
}

/** How the member appears, where it listens, and what serves gRPC there. */
export interface EtcdListenerOptions extends Pick<ReferenceServerOptions, 'grpcServer'> {
  readonly name: string
  readonly address: HostAndPort
}

/**
 * Serves etcd v3 over gRPC and JSON on one port.
 *
 * @throws ServerError `SERVER_LISTEN_FAILED`
 */
export async function listenForEtcdClients(
  { store, environment, limits }: EtcdListenerDeps,
  { name, address, grpcServer }: EtcdListenerOptions,
): Promise<Listener> {
  let clientUrls: readonly string[] = []
  const member = {
    name,
    // Known when the port is.
    get clientUrls() {
      return clientUrls
    },
  }
  const metrics = createEtcdMetrics({ store })
  const drainable = createDrainableServices(metrics.meter(etcdServices({ store, environment, member })))
  const grpc = startGrpcServer({ store, environment }, drainable.services, grpcServer)
  const { logger } = environment
  const http = createHttpServer('etcd', limits)
  await http.register(etcdGatewayPlugin, { services: drainable.services, logger })
  await http.register(etcdHealthPlugin, { store, onHealthChecked: metrics.healthChecked })
  await http.register(etcdMetricsPlugin, { metrics })

  const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure())
  const shared = sharePort(http.server, (socket) => {
    injector.injectConnection(socket)
  })
  http.addHook('preClose', () => {
    shared.close()
    return Promise.resolve()
  })

  let port: number
  try {
    port = await listenHttp(http, 'listen-client', address)
  } catch (error) {
    grpc.forceShutdown()
    throw error
  }
  clientUrls = [clientUrlOf({ ...address, port })]
  return {
    endpoint: endpointOf({ ...address, port }),
    close: async () => {
      drainable.stop()
      await Promise.all([closeHttpServer(http, environment), shutDown(grpc, environment)])
    },
  }
}

/** Where clients on other machines connect. */
export function clientUrlOf({ host, port }: HostAndPort): string {
  return `http://${formatListenAddress({ host: reachable(host, hostname()), port })}`
}

/** What is used of a server: both have it. */
type GrpcServer = Pick<Server, 'addService' | 'createConnectionInjector' | 'tryShutdown' | 'forceShutdown'>

function startGrpcServer(
  deps: { readonly store: Store; readonly environment: Environment },
  services: EtcdServices,
  kind: ReferenceServerOptions['grpcServer'],
): GrpcServer {
  const options = etcdServerOptions()
  const server: GrpcServer =
    kind === 'grpc-js' ? new Server(options) : createGrpcServer({ ...options, environment: deps.environment })
  addEtcdServices(server, services)
  addHealthService(server, deps)
  for (const { definition, implementation } of createReflectionService({
    fileDescriptors: etcdFileDescriptors(),
  }).definitions) {
    server.addService(definition, implementation)
  }
  return server
}

/** Lets calls finish, for a while. */
function shutDown(server: GrpcServer, { clock, logger }: Environment): Promise<void> {
  return new Promise((resolve) => {
    const deadline = clock.setTimer(drainMaxMs, () => {
      logger.warn('calls did not finish in time and were cut off', { drainMaxMs })
      server.forceShutdown()
    })
    server.tryShutdown(() => {
      deadline.cancel()
      resolve()
    })
  })
}
