import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Rendition, renditionFor } from '../formats.ts'
import type { RequestBody } from './request-body.ts'
import type { RequestPath } from './request-path.ts'

/** A request whose path has been understood. */
export interface Call {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly namespace: string
  /** Without the version. */
  readonly segments: readonly string[]
  readonly query: string
  readonly isFirstVersion: boolean
}

/** What a handler of Fastify returns that answers itself. */
export type Answered = FastifyReply | Promise<FastifyReply>

/** Both versions have the same resources; without one it is the second. */
export function versioned({
  segments,
  query,
}: RequestPath): Pick<Call, 'segments' | 'query' | 'isFirstVersion'> {
  const [version] = segments
  const isFirstVersion = version === 'v1'
  if (!isFirstVersion && version !== 'v2') return { segments, query, isFirstVersion }
  return { segments: segments.slice(1), query, isFirstVersion }
}

/** How the answer is to be written. */
export function renditionOf({ request, isFirstVersion }: Call): Rendition {
  const { accept, 'x-eureka-accept': given } = request.headers
  return renditionFor({ accept, eurekaAccept: typeof given === 'string' ? given : undefined }, isFirstVersion)
}

/** The body, as it came. */
export function bodyOf({ body, headers }: FastifyRequest): RequestBody {
  return {
    bytes: Buffer.isBuffer(body) ? body : Buffer.alloc(0),
    contentType: headers['content-type'],
    contentEncoding: headers['content-encoding'],
  }
}

/**
 * Whether somebody of this name has sent it. Netflix's servers all have the same `DiscoveryIdentity-Name`, and differ
 * in `DiscoveryIdentity-Id`; others are told apart by their names.
 */
export function isFrom({ headers }: FastifyRequest, identity: string): boolean {
  return headers['discoveryidentity-name'] === identity || headers['discoveryidentity-id'] === identity
}

/** Only who asks for it gets it; `gzip;q=0` asks not to. */
export function acceptsGzip(header: string | string[] | undefined): boolean {
  if (header === undefined) return false
  const text = typeof header === 'string' ? header : header.join(',')
  return /(?:^|[\s,])(?:x-)?gzip(?!\s*;\s*q\s*=\s*0(?:\.0*)?\s*(?:,|$))(?:[\s,;]|$)/i.test(text)
}
