// HTTP/2 frames as a client writes them, also those that no client should. RFC 9113, sections 4 and 6.
// Written apart from the server's own framing, so that one mistake is not made twice.

/** Frame types. RFC 9113, section 6. */
export const frameType = {
  data: 0x0,
  headers: 0x1,
  priority: 0x2,
  rstStream: 0x3,
  settings: 0x4,
  pushPromise: 0x5,
  ping: 0x6,
  goAway: 0x7,
  windowUpdate: 0x8,
  continuation: 0x9,
} as const

/** Frame flags. RFC 9113, section 6. */
export const flag = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const

/** Settings. RFC 9113, section 6.5.2. */
export const setting = {
  headerTableSize: 0x1,
  enablePush: 0x2,
  maxConcurrentStreams: 0x3,
  initialWindowSize: 0x4,
  maxFrameSize: 0x5,
  maxHeaderListSize: 0x6,
} as const

/** Error codes, each at the index of its number. RFC 9113, section 7. */
export const errorNames = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
] as const

/** One of {@link errorNames}. */
export type ErrorName = (typeof errorNames)[number]

/** The name of an error code, or `unknown <number>`. */
export function errorName(code: number): string {
  return errorNames[code] ?? `unknown ${code}`
}

/** The number of an error code. */
export function errorCode(name: ErrorName): number {
  return errorNames.indexOf(name)
}

/** The first bytes of a connection. RFC 9113, section 3.4. */
export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

/** The largest flow-control window. RFC 9113, section 6.9.1. Unit: bytes. */
export const windowMaxBytes = 2 ** 31 - 1

const nothing = Buffer.alloc(0)

/** The parts of any frame. */
export interface FrameParts {
  readonly type: number
  readonly flags?: number
  readonly streamId?: number
  readonly payload?: Uint8Array
  /** What the header says; by default the truth. Unit: bytes. */
  readonly length?: number
}

/** Any frame. */
export function frame({ type, flags = 0, streamId = 0, payload = nothing, length }: FrameParts): Buffer {
  const header = Buffer.alloc(9)
  header.writeUIntBE(length ?? payload.length, 0, 3)
  header.writeUInt8(type, 3)
  header.writeUInt8(flags, 4)
  header.writeUInt32BE(streamId, 5)
  return Buffer.concat([header, payload])
}

function uint32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [n, value] of values.entries()) bytes.writeUInt32BE(value, n * 4)
  return bytes
}

/** What HEADERS may say about priority. RFC 9113, section 6.2. */
export interface Priority {
  readonly dependsOn: number
  readonly exclusive?: boolean
  readonly weight?: number
}

function priorityFields({ dependsOn, exclusive = false, weight = 15 }: Priority): Buffer {
  return Buffer.concat([uint32((dependsOn | (exclusive ? 0x8000_0000 : 0)) >>> 0), Buffer.of(weight)])
}

function padded(payload: Uint8Array, paddingBytes: number | undefined): Buffer {
  if (paddingBytes === undefined) return Buffer.from(payload)
  return Buffer.concat([Buffer.of(paddingBytes), payload, Buffer.alloc(paddingBytes)])
}

/** DATA. RFC 9113, section 6.1. */
export function dataFrame(
  streamId: number,
  payload: Uint8Array,
  { endStream = false, paddingBytes }: { endStream?: boolean; paddingBytes?: number } = {},
): Buffer {
  const flags = (endStream ? flag.endStream : 0) | (paddingBytes === undefined ? 0 : flag.padded)
  return frame({ type: frameType.data, flags, streamId, payload: padded(payload, paddingBytes) })
}

/** How a HEADERS frame differs from the plain one. */
export interface HeadersFrameOptions {
  readonly endStream?: boolean
  readonly endHeaders?: boolean
  readonly paddingBytes?: number | undefined
  readonly priority?: Priority | undefined
}

/** HEADERS. RFC 9113, section 6.2. */
export function headersFrame(
  streamId: number,
  block: Uint8Array,
  { endStream = false, endHeaders = true, paddingBytes, priority }: HeadersFrameOptions = {},
): Buffer {
  const flags =
    (endStream ? flag.endStream : 0) |
    (endHeaders ? flag.endHeaders : 0) |
    (paddingBytes === undefined ? 0 : flag.padded) |
    (priority === undefined ? 0 : flag.priority)
  const content = Buffer.concat([priority === undefined ? nothing : priorityFields(priority), block])
  return frame({ type: frameType.headers, flags, streamId, payload: padded(content, paddingBytes) })
}

/** PRIORITY. RFC 9113, section 6.3. */
export function priorityFrame(streamId: number, priority: Priority): Buffer {
  return frame({ type: frameType.priority, streamId, payload: priorityFields(priority) })
}

/** RST_STREAM. RFC 9113, section 6.4. */
export function rstStreamFrame(streamId: number, error: ErrorName = 'CANCEL'): Buffer {
  return frame({ type: frameType.rstStream, streamId, payload: uint32(errorCode(error)) })
}

/** SETTINGS. RFC 9113, section 6.5. */
export function settingsFrame(...settings: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(settings.length * 6)
  for (const [n, [id, value]] of settings.entries()) {
    payload.writeUInt16BE(id, n * 6)
    payload.writeUInt32BE(value, n * 6 + 2)
  }
  return frame({ type: frameType.settings, payload })
}

/** The acknowledgement of SETTINGS. */
export const settingsAck = frame({ type: frameType.settings, flags: flag.ack })

/** PING with eight bytes of `text`. RFC 9113, section 6.7. */
export function pingFrame(text: string, { ack = false } = {}): Buffer {
  const payload = Buffer.alloc(8)
  payload.write(text, 'latin1')
  return frame({ type: frameType.ping, flags: ack ? flag.ack : 0, payload })
}

/** GOAWAY. RFC 9113, section 6.8. */
export function goAwayFrame(lastStreamId = 0, error: ErrorName = 'NO_ERROR'): Buffer {
  return frame({ type: frameType.goAway, payload: uint32(lastStreamId, errorCode(error)) })
}

/** WINDOW_UPDATE. RFC 9113, section 6.9. */
export function windowUpdateFrame(streamId: number, increment: number): Buffer {
  return frame({ type: frameType.windowUpdate, streamId, payload: uint32(increment) })
}

/** CONTINUATION. RFC 9113, section 6.10. */
export function continuationFrame(streamId: number, block: Uint8Array, { endHeaders = true } = {}): Buffer {
  return frame({
    type: frameType.continuation,
    flags: endHeaders ? flag.endHeaders : 0,
    streamId,
    payload: block,
  })
}
