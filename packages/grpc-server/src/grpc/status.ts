import { type Metadata, type StatusObject, status } from '@grpc/grpc-js'

/** How a call ends. */
export interface CallStatus {
  readonly code: status
  readonly details: string
  readonly metadata?: Metadata | null | undefined
}

/** The head of each response. RFC 9113 and gRPC over HTTP/2, "Response-Headers". The same array each time. */
export const responseHead: readonly string[] = [
  ':status',
  '200',
  'content-type',
  'application/grpc+proto',
  'grpc-accept-encoding',
  'identity,deflate,gzip',
  'grpc-encoding',
  'identity',
]

/** The trailers of a call that succeeded. The same array each time. */
export const okTrailers: readonly string[] = ['grpc-status', '0', 'grpc-message', 'OK']

/** The head of a response without messages ("Trailers-Only"), before its trailers. */
export const trailersOnlyHead: readonly string[] = [
  ':status',
  '200',
  'content-type',
  'application/grpc+proto',
]

/** Answers something that is not gRPC. The same array each time. */
export const unsupportedMediaType: readonly string[] = [':status', '415']

/** Fields that end a call. */
export function trailersOf({ code, details, metadata }: CallStatus): readonly string[] {
  if (code === status.OK && details === 'OK' && !metadata) return okTrailers
  const fields = ['grpc-status', String(code), 'grpc-message', encodeDetails(details)]
  if (metadata) appendMetadata(fields, metadata)
  return fields
}

/** Appends metadata as fields: binary values in base64, several values of a name as several fields. */
export function appendMetadata(fields: string[], metadata: Metadata): void {
  for (const [name, values] of Object.entries(metadata.toJSON())) {
    if (name.startsWith(':')) continue
    for (const value of values)
      fields.push(name, typeof value === 'string' ? value : value.toString('base64'))
  }
}

/** What is not sent as it is: gRPC over HTTP/2, "Percent-Encoded", and no value begins or ends with a space. */
const toEncode = /[^ -$&-~]|^ | $/

/** Details may have any characters. */
export function encodeDetails(details: string): string {
  if (!toEncode.test(details)) return details
  let encoded = ''
  const bytes = Buffer.from(details)
  for (const [at, byte] of bytes.entries()) {
    const isOuterSpace = byte === 0x20 && (at === 0 || at === bytes.length - 1)
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25 && !isOuterSpace
    encoded += isPlain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return encoded
}

/** What a handler failed with, as a status: by its `code` and `details`, else by its message, as grpc-js does it. */
export function statusOfError(
  error: Error | Partial<StatusObject>,
  trailers: Metadata | undefined,
): CallStatus {
  const metadata = trailers ?? ('metadata' in error ? error.metadata : undefined)
  const message = 'message' in error ? error.message : 'Unknown Error'
  const code = 'code' in error ? error.code : undefined
  // Of an error from elsewhere, `code` may be anything.
  if (code === undefined || !Number.isInteger(code))
    return { code: status.UNKNOWN, details: message, metadata }
  const details = 'details' in error && typeof error.details === 'string' ? error.details : message
  return { code, details, metadata }
}
