import { systemEnvironment } from '@orrery/environment/system'
import type { Registry } from '@orrery/registry'
import { RegistryError } from '@orrery/registry'
import type { FastifyInstance } from 'fastify'
import { EventRing } from './event-ring.ts'
import { SnapshotJson } from './json/snapshot-json.ts'
import { addOpenApiRoute, describeRoutes } from './open-api.ts'
import type { RegistryApiOptions } from './options.ts'
import { registryApiDefaults, resolveLimits } from './options.ts'
import { failureOf, invalidRequest } from './registry-failure.ts'
import { registryDocument } from './registry-document.ts'
import { createRegistryMetrics } from './registry-metrics.ts'
import { addChangeRoutes } from './routes/changes.ts'
import { addConnectionRoutes } from './routes/connections.ts'
import type { RouteContext } from './routes/context.ts'
import { addDiscoveryRoutes } from './routes/discovery.ts'
import { addForwardedHeartbeatsRoute, addHeartbeatRoutes } from './routes/heartbeats.ts'
import { addInstanceRoutes } from './routes/instances.ts'
import { addNamespaceRoutes } from './routes/namespaces.ts'
import { addOperationRoutes } from './routes/operations.ts'
import { addServiceRoutes } from './routes/services.ts'
import { schemas } from './schemas/all.ts'
import { flags } from './schemas/parameters.ts'
import { prepareScope } from './scope.ts'
import { OpenStreams } from './streams/open-streams.ts'

/**
 * A Fastify plugin: the HTTP API of a registry, below `/v1`, with `/health`, `/metrics` and `/openapi.json` beside it.
 * Its routes, parsers, schemas and hooks stay inside; hooks of the host run around them, for authentication for example.
 *
 * Names in paths are up to 256 characters long, of which Fastify takes 100 unless its option
 * `routerOptions.maxParamLength` says otherwise.
 *
 * @throws HttpApiError `HTTP_API_OPTION_INVALID`
 */
export async function registryApiPlugin(
  fastify: FastifyInstance,
  options: RegistryApiOptions,
): Promise<void> {
  const { registry, environment = systemEnvironment() } = options
  const limits = resolveLimits(options)
  const streams = new OpenStreams(
    limits.subscriptionsMax,
    () => new RegistryError('REGISTRY_CLOSED', 'the server is closing'),
  )
  const events = new EventRing({ registry, clock: environment.clock }, limits.eventsMax)
  const context: RouteContext = {
    fastify,
    registry,
    environment,
    limits,
    streams,
    events,
    metrics: createRegistryMetrics(registry, () => streams.size),
    json: new SnapshotJson(),
  }
  fastify.addHook('preClose', () => streams.close())
  fastify.addHook('onClose', () => events.close())

  prepareScope(fastify, { environment, schemas, queryString: { flags, invalid: invalidRequest }, failureOf })
  await describeRoutes(fastify, registryDocument)
  await fastify.register((scope, _options, done) => {
    scope.addHook('preHandler', (_request, _reply, next) => next(notServing(registry)))
    addDataRoutes({ ...context, fastify: scope }, options)
    done()
  })
  addOperationRoutes(context)
  if (options.connectionLimits !== undefined) addConnectionRoutes(context, options.connectionLimits)
  addOpenApiRoute(fastify, registryDocument)
}

/** Routes that tell of, or change, what the registry has. */
function addDataRoutes(context: RouteContext, { forwardedHeartbeats }: RegistryApiOptions): void {
  addNamespaceRoutes(context)
  addServiceRoutes(context)
  addInstanceRoutes(context)
  addHeartbeatRoutes(context)
  if (forwardedHeartbeats ?? registryApiDefaults.forwardedHeartbeats) addForwardedHeartbeatsRoute(context)
  addDiscoveryRoutes(context)
  addChangeRoutes(context)
}

/**
 * Why a registry tells nothing: one that has not read its state would say of everything that it does not exist. One
 * that failed tells what it knew last.
 */
function notServing({ state }: Registry): RegistryError | undefined {
  if (state === 'ready' || state === 'failed') return undefined
  const isClosed = state === 'closing' || state === 'closed'
  return new RegistryError(isClosed ? 'REGISTRY_CLOSED' : 'REGISTRY_NOT_READY', `the registry is ${state}`)
}
