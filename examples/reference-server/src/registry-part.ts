import type { Environment } from '@orrery/environment'
import { hasCode } from '@orrery/environment'
import { createRegistry, registryErrorCodes, startInOrder } from '@orrery/registry'
import type { Registry } from '@orrery/registry'
import type { Store } from '@orrery/store'
import { storeErrorCodes } from '@orrery/store'
import { ServerError } from './errors.ts'
import { createHeartbeatWay, type HeartbeatWay } from './heartbeat-way.ts'
import type { ReferenceServerOptions } from './options.ts'
import type { HostAndPort } from './probe-port.ts'

/** What the registry lives on. */
export interface RegistryPartDeps {
  readonly store: Store
  readonly environment: Environment
  /** Where the HTTP API of this server will listen. Undefined: nowhere. */
  readonly http: HostAndPort | undefined
  /** Where other members reach the store of this one. Undefined: there are none, ever. */
  readonly peerAddress: string | undefined
}

/** The registry of a server, and how it hears of heartbeats. */
export interface RegistryPart {
  readonly registry: Registry
  /** @throws ServerError `SERVER_REGISTRY_UNAVAILABLE`; `signal.reason` */
  start(options: { readonly signal: AbortSignal }): Promise<void>
  close(): Promise<void>
}

/** Creates the registry of a server. A store of one process has one registry, which needs not be told from others. */
export function createRegistryPart(
  { store, environment, http, peerAddress }: RegistryPartDeps,
  { name, peer }: Pick<ReferenceServerOptions, 'name' | 'peer'>,
): RegistryPart {
  let way: HeartbeatWay | undefined
  if (peer !== undefined && peerAddress !== undefined) {
    way = createHeartbeatWay({ ...peer, http, peerAddress }, environment)
  }
  // Names of members need not be unique in a cluster; their ids are.
  const memberName = `${name}-${store.status().memberId.toString(16)}`
  const member = way && { name: memberName, heartbeats: way.heartbeats }
  const registry = createRegistry({ store, environment, member })
  return {
    registry,
    start: async ({ signal }) => {
      try {
        if (peer?.startsInOrder !== true) await registry.start({ signal })
        // Whoever loses his turn goes on reading all the same: it harms nobody, and beginning anew would not help.
        else
          await startInOrder({ store, environment }, { name: memberName, signal }, () =>
            registry.start({ signal }),
          )
      } catch (cause) {
        signal.throwIfAborted()
        throw unavailable(cause)
      }
    },
    close: async () => {
      await registry.close()
      await way?.close()
    },
  }
}

function unavailable(cause: unknown): unknown {
  if (!hasCode(cause, ...registryErrorCodes, ...storeErrorCodes)) return cause
  const reason = cause.message.replace(/^[A-Z_]+: /, '')
  return new ServerError('SERVER_REGISTRY_UNAVAILABLE', `the registry cannot start: ${reason}`, { cause })
}
