import { ConfigError, configLimits } from '@orrery/config-hub'
import { systemEnvironment } from '@orrery/environment/system'
import type { FastifyInstance } from 'fastify'
import { HttpApiError } from '../errors.ts'
import { addOpenApiRoute, describeRoutes } from '../open-api.ts'
import { prepareScope } from '../scope.ts'
import { OpenStreams } from '../streams/open-streams.ts'
import { Caller } from './caller.ts'
import { createConfigMetrics } from './config-metrics.ts'
import { configDocument } from './document.ts'
import { configFailureOf, invalidRequest } from './failure.ts'
import { PollJson } from './json/poll-json.ts'
import { ReleaseJson } from './json/release-json.ts'
import { type ConfigApiOptions, resolveConfigLimits } from './options.ts'
import { PendingRequests } from './polls/pending-requests.ts'
import { addActiveRoute } from './routes/active.ts'
import { addArchiveRoutes } from './routes/archives.ts'
import { addAuditRoute } from './routes/audit.ts'
import type { ConfigRouteContext } from './routes/context.ts'
import { addDataKeyRoutes } from './routes/data-keys.ts'
import { addDiffRoute } from './routes/diff.ts'
import { addDraftRoutes } from './routes/drafts.ts'
import { addFileRoutes } from './routes/files.ts'
import { addGrayRoutes } from './routes/gray.ts'
import { addGroupRoutes } from './routes/groups.ts'
import { addOperationRoutes } from './routes/operations.ts'
import { addPollRoute } from './routes/polls.ts'
import { addReleaseRoutes } from './routes/releases.ts'
import { addTemplateRoutes } from './routes/templates.ts'
import { addWatchRoutes } from './routes/watches.ts'
import { schemas } from './schemas/all.ts'
import { flags } from './schemas/parameters.ts'

/**
 * A Fastify plugin: the HTTP API of a configuration hub, below `/config/v1`, with `/config/health`, `/config/metrics` and
 * `/config/openapi.json` beside it. Its routes, parsers, schemas and hooks stay inside; hooks of the host run around them,
 * for authentication for example.
 *
 * Names in paths are up to 256 characters long, of which Fastify takes 100: its option `routerOptions.maxParamLength` has to
 * be 256 at least, or the plugin is refused.
 *
 * @throws HttpApiError `HTTP_API_OPTION_INVALID`
 */
export async function configApiPlugin(fastify: FastifyInstance, options: ConfigApiOptions): Promise<void> {
  requireLongNames(fastify)
  const { environment = systemEnvironment() } = options
  const context = contextOf(fastify, { ...options, environment })
  fastify.addHook('preClose', async () => {
    context.pending.close()
    await context.streams.close()
  })
  prepareScope(fastify, {
    environment,
    schemas,
    queryString: { flags, invalid: invalidRequest },
    failureOf: configFailureOf,
  })
  await describeRoutes(fastify, configDocument)
  addRoutes(context)
  addOpenApiRoute(fastify, configDocument)
}

function contextOf(
  fastify: FastifyInstance,
  options: ConfigApiOptions & Pick<ConfigRouteContext, 'environment'>,
): ConfigRouteContext {
  const { hub, environment } = options
  const limits = resolveConfigLimits(options)
  const { subscriptionsMax, pollsMax, pollItemsMax, archivesMax } = limits
  const streams = new OpenStreams(
    subscriptionsMax,
    () => new ConfigError('CONFIG_CLOSED', 'the server is closing'),
  )
  const pending = new PendingRequests({ requestsMax: pollsMax, itemsMax: pollItemsMax })
  const load = { streams: () => streams.size, pending: () => pending.size }
  return {
    fastify,
    hub,
    environment,
    limits,
    caller: new Caller(options),
    streams,
    pending,
    archives: new PendingRequests({ requestsMax: archivesMax, itemsMax: archivesMax }),
    metrics: createConfigMetrics(hub, load),
    releaseJson: new ReleaseJson(),
    pollJson: new PollJson(),
  }
}

function addRoutes(context: ConfigRouteContext): void {
  addGroupRoutes(context)
  addFileRoutes(context)
  addDraftRoutes(context)
  addReleaseRoutes(context)
  addDiffRoute(context)
  addGrayRoutes(context)
  addActiveRoute(context)
  addPollRoute(context)
  addWatchRoutes(context)
  addTemplateRoutes(context)
  addArchiveRoutes(context)
  addAuditRoute(context)
  addDataKeyRoutes(context)
  addOperationRoutes(context)
}

/** Otherwise Fastify itself would refuse some files, long after somebody could do something about it. */
function requireLongNames({ initialConfig }: FastifyInstance): void {
  const { fileMaxChars } = configLimits
  const maxParamLength = initialConfig.routerOptions?.maxParamLength ?? initialConfig.maxParamLength ?? 0
  if (maxParamLength >= fileMaxChars) return
  throw new HttpApiError(
    'HTTP_API_OPTION_INVALID',
    `routerOptions.maxParamLength of the server has to be ${fileMaxChars} at least, got ${maxParamLength}`,
  )
}
