import { eurekaPlugin } from '@orrery/adapter-eureka'
import type { ConfigHub } from '@orrery/config-hub'
import { configApiPlugin, registryApiPlugin } from '@orrery/http-api'
import type { Registry } from '@orrery/registry'
import type { Store } from '@orrery/store'
import { listenForEtcdClients } from './etcd-listener.ts'
import {
  closeHttpServer,
  createHttpServer,
  endpointOf,
  listenHttp,
  type Listener,
  type ListenerDeps,
} from './http-listener.ts'
import type { OptionName, ReferenceServerOptions } from './options.ts'
import { type HostAndPort, probePort } from './probe-port.ts'

/** What clients may speak. */
export type ClientProtocol = 'client' | 'eureka' | 'http'

/** Where clients connect, by what they speak; absent for what is off. */
export type ClientAddresses = Readonly<Partial<Record<ClientProtocol, HostAndPort>>>

/** What clients are served from. */
export interface ClientListenerDeps extends ListenerDeps {
  readonly store: Store
  /** Undefined: nobody asks for it. */
  readonly registry: Registry | undefined
  /** Undefined: there is none. */
  readonly configHub: ConfigHub | undefined
}

/** A listener that can be opened. */
export interface ClosedListener {
  readonly protocol: ClientProtocol
  /** @throws ServerError `SERVER_LISTEN_FAILED` */
  open(): Promise<Listener>
}

/**
 * Finds out where clients will connect, before there is anything to serve: others are told of it.
 *
 * @throws ServerError `SERVER_LISTEN_FAILED`
 */
export async function probeClientAddresses(options: ReferenceServerOptions): Promise<ClientAddresses> {
  const { listenClient, listenEureka, listenHttp: listenApi } = options
  return {
    ...(listenClient === 'off' ? {} : { client: await probePort('listen-client', listenClient) }),
    ...(listenEureka === 'off' ? {} : { eureka: await probePort('listen-eureka', listenEureka) }),
    ...(listenApi === 'off' ? {} : { http: await probePort('listen-http', listenApi) }),
  }
}

/** All listeners that are not off, in the order in which they are to be opened. */
export function clientListeners(
  deps: ClientListenerDeps,
  { name, grpcServer, eurekaNamespace, peer }: ReferenceServerOptions,
  addresses: ClientAddresses,
): readonly ClosedListener[] {
  const { client, eureka, http } = addresses
  const { registry, configHub, environment, limits } = deps
  const listeners: ClosedListener[] = []
  if (client !== undefined) {
    const open = (): Promise<Listener> => listenForEtcdClients(deps, { name, address: client, grpcServer })
    listeners.push({ protocol: 'client', open })
  }
  if (registry === undefined) return listeners
  if (eureka !== undefined) {
    const open = async (): Promise<Listener> => {
      const server = createHttpServer('eureka', limits)
      await server.register(eurekaPlugin, { registry, environment, namespace: eurekaNamespace })
      return await opened(server, { deps, option: 'listen-eureka', address: eureka })
    }
    listeners.push({ protocol: 'eureka', open })
  }
  if (http !== undefined) {
    const open = async (): Promise<Listener> => {
      const server = createHttpServer('http', limits)
      const forwardedHeartbeats = peer !== undefined && peer.heartbeatRedis === undefined
      await server.register(registryApiPlugin, {
        registry,
        environment,
        connectionLimits: limits,
        forwardedHeartbeats,
      })
      if (configHub !== undefined) {
        // Whoever asks is known by his address, and by nothing else.
        const actorOf = ({ ip }: { readonly ip: string }): string => ip
        await server.register(configApiPlugin, { hub: configHub, environment, actorOf })
      }
      return await opened(server, { deps, option: 'listen-http', address: http })
    }
    listeners.push({ protocol: 'http', open })
  }
  return listeners
}

interface OpenOptions {
  readonly deps: ListenerDeps
  readonly option: OptionName
  readonly address: HostAndPort
}

async function opened(
  server: ReturnType<typeof createHttpServer>,
  { deps, option, address }: OpenOptions,
): Promise<Listener> {
  const port = await listenHttp(server, option, address)
  return {
    endpoint: endpointOf({ ...address, port }),
    close: () => closeHttpServer(server, deps.environment),
  }
}
