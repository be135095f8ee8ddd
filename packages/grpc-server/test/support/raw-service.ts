import type {
  sendUnaryData,
  ServerDuplexStream,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
  ServiceDefinition,
  UntypedServiceImplementation,
} from '@grpc/grpc-js'
import type { RawMethod } from './raw-headers.ts'

const same = (bytes: Buffer): Buffer => bytes

function method(name: RawMethod, { requestStream = false, responseStream = false } = {}) {
  return {
    path: `/raw.Raw/${name}`,
    requestStream,
    responseStream,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  }
}

/** `raw.Raw`, whose messages are plain bytes. */
export const rawDefinition = {
  /** Answers with the request. */
  Echo: method('Echo'),
  /** Never answers. */
  Never: method('Never'),
  /** Answers with the number of bytes that it has read. */
  Sink: method('Sink', { requestStream: true }),
  /** Reads nothing until it is told to. */
  Hold: method('Hold', { requestStream: true }),
  /** Sends what `floodRequest` asks for, as fast as the client takes it. */
  Flood: method('Flood', { responseStream: true }),
  /** Answers each message with the same one. */
  Chat: method('Chat', { requestStream: true, responseStream: true }),
} satisfies ServiceDefinition & Record<RawMethod, unknown>

type Unary = ServerUnaryCall<Buffer, Buffer>
type ClientStream = ServerReadableStream<Buffer, Buffer>

/** The service, and what a test sees of its handlers. */
export interface RawService {
  readonly implementation: UntypedServiceImplementation
  /** Calls of each method so far. */
  readonly calls: Record<RawMethod, number>
  /** Calls of `Never` and `Hold` that were cancelled. */
  cancelled: number
  /** Calls of `Hold` that are not cancelled; `resume` makes one read. */
  readonly held: ClientStream[]
  /** Messages that `Flood` has handed to the server so far. */
  flooded: number
}

function answerWithLength(stream: ClientStream, callback: sendUnaryData<Buffer>): void {
  let bytes = 0
  stream.on('data', (chunk: Buffer) => (bytes += chunk.length))
  stream.on('end', () => {
    callback(null, Buffer.from(String(bytes)))
  })
}

/** Largest message of `Flood`: a request that was made up by a fuzzer asks for less, too. Unit: bytes. */
const floodMaxBytes = 1_000_000

/** What a request of `Flood` asks for. */
export function floodOf(request: Buffer): { readonly messages: number; readonly messageBytes: number } {
  if (request.length < 8) return { messages: 0, messageBytes: 0 }
  return {
    messages: request.readUInt32BE(0),
    messageBytes: Math.min(request.readUInt32BE(4), floodMaxBytes),
  }
}

function flood(stream: ServerWritableStream<Buffer, Buffer>, sent: () => void): void {
  const { messages, messageBytes } = floodOf(stream.request)
  let left = messages
  const content = Buffer.alloc(messageBytes, 'x')
  const write = (): void => {
    while (left > 0 && !stream.cancelled) {
      left--
      sent()
      if (!stream.write(content)) {
        stream.once('drain', write)
        return
      }
    }
    stream.end()
  }
  write()
}

/** Creates the service. */
export function createRawService(): RawService {
  const calls = { Echo: 0, Never: 0, Sink: 0, Hold: 0, Flood: 0, Chat: 0 }
  const held: ClientStream[] = []
  const onCancelled = (stream: Unary | ClientStream): void => {
    stream.on('cancelled', () => service.cancelled++)
  }
  const service: RawService = {
    calls,
    held,
    cancelled: 0,
    flooded: 0,
    implementation: {
      Echo: (unary: Unary, callback: sendUnaryData<Buffer>) => {
        calls.Echo++
        callback(null, unary.request)
      },
      Never: (unary: Unary) => {
        calls.Never++
        onCancelled(unary)
      },
      Sink: (stream: ClientStream, callback: sendUnaryData<Buffer>) => {
        calls.Sink++
        answerWithLength(stream, callback)
      },
      Hold: (stream: ClientStream, callback: sendUnaryData<Buffer>) => {
        calls.Hold++
        onCancelled(stream)
        held.push(stream)
        stream.once('cancelled', () => held.splice(held.indexOf(stream), 1))
        stream.once('resume', () => {
          answerWithLength(stream, callback)
        })
      },
      Flood: (stream: ServerWritableStream<Buffer, Buffer>) => {
        calls.Flood++
        flood(stream, () => service.flooded++)
      },
      Chat: (stream: ServerDuplexStream<Buffer, Buffer>) => {
        calls.Chat++
        stream.on('data', (content: Buffer) => stream.write(content))
        stream.on('end', () => {
          stream.end()
        })
      },
    },
  }
  return service
}
