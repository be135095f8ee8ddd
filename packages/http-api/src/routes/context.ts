import type { Environment } from '@orrery/environment'
import type { Registry } from '@orrery/registry'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { EventRing } from '../event-ring.ts'
import type { SnapshotJson } from '../json/snapshot-json.ts'
import { onceClosed } from '../once-closed.ts'
import type { ApiLimits } from '../options.ts'
import type { ApiMetrics } from '../stat-metrics.ts'
import { ClientLeft } from '../scope.ts'
import type { OpenStreams } from '../streams/open-streams.ts'

/** What routes are made of. */
export interface RouteContext {
  /** The plugin's own scope. */
  readonly fastify: FastifyInstance
  readonly registry: Registry
  readonly environment: Environment
  readonly limits: ApiLimits
  readonly streams: OpenStreams
  readonly events: EventRing
  readonly metrics: ApiMetrics
  readonly json: SnapshotJson
}

/**
 * Aborts when the client leaves. That of Fastify listens to the request, which closes when its body has been read.
 */
export function clientSignal({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController()
  onceClosed(raw, () => controller.abort(new ClientLeft('the client has left')))
  return controller.signal
}

/** A path of this API, below where it is mounted. */
export function pathOf({ fastify }: RouteContext, ...parts: readonly string[]): string {
  return `${fastify.prefix}/v1/${parts.map(encodeURIComponent).join('/')}`
}
