/** Frame types. RFC 9113, section 6. */
export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const

/** Flags of frames. `endStream` and `ack` share a bit: no frame has both. */
export const frameFlag = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const

/** Codes of RST_STREAM and GOAWAY. RFC 9113, section 7. */
export const errorCode = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  connectError: 10,
  enhanceYourCalm: 11,
  inadequateSecurity: 12,
  http11Required: 13,
} as const

/** One of {@link errorCode}. */
export type ErrorCode = (typeof errorCode)[keyof typeof errorCode]

/** Identifiers of settings. RFC 9113, section 6.5.2. */
export const settingId = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const

/** What every HTTP/2 client sends first. RFC 9113, section 3.4. No HTTP/1 request begins like it. */
export const preface: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

/** Length, type, flags and stream of a frame. Unit: bytes. */
export const frameHeaderBytes = 9

/** The longest payload that we take, and that we send unless the peer takes only less. Unit: bytes. */
export const frameMaxBytes = 16_384

/** Where windows begin before settings say otherwise. RFC 9113, section 6.9.2. Unit: bytes. */
export const defaultWindowBytes = 65_535

/** No window may be wider, no stream id higher. */
export const int31Max = 0x7fff_ffff

/** A fault of the peer that ends the connection. RFC 9113, section 5.4.1. */
export class ConnectionError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, reason: string) {
    super(reason)
    this.code = code
  }
}
