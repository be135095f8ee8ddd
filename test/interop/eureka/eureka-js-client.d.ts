/** What the tests use of the npm package, which brings no types along. */
declare module 'eureka-js-client' {
  import { EventEmitter } from 'node:events'

  /** An instance as the client sends it, and finds it. */
  export interface EurekaInstance {
    readonly instanceId: string
    readonly app: string
    readonly hostName: string
    readonly ipAddr: string
    readonly port: number | { readonly $: number; readonly '@enabled': boolean | string }
    readonly vipAddress: string
    readonly dataCenterInfo: { readonly '@class'?: string; readonly name: string }
    readonly status?: string
    readonly metadata?: Readonly<Record<string, string>>
    readonly leaseInfo?: { readonly renewalIntervalInSecs: number; readonly durationInSecs: number }
  }

  /** Options of the client. Units: ms. */
  export interface EurekaClientConfig {
    /** Where it looks for files with further options. */
    readonly cwd: string
    readonly logger: Readonly<Record<'error' | 'warn' | 'info' | 'debug', () => void>>
    readonly shouldUseDelta: boolean
    readonly requestMiddleware: (request: ClientRequest, done: (request: ClientRequest) => void) => void
    readonly instance: EurekaInstance | Readonly<Record<string, never>>
    readonly eureka: {
      readonly serviceUrls: { readonly default: readonly string[] }
      readonly registerWithEureka: boolean
      readonly heartbeatInterval: number
      readonly registryFetchInterval: number
      readonly requestRetryDelay: number
      readonly filterUpInstances: boolean
    }
  }

  /** A request that the client is about to make. */
  export interface ClientRequest {
    readonly method?: string
    readonly uri: string
  }

  type Done = (error?: Error | null) => void

  /** Emits `started`, `registered`, `deregistered`, `heartbeat` and `registryUpdated`. */
  export class Eureka extends EventEmitter {
    /** Timers of a client that runs. */
    readonly heartbeat: NodeJS.Timeout | undefined
    readonly registryFetch: NodeJS.Timeout | undefined
    constructor(config: EurekaClientConfig)
    start(done: Done): void
    /** Deregisters, too, if it has registered. */
    stop(done: Done): void
    getInstancesByAppId(app: string): readonly EurekaInstance[]
    getInstancesByVipAddress(vip: string): readonly EurekaInstance[]
  }
}
