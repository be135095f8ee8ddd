import ajvCompiler from '@fastify/ajv-compiler'
import { systemEnvironment } from '@orrery/environment/system'
import type { Registry } from '@orrery/registry'
import { RegistryError } from '@orrery/registry'
import type { FastifyInstance } from 'fastify'
import { EventRing } from './event-ring.ts'
import { failureOf } from './failure.ts'
import { SnapshotJson } from './json/snapshot-json.ts'
import { addOpenApiRoute, describeRoutes } from './open-api.ts'
import type { RegistryApiOptions } from './options.ts'
import { registryApiDefaults, resolveLimits } from './options.ts'
import { parseQueryString } from './query-string.ts'
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
import type { Schema } from './schemas/schema.ts'
import { OpenStreams } from './streams/open-streams.ts'

/** What a client that was refused for now may wait. Unit: s. */
const retryAfterS = 1

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
  const streams = new OpenStreams(limits.subscriptionsMax)
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

  prepare(context)
  await describeRoutes(fastify)
  await fastify.register((scope, _options, done) => {
    scope.addHook('preHandler', (_request, _reply, next) => next(notServing(registry)))
    addDataRoutes({ ...context, fastify: scope }, options)
    done()
  })
  addOperationRoutes(context)
  if (options.connectionLimits !== undefined) addConnectionRoutes(context, options.connectionLimits)
  addOpenApiRoute(fastify)
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

type Validate = (schema: Schema) => (value: unknown) => boolean

/** Unlike Fastify's own, it takes nothing away from what it looks at. @param coerceTypes of texts, which is all a URL has */
function validatorOf(coerceTypes: false | 'array'): Validate {
  const shared = Object.fromEntries(schemas.map((schema) => [String(schema['$id']), schema]))
  const compile = ajvCompiler()(shared, {
    customOptions: {
      coerceTypes,
      removeAdditional: false,
      useDefaults: false,
      allErrors: false,
      strict: false,
    },
  })
  return (schema) => compile({ schema })
}

/** Makes the scope independent of how its host reads requests and writes answers. */
function prepare({ fastify, environment }: RouteContext): void {
  for (const schema of schemas) fastify.addSchema(schema)
  const validators = { body: validatorOf(false), others: validatorOf('array') }
  fastify.setValidatorCompiler<Schema>(({ schema, httpPart }) =>
    httpPart === 'body' ? validators.body(schema) : validators.others(schema),
  )
  // What is sent has its types. A serializer that picks the fields of a schema would lose those it does not know.
  fastify.setSerializerCompiler(() => (body) => JSON.stringify(body))

  fastify.removeAllContentTypeParsers()
  fastify.addContentTypeParser(
    'application/json',
    { parseAs: 'string' },
    fastify.getDefaultJsonParser('error', 'error'),
  )
  fastify.addHook('preValidation', (request, _reply, done) => {
    request.query = parseQueryString(request.raw.url ?? '', flags)
    // No body says as much as an empty object.
    if (request.body === undefined && request.routeOptions.schema?.body !== undefined) request.body = {}
    done()
  })
  fastify.setErrorHandler((error, request, reply) => {
    const { status, code, message, isInternal } = failureOf(error)
    if (isInternal) {
      const { method, routeOptions } = request
      environment.logger.error('http api: a request failed', { method, route: routeOptions.url, error })
    }
    if (status === 503) reply.header('retry-after', retryAfterS)
    return reply.code(status).send({ code, message })
  })
}
