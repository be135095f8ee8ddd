import { dataFrame, headersFrame, type HeadersFrameOptions } from './raw-frames.ts'

/** A field of a header section: name and value, as they go on the wire. */
export type Field = readonly [name: string, value: string]

/** An integer with a prefix of `bits`, below `pattern`. RFC 7541, section 5.1. */
export function hpackInteger(value: number, bits: number, pattern = 0): Buffer {
  const limit = 2 ** bits - 1
  if (value < limit) return Buffer.of(pattern | value)
  const bytes = [pattern | limit]
  let rest = value - limit
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
  bytes.push(rest)
  return Buffer.from(bytes)
}

function plainString(text: string): Buffer {
  return Buffer.concat([hpackInteger(text.length, 7), Buffer.from(text, 'latin1')])
}

/** A literal that enters no table. RFC 7541, section 6.2.2. */
export function literal([name, value]: Field): Buffer {
  return Buffer.concat([Buffer.of(0x00), plainString(name), plainString(value)])
}

/** A literal that enters the dynamic table. RFC 7541, section 6.2.1. */
export function indexedLiteral([name, value]: Field): Buffer {
  return Buffer.concat([Buffer.of(0x40), plainString(name), plainString(value)])
}

/** A field by its index; 62 is the newest of the dynamic table. RFC 7541, section 6.1. */
export function indexed(index: number): Buffer {
  return hpackInteger(index, 7, 0x80)
}

/** A dynamic table size update. RFC 7541, section 6.3. */
export function tableSizeUpdate(bytes: number): Buffer {
  return hpackInteger(bytes, 5, 0x20)
}

/** A block of literals. */
export function block(fields: readonly Field[]): Buffer {
  return Buffer.concat(fields.map(literal))
}

/** Methods of the service that `raw-service.ts` implements. */
export type RawMethod = 'Echo' | 'Never' | 'Sink' | 'Hold' | 'Flood' | 'Chat'

/** The fields that a gRPC client sends. */
export function requestFields(method: RawMethod, ...more: readonly Field[]): Field[] {
  return [
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', `/raw.Raw/${method}`],
    [':authority', 'localhost'],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
    ...more,
  ]
}

/** HEADERS of a call. */
export function request(streamId: number, method: RawMethod, options?: HeadersFrameOptions): Buffer {
  return headersFrame(streamId, block(requestFields(method)), options)
}

/** The prefix of a gRPC message: uncompressed, of that length. */
export function messagePrefix(bytes: number): Buffer {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(bytes, 1)
  return prefix
}

/** A gRPC message. */
export function message(content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content)
  return Buffer.concat([messagePrefix(bytes.length), bytes])
}

/** A complete call with one message. */
export function call(streamId: number, method: RawMethod, content: string | Uint8Array = 'hello'): Buffer {
  return Buffer.concat([
    request(streamId, method),
    dataFrame(streamId, message(content), { endStream: true }),
  ])
}

/** The request of `Flood`: that many messages of that size. */
export function floodRequest(messages: number, messageBytes: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt32BE(messages, 0)
  bytes.writeUInt32BE(messageBytes, 4)
  return bytes
}
