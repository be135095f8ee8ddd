import type { AddressInfo } from 'node:net'
import { createManualEnvironment, type ManualEnvironment } from '@orrery/environment/testing'
import { createRegistry, type Registry, type RegistryOptions } from '@orrery/registry'
import { createMemoryStore, type Store } from '@orrery/store'
import { fastify, type FastifyInstance, type InjectOptions } from 'fastify'
import { registryApiPlugin } from '../src/plugin.ts'
import type { RegistryApiOptions } from '../src/options.ts'

/** A server with the API of a registry, whose time a test moves. */
export interface Api extends AsyncDisposable {
  readonly app: FastifyInstance
  readonly registry: Registry
  readonly store: Store
  readonly environment: ManualEnvironment
  /** Moves time in small steps, and lets everything happen that it leads to. */
  pass(ms: number): Promise<void>
  /** Sends a request without a socket. */
  call(method: Method, url: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
  /** Listens on a port of the loopback. @returns its origin */
  listen(): Promise<string>
}

export type Method = 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE' | 'HEAD'

/** What a test looks at of an answer. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | number | string[] | undefined>>
  readonly text: string
  /** The body, of JSON. */
  readonly json: unknown
}

/** How {@link startApi} sets up. */
export interface ApiSetup {
  readonly options?: Omit<Partial<RegistryApiOptions>, 'registry' | 'environment'>
  readonly registryOptions?: RegistryOptions
  readonly environment?: ManualEnvironment
  /** Adds what the host brings along, before the plugin. */
  readonly host?: (app: FastifyInstance) => void | Promise<void>
  readonly prefix?: string
  /** What the plugin sees differently of the registry. */
  readonly overrides?: Partial<Registry>
  /** The registry is left as it is created. */
  readonly isUnstarted?: boolean
}

/** Lets promises that are ready, and sockets, run. */
export async function settle(turns = 20): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}

/** Waits for something that sockets bring about. The runner's own time limit ends it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise<void>((resolve) => setImmediate(resolve))
}

/** Settles a promise that needs the manual clock's deferred work. */
export async function during<T>(environment: ManualEnvironment, promise: Promise<T>): Promise<T> {
  let isOver = false
  const watched = promise.finally(() => (isOver = true))
  watched.catch(() => {})
  await until(() => {
    environment.clock.runDeferred()
    return isOver
  })
  return await watched
}

export async function startApi(setup: ApiSetup = {}): Promise<Api> {
  const environment = setup.environment ?? createManualEnvironment()
  const store = createMemoryStore({ environment })
  const registry = createRegistry({ store, environment }, setup.registryOptions)
  if (setup.isUnstarted !== true) await during(environment, registry.start())
  const app = fastify({ routerOptions: { maxParamLength: 256 } })
  await setup.host?.(app)
  await app.register(registryApiPlugin, {
    registry: overridden(registry, setup.overrides ?? {}),
    environment,
    ...setup.options,
    ...(setup.prefix === undefined ? {} : { prefix: setup.prefix }),
  })
  await app.ready()
  return {
    app,
    registry,
    store,
    environment,
    pass: async (ms) => {
      for (let passed = 0; passed < ms; passed += 50) {
        environment.clock.advance(Math.min(50, ms - passed))
        await settle(3)
        environment.clock.runDeferred()
      }
      await settle(3)
    },
    call: (method, url, body, headers) => inject(app, { method, url, headers: headers ?? {} }, body),
    listen: async () => {
      await app.listen({ port: 0, host: '127.0.0.1' })
      return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
    },
    [Symbol.asyncDispose]: async () => {
      await during(environment, app.close())
      await during(environment, registry.close())
      await during(environment, store.close())
    },
  }
}

async function inject(app: FastifyInstance, options: InjectOptions, body: unknown): Promise<Answer> {
  const isText = typeof body === 'string'
  const { statusCode, headers, payload } = await app.inject({
    ...options,
    ...(body === undefined ? {} : { payload: isText ? body : JSON.stringify(body) }),
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...options.headers },
  })
  return {
    status: statusCode,
    headers,
    text: payload,
    get json(): unknown {
      return JSON.parse(payload) as unknown
    },
  }
}

/** The path of a service. */
export const shop = '/v1/namespaces/default/services/shop'

/** Registers instances of the shop. */
export async function registerShop(api: Api, ...ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const answer = await api.call('POST', `${shop}/instances`, { id, host: '10.0.0.1', port: 8080 })
    if (answer.status >= 300) throw new Error(answer.text)
  }
}

/** The same registry, but for some of its members. */
function overridden(registry: Registry, overrides: Partial<Registry>): Registry {
  return new Proxy(registry, {
    get: (target, name) => {
      if (Object.hasOwn(overrides, name)) return Reflect.get(overrides, name) as unknown
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}
