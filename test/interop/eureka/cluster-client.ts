import { once } from 'node:events'
import { Eureka, type EurekaInstance } from 'eureka-js-client'

declare module 'eureka-js-client' {
  interface ClientRequest {
    /** The server that is asked, as it was configured. */
    readonly baseUrl: string
  }
}

/** How a client of a cluster is made. */
export interface ClusterClientOptions {
  /** Members, the one that is asked first in front. */
  readonly urls: readonly string[]
  /** What it registers. @defaultValue nothing: it only looks */
  readonly instance?: EurekaInstance
  /** Whether it asks for changes, once it has everything. */
  readonly usesDelta: boolean
}

/** A request that a client made, or tried to. */
export interface SentRequest {
  readonly method: string
  /** The member that was asked. */
  readonly url: string
}

/** A client of eureka-js-client that knows all members of a cluster. */
export interface ClusterClient {
  readonly eureka: Eureka
  readonly requests: readonly SentRequest[]
  /** The distinct states of its own vip address that it has had in its cache since this was emptied: see {@link pictureOf}. */
  readonly pictures: Set<string>
  /** Resolves when so many more heartbeats were answered with 200; `AbortError` when they do not come soon. */
  beats(count: number): Promise<void>
  /** Deregisters, and ends. */
  stop(): Promise<void>
  /** Ends without a word, as a process does that is killed. */
  kill(): void
}

/** How long a heartbeat may be missing for the test to go on. Unit: ms. */
const beatMaxMs = 20_000

const silent = () => undefined

/** Id and status of what a client has in its cache under a vip address, in order of ids. */
export function pictureOf(eureka: Eureka, vip: string): string {
  const found = eureka.getInstancesByVipAddress(vip)
  return found
    .map(({ instanceId, status = '' }) => `${instanceId} ${status}`)
    .sort()
    .join(', ')
}

/** Starts a client, and waits until it has registered and knows what there is. */
export async function startClusterClient(options: ClusterClientOptions): Promise<ClusterClient> {
  const { urls, instance, usesDelta } = options
  const requests: SentRequest[] = []
  const pictures = new Set<string>()
  const eureka = new Eureka({
    cwd: '/nowhere',
    logger: { error: silent, warn: silent, info: silent, debug: silent },
    shouldUseDelta: usesDelta,
    requestMiddleware: (request, done) => {
      requests.push({ method: request.method ?? 'GET', url: request.baseUrl })
      // What a fetch put into the cache stays there until the next one, so no state is missed.
      if (instance !== undefined) pictures.add(pictureOf(eureka, instance.vipAddress))
      done(request)
    },
    instance: instance ?? {},
    eureka: {
      serviceUrls: { default: urls },
      registerWithEureka: instance !== undefined,
      heartbeatInterval: 1_000,
      registryFetchInterval: 1_000,
      requestRetryDelay: 500,
      filterUpInstances: false,
    },
  })
  await settled((done) => eureka.start(done))
  return {
    eureka,
    requests,
    pictures,
    beats: async (count) => {
      for (let n = 0; n < count; n++) {
        await once(eureka, 'heartbeat', { signal: AbortSignal.timeout(beatMaxMs) })
      }
    },
    stop: () => settled((done) => eureka.stop(done)),
    kill: () => {
      clearInterval(eureka.heartbeat)
      clearInterval(eureka.registryFetch)
    },
  }
}

async function settled(begin: (done: (error?: Error | null) => void) => void): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    begin((error) => {
      if (error === null || error === undefined) resolve()
      else reject(error)
    })
  })
}
