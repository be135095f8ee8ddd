import {
  credentials,
  makeGenericClientConstructor,
  Metadata,
  Server,
  ServerCredentials,
  type ClientDuplexStream,
  type ClientReadableStream,
  type MethodDefinition,
  type ServiceError,
} from '@grpc/grpc-js'
import { createRandom } from '@orrery/environment'
import { systemEnvironment } from '@orrery/environment/system'
import { createManualEnvironment, type ManualEnvironment } from '@orrery/environment/testing'
import { createMemoryStore, type Store } from '@orrery/store'
import {
  addEtcdServices,
  addHealthService,
  authDefinition,
  clusterDefinition,
  electionDefinition,
  etcdServerOptions,
  etcdServices,
  healthDefinition,
  kvDefinition,
  leaseDefinition,
  lockDefinition,
  maintenanceDefinition,
  watchDefinition,
  type EtcdServicesOptions,
} from '../../src/index.ts'

/** What a call was refused with. */
export interface Refusal {
  readonly code: number
  readonly details: string
}

export interface CallSettings {
  readonly signal?: AbortSignal
  readonly headers?: Readonly<Record<string, string>>
  readonly deadlineMs?: number
}

/** A client of any method, over a real connection. */
export class Client implements AsyncDisposable {
  readonly #client: InstanceType<ReturnType<typeof makeGenericClientConstructor>>

  constructor(port: number) {
    const Constructor = makeGenericClientConstructor({}, 'any')
    this.#client = new Constructor(`127.0.0.1:${port}`, credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
    })
  }

  /** Rejects with grpc-js' `ServiceError`. */
  call<Request, Response>(
    method: MethodDefinition<Request, Response>,
    request: Request,
    settings: CallSettings = {},
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      const call = this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        metadataOf(settings),
        settings.deadlineMs === undefined ? {} : { deadline: Date.now() + settings.deadlineMs },
        (error: ServiceError | null, response?: Response) => {
          if (response === undefined) reject(error ?? new Error('neither error nor response'))
          else resolve(response)
        },
      )
      settings.signal?.addEventListener('abort', () => {
        call.cancel()
      })
    })
  }

  async refusal<Request, Response>(
    method: MethodDefinition<Request, Response>,
    request: Request,
    settings?: CallSettings,
  ): Promise<Refusal> {
    try {
      await this.call(method, request, settings)
    } catch (error) {
      return refusalOf(error)
    }
    throw new Error('the call was not refused')
  }

  serverStream<Request, Response>(
    method: MethodDefinition<Request, Response>,
    request: Request,
  ): ClientReadableStream<Response> {
    return this.#client.makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
    )
  }

  bidiStream<Request, Response>(
    method: MethodDefinition<Request, Response>,
    settings: CallSettings = {},
  ): ClientDuplexStream<Request, Response> {
    return this.#client.makeBidiStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      metadataOf(settings),
    )
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#client.close()
    return Promise.resolve()
  }
}

function metadataOf({ headers = {} }: CallSettings): Metadata {
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value)
  return metadata
}

export function refusalOf(error: unknown): Refusal {
  const { code, details } = error as ServiceError
  return { code, details }
}

/** All responses of a stream that ends. */
export async function all<Response>(stream: ClientReadableStream<Response>): Promise<Response[]> {
  const responses: Response[] = []
  for await (const response of stream) responses.push(response as Response)
  return responses
}

/** Reads a stream one response at a time. */
export class Reader<Response> {
  readonly #responses: AsyncIterator<unknown, unknown>

  constructor(stream: ClientReadableStream<Response>) {
    this.#responses = stream[Symbol.asyncIterator]()
  }

  async next(): Promise<Response> {
    const turn = await this.#responses.next()
    if (turn.done === true) throw new Error('the stream ended')
    return turn.value as Response
  }
}

export interface Etcd extends AsyncDisposable {
  readonly store: Store
  readonly environment: ManualEnvironment
  readonly client: Client
  readonly port: number
}

/** A server over a store in memory, and a client connected to it. */
export async function startEtcd(
  settings: { readonly options?: EtcdServicesOptions; readonly store?: Store } = {},
): Promise<Etcd> {
  const environment = createManualEnvironment()
  // With ids that need 64 bits: one in a thousand does not, and would come as a number, not as a bigint.
  const store =
    settings.store ?? createMemoryStore({ environment: systemEnvironment({ random: createRandom(1) }) })
  const server = new Server(etcdServerOptions(settings.options))
  const member = { name: 'test', peerUrls: ['http://peer'], clientUrls: ['http://client'] }
  addEtcdServices(server, etcdServices({ store, environment, member }, settings.options))
  addHealthService(server, { store, environment })
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error)
      else resolve(bound)
    })
  })
  const client = new Client(port)
  return {
    store,
    environment,
    client,
    port,
    [Symbol.asyncDispose]: async () => {
      await client[Symbol.asyncDispose]()
      server.forceShutdown()
      if (settings.store === undefined) await store.close()
    },
  }
}

/** A store in memory of which some parts are other ones. */
export function storeWith(parts: Partial<Store>): Store {
  return new Proxy(createMemoryStore(), {
    get: (target, name): unknown => {
      const value: unknown = Reflect.get(name in parts ? parts : target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

export const bytes = (text: string): Buffer => Buffer.from(text)
export const text = (value: Uint8Array | null | undefined): string => Buffer.from(value ?? []).toString()

export const kv = kvDefinition
export const lease = leaseDefinition
export const maintenance = maintenanceDefinition
export const cluster = clusterDefinition
export const auth = authDefinition
export const lock = lockDefinition
export const election = electionDefinition
export const health = healthDefinition
export const watch = watchDefinition
