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
import type { EtcdMetrics, EtcdServices } from '@orrery/adapter-etcd'
import type { Environment } from '@orrery/environment'
import { createGrpcServer, createReflectionService, sharePort } from '@orrery/grpc-server'
import type { Store } from '@orrery/store'
import { fastify } from 'fastify'
import type { FastifyInstance } from 'fastify'
import { formatListenAddress } from './listen-address.ts'
import type { ReferenceServerOptions } from './options.ts'
import { type HostAndPort, listenError, reachable } from './probe-port.ts'

/** What etcd's protocols are served from. */
export interface EtcdListenerDeps {
  readonly store: Store
  readonly environment: Environment
}

/** How the member appears, where it listens, and what serves gRPC there. */
export interface EtcdListenerOptions extends Pick<ReferenceServerOptions, 'grpcServer'> {
  readonly name: string
  readonly address: HostAndPort
}

/** An open port for etcd clients. */
export interface EtcdListener {
  /** URL that a client on this machine uses. */
  readonly endpoint: string
  /** Ends waiting calls, lets others finish, closes the port. */
  close(): Promise<void>
}

/** Connections that may wait to be accepted: a fleet of clients comes back at once. */
const backlog = 4_096

/** How long calls may take to finish when the server closes. Unit: ms. */
const drainMaxMs = 5_000

/**
 * Serves etcd v3 over gRPC and JSON on one port.
 *
 * @throws ServerError `SERVER_LISTEN_FAILED`
 */
export async function listenForEtcdClients(
  { store, environment }: EtcdListenerDeps,
  { name, address, grpcServer }: EtcdListenerOptions,
): Promise<EtcdListener> {
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
  const http = await createHttpServer({ store, environment }, drainable.services, metrics)

  const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure())
  const shared = sharePort(http.server, (socket) => {
    injector.injectConnection(socket)
  })
  http.addHook('preClose', () => {
    shared.close()
    return Promise.resolve()
  })

  try {
    await http.listen({ ...address, backlog })
  } catch (error) {
    grpc.forceShutdown()
    await http.close()
    throw listenError('listen-client', address, error)
  }
  const { port } = addressOf(http)
  clientUrls = [clientUrlOf({ ...address, port })]
  return {
    endpoint: `http://${formatListenAddress({ host: reachable(address.host, '127.0.0.1'), port })}`,
    close: async () => {
      drainable.stop()
      await Promise.all([http.close(), shutDown(grpc, environment)])
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
  deps: EtcdListenerDeps,
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

async function createHttpServer(
  { store, environment: { logger } }: EtcdListenerDeps,
  services: EtcdServices,
  metrics: EtcdMetrics,
): Promise<FastifyInstance> {
  const server = fastify({ forceCloseConnections: 'idle', return503OnClosing: false })
  await server.register(etcdGatewayPlugin, { services, logger })
  await server.register(etcdHealthPlugin, { store, onHealthChecked: metrics.healthChecked })
  await server.register(etcdMetricsPlugin, { metrics })

  // A connection that becomes idle only after the closing began would keep the server open.
  let closing = false
  server.addHook('preClose', () => {
    closing = true
    return Promise.resolve()
  })
  server.addHook('onResponse', () => {
    if (closing) setImmediate(() => server.server.closeIdleConnections())
    return Promise.resolve()
  })
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

function addressOf({ server }: FastifyInstance): { readonly port: number } {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address : { port: 0 }
}
