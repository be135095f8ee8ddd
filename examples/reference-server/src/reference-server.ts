import type { ConfigHub, KeyPort } from '@orrery/config-hub'
import type { Environment } from '@orrery/environment'
import { systemEnvironment } from '@orrery/environment/system'
import type { Registry } from '@orrery/registry'
import type { Store } from '@orrery/store'
import { startAutoCompaction } from '@orrery/store'
import { createClientLimits } from './client-limits.ts'
import {
  type ClientAddresses,
  type ClientProtocol,
  clientListeners,
  probeClientAddresses,
} from './client-listeners.ts'
import { createConfigPart, openConfigKeys } from './config-part.ts'
import { clientUrlOf } from './etcd-listener.ts'
import type { ReferenceServerOptions } from './options.ts'
import { registerOwnServices } from './own-services.ts'
import { createRegistryPart } from './registry-part.ts'
import { openServerStore, type ServerStore } from './server-store.ts'
import { StartedParts } from './started-parts.ts'

/** An assembled server. */
export interface ReferenceServer extends AsyncDisposable {
  /**
   * Opens the store, waits until it can serve (a member of a cluster: until there is a leader), starts the registry and
   * the configuration hub, then opens the listeners. What was opened is closed again when a later part fails, or `close`
   * is called meanwhile.
   *
   * @throws ServerError `SERVER_STORE_UNAVAILABLE`, `SERVER_REGISTRY_UNAVAILABLE`, `SERVER_CONFIG_HUB_UNAVAILABLE`,
   * `SERVER_LISTEN_FAILED`, `SERVER_OPTION_INVALID`, `SERVER_CLOSED`
   */
  start(): Promise<void>
  /**
   * Where clients connect, and where other members do (host and port), as soon as that is known; absent for what
   * is off.
   */
  readonly endpoints: Readonly<Partial<Record<ClientProtocol | 'peer', string>>>
  /** Drains and closes everything in reverse order. Safe to call twice, and before `start`. */
  close(): Promise<void>
}

/**
 * Wires the parts of Orrery into a server. It owns nothing of the process: several run side by side.
 *
 * @param environment clock, randomness and logger of all parts
 */
export function createReferenceServer(
  options: ReferenceServerOptions,
  environment: Environment = systemEnvironment(),
): ReferenceServer {
  const parts = new StartedParts()
  let endpoints: ReferenceServer['endpoints'] = {}
  const found = (more: ReferenceServer['endpoints']): void => {
    endpoints = { ...endpoints, ...more }
  }

  return {
    start: async () => {
      try {
        const keys = await openConfigKeys(options.configHub?.keyFile)
        if (keys !== undefined) parts.add(keys)
        const addresses = await probeClientAddresses(options)
        const { store, peerAddress } = await startStore({ options, environment, parts, found }, addresses)
        const registry = await startRegistry(
          { options, environment, parts },
          { store, peerAddress, addresses },
        )
        const configHub = await startConfigHub({ options, environment, parts }, { store, keys })
        const limits = createClientLimits(options.connectionLimits, environment)
        for (const listener of clientListeners(
          { store, registry, configHub, environment, limits },
          options,
          addresses,
        )) {
          const { endpoint } = parts.add(await listener.open())
          found({ [listener.protocol]: endpoint })
        }
        // Before clients are turned away: they need a leader elsewhere.
        parts.add({ close: () => handOver(store, environment) })
        if (registry === undefined || !options.hasSelfRegistration) return
        const own = { name: options.name, addresses, hasConfigHub: configHub !== undefined }
        parts.add(await registerOwnServices({ registry, environment }, own))
      } catch (error) {
        await parts.closeAfterFailure()
        throw error
      }
    },
    get endpoints() {
      return endpoints
    },
    close: () => parts.close(),
    [Symbol.asyncDispose]: () => parts.close(),
  }
}

/** What every step of starting has. */
interface Starting {
  readonly options: ReferenceServerOptions
  readonly environment: Environment
  readonly parts: StartedParts
}

/** Opens the store, and waits until it can serve. */
async function startStore(
  { options, environment, parts, found }: Starting & { readonly found: (endpoint: { peer: string }) => void },
  { client }: ClientAddresses,
): Promise<Omit<ServerStore, 'servable'>> {
  const clientUrls = client === undefined ? [] : [clientUrlOf(client)]
  parts.signal.throwIfAborted()
  const { store, peerAddress, servable } = await openServerStore(options, clientUrls, environment)
  parts.add(store)
  if (peerAddress !== undefined) {
    found({ peer: peerAddress })
    environment.logger.info('other members are welcome', { peerAddress })
  }
  await servable
  parts.signal.throwIfAborted()
  if (options.autoCompaction !== undefined) {
    const compaction = startAutoCompaction({ store, environment }, options.autoCompaction)
    parts.add({
      close: () => {
        compaction.stop()
        return Promise.resolve()
      },
    })
  }
  return { store, peerAddress }
}

/** Starts the registry, unless nobody could ask for it. */
async function startRegistry(
  { options, environment, parts }: Starting,
  { store, peerAddress, addresses }: Omit<ServerStore, 'servable'> & { readonly addresses: ClientAddresses },
): Promise<Registry | undefined> {
  const { eureka, http } = addresses
  if (eureka === undefined && http === undefined) return undefined
  const part = parts.add(createRegistryPart({ store, environment, http, peerAddress }, options))
  await part.start(parts)
  return part.registry
}

/** Starts the configuration hub, if there shall be one. */
async function startConfigHub(
  { options, environment, parts }: Starting,
  { store, keys }: { readonly store: Store; readonly keys: KeyPort | undefined },
): Promise<ConfigHub | undefined> {
  if (options.configHub === undefined) return undefined
  const part = parts.add(createConfigPart({ store, environment, keys }, options.configHub))
  await part.start(parts)
  return part.hub
}

/** Lets another member lead, so that nobody has to find out that this one is gone. */
async function handOver(store: Store, { logger }: Environment): Promise<void> {
  const { state, leaderId, memberId } = store.status()
  if (state !== 'open' || leaderId !== memberId) return
  try {
    const members = await store.cluster.members({ serializable: true })
    if (members.length > 1) await store.cluster.transferLeadership('any')
  } catch (error) {
    logger.warn('leadership was not handed over', { error })
  }
}
