import {
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  type MethodDefinition,
  type ServiceError,
} from '@grpc/grpc-js'
import { type etcdserverpb, leaseDefinition, watchDefinition } from '@orrery/adapter-etcd'

/** One member, as clients see it over gRPC. */
export class EtcdClient {
  readonly name: string
  readonly #client: Client

  constructor(name: string, endpoint: string) {
    this.name = name
    this.#client = new Client(endpoint, credentials.createInsecure(), {
      'grpc.enable_retries': 0,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.min_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 500,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_receive_message_length': -1,
    })
  }

  /** @throws ServiceError what the member answered, or that nothing came in time */
  call<Request, Response>(
    { path, requestSerialize, responseDeserialize }: MethodDefinition<Request, Response>,
    request: Request,
    timeoutMs: number,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        { deadline: Date.now() + timeoutMs },
        (error: ServiceError | null, response) => {
          if (error !== null) reject(error)
          else if (response === undefined) reject(new Error('neither response nor error'))
          else resolve(response)
        },
      )
    })
  }

  watch(): ClientDuplexStream<etcdserverpb.WatchRequest, etcdserverpb.WatchResponse> {
    const { path, requestSerialize, responseDeserialize } = watchDefinition.Watch
    return this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, new Metadata())
  }

  /** Renews a lease. Gives its time to live; 0: there is no such lease. Unit: ms. */
  renew(id: bigint, timeoutMs: number): Promise<number> {
    const { path, requestSerialize, responseDeserialize } = leaseDefinition.LeaseKeepAlive
    const options = { deadline: Date.now() + timeoutMs }
    return new Promise((resolve, reject) => {
      const stream = this.#client.makeBidiStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        new Metadata(),
        options,
      )
      stream.on('data', (response: etcdserverpb.LeaseKeepAliveResponse) => {
        resolve(Number(response.TTL ?? 0) * 1_000)
        stream.end()
      })
      stream.on('error', reject)
      stream.on('end', () => reject(new Error('the stream ended without an answer')))
      stream.write({ ID: id })
    })
  }

  close(): void {
    this.#client.close()
  }
}
