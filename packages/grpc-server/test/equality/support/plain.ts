import { createHash } from 'node:crypto'
import type { Metadata, ServiceError, StatusObject } from '@grpc/grpc-js'

/** A message as text: itself when it is short, otherwise its length and digest. */
export function plainBytes(bytes: Buffer): string {
  if (bytes.length <= 64) return bytes.toString('latin1')
  return `${bytes.length} bytes, sha256 ${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}`
}

/**
 * Metadata as lists of text. Without `date`: the HTTP server of Node adds that header to each answer. It is not
 * part of gRPC, and we do not send it.
 */
export function plainMetadata(metadata: Metadata | null | undefined): Record<string, string[]> | undefined {
  if (metadata === null || metadata === undefined) return undefined
  const entries = Object.entries(metadata.toJSON()).filter(([key]) => key !== 'date')
  return Object.fromEntries(
    entries.map(([key, values]) => [
      key,
      values.map((value) => (typeof value === 'string' ? value : `hex ${value.toString('hex')}`)),
    ]),
  )
}

/** Each server listens on a port of its own: texts name it `PORT`. */
export function withoutPort(text: string, port: number): string {
  return text.replaceAll(`:${port}`, ':PORT')
}

/**
 * A status as a client reports it. Of a missed deadline only the first words are kept: client and server watch
 * it at the same time, so chance decides whose words arrive, and the client's contain times.
 */
export function plainStatus(status: StatusObject | ServiceError, port: number) {
  const { code, details, metadata } = status
  const isLate = details.startsWith('Deadline exceeded')
  return {
    code,
    details: isLate ? 'Deadline exceeded' : withoutPort(details, port),
    // For the same reason: the server's status has headers where the client's has none.
    metadata: isLate ? undefined : plainMetadata(metadata),
  }
}
