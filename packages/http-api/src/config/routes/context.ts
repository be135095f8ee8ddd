import type { ConfigHub, FileSpec, FileKey, WriteOptions } from '@orrery/config-hub'
import type { Environment } from '@orrery/environment'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { revisionToMeet } from '../../preconditions.ts'
import { clientSignal } from '../../routes/context.ts'
import type { ApiMetrics } from '../../stat-metrics.ts'
import type { OpenStreams } from '../../streams/open-streams.ts'
import { type Caller, plainForbidden } from '../caller.ts'
import { invalidRequest } from '../failure.ts'
import { headerText } from '../header-text.ts'
import type { PollJson } from '../json/poll-json.ts'
import type { ReleaseJson } from '../json/release-json.ts'
import type { ConfigApiLimits } from '../options.ts'
import { catchUp } from '../polls/catch-up.ts'
import type { PendingRequests } from '../polls/pending-requests.ts'

/** What routes are made of. */
export interface ConfigRouteContext {
  /** The plugin's own scope. */
  readonly fastify: FastifyInstance
  readonly hub: ConfigHub
  readonly environment: Environment
  readonly limits: ConfigApiLimits
  readonly caller: Caller
  readonly streams: OpenStreams
  /** Polls, and reads that wait. */
  readonly pending: PendingRequests
  /** Exports and imports. */
  readonly archives: PendingRequests
  readonly metrics: ApiMetrics
  readonly releaseJson: ReleaseJson
  readonly pollJson: PollJson
}

/** What a request says of a write. */
export interface WriteRequest {
  readonly ifRevision?: number | undefined
  readonly reason?: string | undefined
}

/**
 * How a write is done: over which revision, by whom, and why.
 *
 * @throws ConfigError `CONFIG_INVALID` when `If-Match` is no revision, or a header is no UTF-8
 */
export function writeOptionsOf(
  { caller }: ConfigRouteContext,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  { ifRevision, reason }: WriteRequest,
): WriteOptions {
  return {
    ifRevision: revisionToMeet(ifRevision, request.headers, invalidRequest),
    actor: caller.actorOf(request),
    reason: reason ?? headerText(request.headers, 'x-reason'),
    signal: clientSignal(reply),
  }
}

/**
 * Lets a file be encrypted no longer only by whoever may read what is encrypted: its draft would be readable for everybody.
 *
 * @returns the options that the write needs, which make sure that it is the file that was looked at
 * @throws HttpApiError `HTTP_API_PLAIN_FORBIDDEN`
 */
export async function guardEncryption(
  context: ConfigRouteContext,
  exchange: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  { key, spec, options }: { readonly key: FileKey; readonly spec: FileSpec; readonly options: WriteOptions },
): Promise<WriteOptions> {
  if (spec.encrypted !== false) return options
  const { hub, caller } = context
  const { request, reply } = exchange
  if (await caller.mayReadPlain(request)) return options
  const { ifRevision } = options
  if (ifRevision !== undefined) await catchUp(context, reply, ifRevision)
  const file = hub.files.get(key)
  if (file?.encrypted === true) throw plainForbidden()
  return { ...options, ifRevision: ifRevision ?? file?.revision ?? 0 }
}
