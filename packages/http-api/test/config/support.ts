import type { AddressInfo } from 'node:net'
import {
  type ConfigHub,
  type ConfigHubOptions,
  createConfigHub,
  createLocalKeyPort,
  type KeyPort,
} from '@orrery/config-hub'
import { createManualEnvironment, type ManualEnvironment } from '@orrery/environment/testing'
import { createMemoryStore, type Store } from '@orrery/store'
import { fastify, type FastifyInstance } from 'fastify'
import { type ConfigApiOptions, configApiPlugin } from '../../src/index.ts'
import { during, settle } from '../support.ts'

/** A server with the API of a hub, whose time a test moves. */
export interface ConfigApi extends AsyncDisposable {
  readonly app: FastifyInstance
  readonly hub: ConfigHub
  readonly store: Store
  readonly environment: ManualEnvironment
  /** Moves time in small steps, and lets everything happen that it leads to. */
  pass(ms: number): Promise<void>
  /** Sends a request without a socket. */
  call(method: Method, url: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
  /** Waits for something that sockets bring about, while deferred work has its turns. */
  until(condition: () => boolean): Promise<void>
  /** Listens on a port of the loopback. @returns its origin */
  listen(): Promise<string>
}

export type Method = 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE' | 'HEAD'

/** What a test looks at of an answer. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | number | string[] | undefined>>
  readonly text: string
  readonly bytes: Buffer
  /** The body, of JSON. */
  readonly json: unknown
}

/** How {@link startConfigApi} sets up. */
export interface ConfigApiSetup {
  readonly options?: Omit<Partial<ConfigApiOptions>, 'hub' | 'environment'>
  readonly hubOptions?: ConfigHubOptions
  readonly keys?: KeyPort
  /** What the hub sees differently of the store. */
  readonly seenBy?: (store: Store) => Store
  /** Adds what the host brings along, before the plugin. */
  readonly host?: (app: FastifyInstance) => void | Promise<void>
  readonly prefix?: string
  /** What the plugin sees differently of the hub. */
  readonly overrides?: (hub: ConfigHub) => Partial<ConfigHub>
  /** The hub is left as it is created. */
  readonly isUnstarted?: boolean
}

/** Keys for encrypted files. */
export function testKeys(): KeyPort {
  return createLocalKeyPort({ keys: { one: new Uint8Array(32).fill(1) }, current: 'one' })
}

export async function startConfigApi(setup: ConfigApiSetup = {}): Promise<ConfigApi> {
  const environment = createManualEnvironment()
  const store = createMemoryStore({ environment })
  const seen = setup.seenBy?.(store) ?? store
  const hub = createConfigHub({ store: seen, environment, keys: setup.keys }, setup.hubOptions)
  if (setup.isUnstarted !== true) await during(environment, hub.start())
  const app = fastify({ routerOptions: { maxParamLength: 256 } })
  await setup.host?.(app)
  await app.register(configApiPlugin, {
    hub: overridden(hub, setup.overrides?.(hub) ?? {}),
    environment,
    ...setup.options,
    ...(setup.prefix === undefined ? {} : { prefix: setup.prefix }),
  })
  await app.ready()
  return {
    app,
    hub,
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
    call: (method, url, body, headers = {}) =>
      during(environment, inject(app, { method, url, body, headers })),
    until: async (condition) => {
      while (!condition()) {
        environment.clock.runDeferred()
        await new Promise<void>((resolve) => setImmediate(resolve))
      }
    },
    listen: async () => {
      await app.listen({ port: 0, host: '127.0.0.1' })
      return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
    },
    [Symbol.asyncDispose]: async () => {
      await during(environment, app.close())
      await during(environment, hub.close())
      await during(environment, store.close())
    },
  }
}

interface Request {
  readonly method: Method
  readonly url: string
  readonly body: unknown
  readonly headers: Record<string, string>
}

async function inject(app: FastifyInstance, { method, url, body, headers }: Request): Promise<Answer> {
  const isRaw = typeof body === 'string' || Buffer.isBuffer(body)
  const { statusCode, rawPayload, ...answer } = await app.inject({
    method,
    url,
    ...(body === undefined ? {} : { payload: isRaw ? body : JSON.stringify(body) }),
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
  })
  const text = rawPayload.toString()
  return {
    status: statusCode,
    headers: answer.headers,
    text,
    bytes: rawPayload,
    get json(): unknown {
      return JSON.parse(text) as unknown
    },
  }
}

/** The path of a group. */
export const group = '/config/v1/namespaces/default/groups/shop'

/** The path of a file of it. */
export function fileAt(name: string): string {
  return `${group}/files/${encodeURIComponent(name)}`
}

/** A file of it. */
export const file = fileAt('app.yaml')

/** The same for the hub. */
export const key = { namespace: 'default', group: 'shop', file: 'app.yaml' }

/** Releases a content of {@link file}, or of another one. */
export async function publish(api: ConfigApi, content: string, name = 'app.yaml'): Promise<void> {
  const answer = await api.call('POST', `${fileAt(name)}/publish`, { content })
  if (answer.status !== 201) throw new Error(answer.text)
}

/** The same hub, but for some of its members. */
function overridden(hub: ConfigHub, overrides: Partial<ConfigHub>): ConfigHub {
  return new Proxy(hub, {
    get: (target, name) => {
      if (Object.hasOwn(overrides, name)) return Reflect.get(overrides, name) as unknown
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}
