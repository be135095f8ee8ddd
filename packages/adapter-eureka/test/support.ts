import { createManualEnvironment, type ManualEnvironment } from '@orrery/environment/testing'
import { createRegistry, type InstanceSpec, type Registry, type RegistryOptions } from '@orrery/registry'
import { createMemoryStore, type Store } from '@orrery/store'
import { fastify, type FastifyInstance, type InjectOptions, type LightMyRequestResponse } from 'fastify'
import { eurekaPlugin } from '../src/eureka-plugin.ts'
import type { EurekaOptions } from '../src/options.ts'

/** A server of Eureka whose time a test moves. */
export interface ManualServer extends AsyncDisposable {
  readonly app: FastifyInstance
  readonly registry: Registry
  readonly store: Store
  readonly environment: ManualEnvironment
  request(options: InjectOptions): Promise<LightMyRequestResponse>
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<LightMyRequestResponse>
  put(path: string, headers?: Readonly<Record<string, string>>): Promise<LightMyRequestResponse>
  remove(path: string): Promise<LightMyRequestResponse>
  /** Registers an instance in JSON. */
  register(
    app: string,
    id: string,
    fields?: Readonly<Record<string, unknown>>,
  ): Promise<LightMyRequestResponse>
  /** JSON of a GET. */
  json(path: string): Promise<Json>
  /** Waits for something of the registry. */
  wait<T>(promise: Promise<T>): Promise<T>
  /** Moves time in small steps, and lets everything happen that it leads to. */
  pass(ms: number): Promise<void>
}

/** What a body may be, for tests that look into it. */
export interface Json {
  readonly applications: Applications
  readonly application: Application
  readonly instance: Readonly<Record<string, unknown>>
  readonly [key: string]: unknown
}

export interface Applications {
  readonly versions__delta: string
  readonly apps__hashcode: string
  readonly application: readonly Application[]
}

export interface Application {
  readonly name: string
  readonly instance: readonly Readonly<Record<string, unknown>>[]
}

export async function startServer(
  options: Partial<EurekaOptions> = {},
  registryOptions: RegistryOptions = {},
): Promise<ManualServer> {
  const environment = createManualEnvironment()
  environment.clock.shiftWall(1_700_000_000_000)
  const store = createMemoryStore({ environment })
  const registry = createRegistry({ store, environment }, registryOptions)
  await during(environment, registry.start())
  const app = fastify()
  await app.register(eurekaPlugin, { registry, environment, ...options })
  await app.ready()
  const request = (given: InjectOptions): Promise<LightMyRequestResponse> =>
    during(environment, app.inject(given))
  const get: ManualServer['get'] = (path, headers = { accept: 'application/json' }) =>
    request({ method: 'GET', url: `/eureka/${path}`, headers })
  return {
    app,
    registry,
    store,
    environment,
    request,
    get,
    put: (path, headers = {}) => request({ method: 'PUT', url: `/eureka/${path}`, headers }),
    remove: (path) => request({ method: 'DELETE', url: `/eureka/${path}` }),
    register: (name, id, fields = {}) =>
      request({
        method: 'POST',
        url: `/eureka/apps/${name}`,
        payload: { instance: fieldsOf(name, id, fields) },
      }),
    json: async (path) => (await get(path)).json<Json>(),
    wait: (promise) => during(environment, promise),
    pass: (ms) => passTime(environment, ms),
    [Symbol.asyncDispose]: async () => {
      await during(environment, app.close())
      await during(environment, registry.close())
      await during(environment, store.close())
    },
  }
}

/** What a client sends of an instance. */
export function fieldsOf(
  app: string,
  id: string,
  fields: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return {
    instanceId: id,
    hostName: `${id}.example`,
    app,
    ipAddr: '10.0.0.1',
    status: 'UP',
    port: { $: 8080, '@enabled': 'true' },
    securePort: { $: 8443, '@enabled': 'false' },
    dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' },
    leaseInfo: { renewalIntervalInSecs: 30, durationInSecs: 90 },
    metadata: { color: 'red' },
    vipAddress: app.toLowerCase(),
    lastDirtyTimestamp: '1000',
    ...fields,
  }
}

/** What another protocol registers. */
export function spec(changes: Partial<InstanceSpec> = {}): InstanceSpec {
  return { namespace: 'default', service: 'shop', id: 'a', host: '10.0.0.9', port: 9090, ...changes }
}

/** Settles a promise that needs the manual clock's deferred work. */
export async function during<T>(environment: ManualEnvironment, promise: PromiseLike<T>): Promise<T> {
  let isOver = false
  const watched = Promise.resolve(promise).finally(() => (isOver = true))
  watched.catch(() => undefined)
  const runUntilOver = async (): Promise<void> => {
    for (let turn = 0; turn < 100_000; turn++) {
      environment.clock.runDeferred()
      await new Promise<void>((resolve) => setImmediate(resolve))
      if (isOver) return
    }
  }
  await runUntilOver()
  return await watched
}

async function passTime(environment: ManualEnvironment, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    environment.clock.advance(Math.min(50, ms - passed))
    for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
    environment.clock.runDeferred()
  }
  for (let turn = 0; turn < 10; turn++) {
    environment.clock.runDeferred()
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
}
