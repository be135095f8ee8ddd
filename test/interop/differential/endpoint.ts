import { Client, type ClientDuplexStream, credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import { codecOf } from './schema.ts'
import type { Fields } from './wire.ts'

/** The unary methods, by the name under which calls refer to them. */
export const methods = {
  Range: { path: '/etcdserverpb.KV/Range', message: 'Range' },
  Put: { path: '/etcdserverpb.KV/Put', message: 'Put' },
  DeleteRange: { path: '/etcdserverpb.KV/DeleteRange', message: 'DeleteRange' },
  Txn: { path: '/etcdserverpb.KV/Txn', message: 'Txn' },
  Compact: { path: '/etcdserverpb.KV/Compact', message: 'Compaction' },
  LeaseGrant: { path: '/etcdserverpb.Lease/LeaseGrant', message: 'LeaseGrant' },
  LeaseRevoke: { path: '/etcdserverpb.Lease/LeaseRevoke', message: 'LeaseRevoke' },
  LeaseTimeToLive: { path: '/etcdserverpb.Lease/LeaseTimeToLive', message: 'LeaseTimeToLive' },
  LeaseLeases: { path: '/etcdserverpb.Lease/LeaseLeases', message: 'LeaseLeases' },
  LeaseKeepAlive: { path: '/etcdserverpb.Lease/LeaseKeepAlive', message: 'LeaseKeepAlive' },
  HashKV: { path: '/etcdserverpb.Maintenance/HashKV', message: 'HashKV' },
  Alarm: { path: '/etcdserverpb.Maintenance/Alarm', message: 'Alarm' },
  Unknown: { path: '/etcdserverpb.KV/Increment', message: 'Range' },
} as const

export type Method = keyof typeof methods

/** What a server answered to one call. */
export type Answer =
  | { readonly code: 0; readonly response: Readonly<Record<string, unknown>> }
  | { readonly code: number; readonly message: string }

/** A bidirectional stream as bytes. */
export interface RawStream {
  write(fields: Fields): void
  /** Ends it in both directions: servers go on sending to a stream that is only half closed. */
  cancel(): void
}

export interface StreamEvents {
  message(fields: Readonly<Record<string, unknown>>): void
  end(answer: Answer): void
}

/** One server, seen through gRPC with requests and responses of any content. */
export interface Endpoint {
  readonly name: string
  /** @param request the encoded message, which need not be valid */
  unary(method: Method, request: Buffer): Promise<Answer>
  watch(events: StreamEvents): RawStream
  close(): void
}

const asIs = (bytes: Buffer): Buffer => bytes

/** Answers whose every field was checked against the schema, so that nothing goes uncompared. */
const fieldChecksMax = 200

/** Connects to the server at `address`. */
export function connect(name: string, address: string): Endpoint {
  const client = new Client(address, credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_retries': 0,
  })
  const checks = new Map<string, number>()

  const decode = (message: string, bytes: Buffer): Readonly<Record<string, unknown>> => {
    const codec = codecOf(message)
    const checked = checks.get(message) ?? 0
    if (checked < fieldChecksMax) {
      checks.set(message, checked + 1)
      if (!codec.knowsAllFieldsOf(bytes)) {
        throw new Error(`${name} answered a ${message} with unknown fields: ${bytes.toString('hex')}`)
      }
    }
    return codec.decode(bytes)
  }

  const unary = (method: Method, request: Buffer): Promise<Answer> => {
    const { path, message } = methods[method]
    if (method === 'LeaseKeepAlive') return keepAlive(request)
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(path, asIs, asIs, request, (error, response) => {
        if (error !== null) resolve(failure(error))
        else if (response === undefined) reject(new Error('neither response nor error'))
        else resolve({ code: 0, response: decode(`${message}Response`, response) })
      })
    })
  }

  // One request and one response: a stream that is used like a call.
  const keepAlive = (request: Buffer): Promise<Answer> =>
    new Promise((resolve) => {
      const stream = client.makeBidiStreamRequest(methods.LeaseKeepAlive.path, asIs, asIs, new Metadata())
      let answer: Answer | undefined
      stream.on('data', (bytes: Buffer) => {
        answer = { code: 0, response: decode('LeaseKeepAliveResponse', bytes) }
        stream.end()
      })
      stream.on('error', (error: ServiceError) => resolve(failure(error)))
      stream.on('end', () => resolve(answer ?? { code: 0, response: {} }))
      stream.write(request)
    })

  const watch = (events: StreamEvents): RawStream => {
    const stream: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(
      '/etcdserverpb.Watch/Watch',
      asIs,
      asIs,
      new Metadata(),
    )
    stream.on('data', (bytes: Buffer) => events.message(decode('WatchResponse', bytes)))
    stream.on('error', (error: ServiceError) => events.end(failure(error)))
    stream.on('end', () => events.end({ code: 0, response: {} }))
    return {
      write: (fields) => stream.write(codecOf('WatchRequest').encode(fields)),
      cancel: () => stream.cancel(),
    }
  }

  return { name, unary, watch, close: () => client.close() }
}

/** Makes one call with a request that is well formed. */
export function call(endpoint: Endpoint, method: Method, fields: Fields): Promise<Answer> {
  return endpoint.unary(method, codecOf(`${methods[method].message}Request`).encode(fields))
}

function failure(error: ServiceError): Answer {
  return { code: error.code, message: error.details }
}
