import { hostname } from 'node:os'
import type { Environment, Timer } from '@orrery/environment'
import { registerSelf } from '@orrery/registry'
import type { Registry } from '@orrery/registry'
import type { ClientAddresses, ClientProtocol } from './client-listeners.ts'
import { reachable } from './probe-port.ts'

/** Where they are registered. */
export interface OwnServicesDeps {
  readonly registry: Pick<Registry, 'register' | 'heartbeat' | 'deregister'>
  readonly environment: Environment
}

/** What is registered. */
export interface OwnServicesOptions {
  /** Of this server. */
  readonly name: string
  /** Where it listens. */
  readonly addresses: ClientAddresses
  /** The configuration hub is served over HTTP, too. */
  readonly hasConfigHub: boolean
}

/** The own listeners of a server, as long as they are registered. */
export interface OwnServices {
  /** Takes them away again. */
  close(): Promise<void>
}

interface OwnService {
  readonly listener: ClientProtocol
  readonly service: string
  readonly protocol: string
}

/** What listeners are called as services. */
const services: readonly OwnService[] = [
  { listener: 'client', service: 'etcd', protocol: 'grpc' },
  { listener: 'eureka', service: 'eureka', protocol: 'http' },
  { listener: 'http', service: 'registry', protocol: 'http' },
]

const configService: OwnService = { listener: 'http', service: 'config', protocol: 'http' }

/** Unit: ms. */
const retryMs = 5_000

/**
 * Registers the listeners of this server as services. A server serves without that too, so a failure is logged, and it
 * is tried again.
 */
export async function registerOwnServices(
  deps: OwnServicesDeps,
  { name, addresses, hasConfigHub }: OwnServicesOptions,
): Promise<OwnServices> {
  const { clock, logger } = deps.environment
  const ending = new AbortController()
  const offered = hasConfigHub ? [...services, configService] : services
  const own = offered.flatMap(({ listener, service, protocol }) => {
    const address = addresses[listener]
    if (address === undefined) return []
    const host = reachable(address.host, hostname())
    return [{ service, protocol, host, port: address.port, metadata: { member: name } }]
  })
  let timer: Timer | undefined
  let attempt: Promise<OwnServices | undefined> = Promise.resolve(undefined)
  const register = async (): Promise<OwnServices | undefined> => {
    try {
      return await registerSelf(deps, own, { signal: ending.signal })
    } catch (error) {
      if (ending.signal.aborted) return undefined
      logger.warn('the own listeners could not be registered, tries again', { error, retryMs })
      timer = clock.setTimer(retryMs, () => {
        attempt = register()
      })
      return undefined
    }
  }
  attempt = register()
  await attempt
  return {
    close: async () => {
      timer?.cancel()
      ending.abort()
      await (await attempt)?.close()
    },
  }
}
