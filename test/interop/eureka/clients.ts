import { once } from 'node:events'
import { Eureka, type EurekaInstance } from 'eureka-js-client'
import type { EurekaServer } from './server.ts'

/** How a client is made. */
export interface ClientOptions {
  /** What it registers. @defaultValue nothing: it only looks */
  readonly instance?: EurekaInstance
  /** Whether it asks for changes, once it has everything. @defaultValue `true` */
  readonly usesDelta?: boolean
}

/** A client of eureka-js-client that has started, and what it has asked its server for. */
export interface Client {
  readonly eureka: Eureka
  /** Method and path of each request, below that of the applications. */
  readonly requests: readonly string[]
  /** Status by host name, as the client knows the instances of an application. */
  statuses(app: string): Readonly<Record<string, string | undefined>>
  /** Resolves with the next event of a name; `AbortError` when it does not come soon. */
  next(event: 'registered' | 'deregistered' | 'heartbeat' | 'registryUpdated'): Promise<void>
  /** Deregisters, and ends. */
  stop(): Promise<void>
  /** Ends without a word, as a process does that is killed. */
  kill(): void
}

const silent = () => undefined

/** Starts a client, and waits until it has registered and knows what there is. */
export async function startClient(server: EurekaServer, options: ClientOptions = {}): Promise<Client> {
  const { instance, usesDelta = true } = options
  const requests: string[] = []
  const eureka = new Eureka({
    cwd: '/nowhere',
    logger: { error: silent, warn: silent, info: silent, debug: silent },
    shouldUseDelta: usesDelta,
    requestMiddleware: (request, done) => {
      requests.push(`${request.method ?? 'GET'} ${request.uri}`)
      done(request)
    },
    instance: instance ?? {},
    eureka: {
      serviceUrls: { default: [server.url] },
      registerWithEureka: instance !== undefined,
      heartbeatInterval: 200,
      registryFetchInterval: 100,
      requestRetryDelay: 50,
      filterUpInstances: false,
    },
  })
  const kill = (): void => {
    clearInterval(eureka.heartbeat)
    clearInterval(eureka.registryFetch)
  }
  await settled((done) => eureka.start(done))
  return {
    eureka,
    requests,
    statuses: (app) =>
      Object.fromEntries(eureka.getInstancesByAppId(app).map(({ hostName, status }) => [hostName, status])),
    next: async (event) => {
      await once(eureka, event, { signal: AbortSignal.timeout(30_000) })
    },
    stop: () => settled((done) => eureka.stop(done)),
    kill,
  }
}

/** An instance as the package's users write it. */
export function instanceOf(id: string, changes: Partial<EurekaInstance> = {}): EurekaInstance {
  return {
    instanceId: id,
    app: 'shop',
    hostName: `${id}.example`,
    ipAddr: '127.0.0.1',
    port: { $: 8080, '@enabled': true },
    vipAddress: 'shop.example',
    dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' },
    ...changes,
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
