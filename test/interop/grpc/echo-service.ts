import type {
  MethodDefinition,
  sendUnaryData,
  ServerDuplexStream,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
  UntypedServiceImplementation,
} from '@grpc/grpc-js'

/** A method whose messages are bytes as they are. */
export type BytesMethod = MethodDefinition<Buffer, Buffer>

const same = (bytes: Buffer): Buffer => bytes

function method(name: string, { requestStream = false, responseStream = false } = {}): BytesMethod {
  return {
    path: `/interop.Echo/${name}`,
    requestStream,
    responseStream,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  }
}

/** A service with a method of each kind, and one that has no end. */
export const echoDefinition = {
  /** Answers with the request. */
  unary: method('Unary'),
  /** Answers with the number of bytes that came. */
  count: method('Count', { requestStream: true }),
  /** Sends what `repeatRequest` asks for, as fast as the client takes it. */
  repeat: method('Repeat', { responseStream: true }),
  /** Answers each message with the same one. */
  chat: method('Chat', { requestStream: true, responseStream: true }),
  /** Never answers. */
  never: method('Never'),
} as const

/** One of the methods of {@link echoDefinition}. */
export type EchoMethod = keyof typeof echoDefinition

/** Asks `Repeat` for so many messages of this length. Unit: bytes. */
export function repeatRequest(messages: number, messageBytes: number): Buffer {
  const request = Buffer.alloc(8)
  request.writeUInt32BE(messages, 0)
  request.writeUInt32BE(messageBytes, 4)
  return request
}

function repeat(call: ServerWritableStream<Buffer, Buffer>): void {
  let left = call.request.readUInt32BE(0)
  const message = Buffer.alloc(call.request.readUInt32BE(4), 'x')
  const write = (): void => {
    while (left > 0 && !call.cancelled) {
      left--
      if (!call.write(message)) {
        call.once('drain', write)
        return
      }
    }
    call.end()
  }
  write()
}

/** Handlers for {@link echoDefinition}. */
export const echoImplementation: UntypedServiceImplementation = {
  unary: (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
    answer(null, call.request)
  },
  count: (call: ServerReadableStream<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
    let bytes = 0
    call.on('data', (message: Buffer) => (bytes += message.length))
    call.on('end', () => {
      answer(null, Buffer.from(String(bytes)))
    })
  },
  repeat,
  chat: (call: ServerDuplexStream<Buffer, Buffer>) => {
    call.on('data', (message: Buffer) => {
      if (call.write(message)) return
      call.pause()
      call.once('drain', () => call.resume())
    })
    call.on('end', () => call.end())
  },
  never: () => undefined,
}

/** A message as gRPC frames it: not compressed, its length, its content. Source: gRPC over HTTP/2, Length-Prefixed-Message. */
export function framed(...messages: readonly (Buffer | string)[]): Buffer {
  return Buffer.concat(
    messages.flatMap((message) => {
      const content = Buffer.from(message)
      const head = Buffer.alloc(5)
      head.writeUInt32BE(content.length, 1)
      return [head, content]
    }),
  )
}

/** The messages in a body. @throws Error when it ends within one, or one is compressed */
export function unframed(body: Buffer): readonly Buffer[] {
  const messages: Buffer[] = []
  for (let at = 0; at < body.length; ) {
    if (body.length - at < 5 || body[at] !== 0) throw new Error(`no frame at ${at} of ${body.length} bytes`)
    const end = at + 5 + body.readUInt32BE(at + 1)
    if (end > body.length) throw new Error(`the body ends within the message at ${at}`)
    messages.push(body.subarray(at + 5, end))
    at = end
  }
  return messages
}
