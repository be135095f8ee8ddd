import type { WatchQuery, WatchTarget } from '@orrery/config-hub'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { lastEventRevisionOf } from '../../preconditions.ts'
import { lastEventIdHeader, query } from '../../schemas/parameters.ts'
import { bodyRefusals } from '../../schemas/responses.ts'
import type { Schema } from '../../schemas/schema.ts'
import { ref } from '../../schemas/schema.ts'
import { clientSaid } from '../caller.ts'
import { configFailureOf } from '../failure.ts'
import {
  type ClientParameters,
  clientParameters,
  type GroupParams,
  groupParams,
  noQuery,
} from '../schemas/parameters.ts'
import { refusals } from '../schemas/responses.ts'
import { ConfigEvents } from '../streams/config-events.ts'
import type { ConfigRouteContext } from './context.ts'

const tags = ['reading']
const description =
  'The event present names all that the reader sees: what else he has is gone. Each event changes has what he does not have, ' +
  'with contents, and a revision as its id; whoever is slow gets the newest. Contents that stand encrypted are left out unless ' +
  'the caller may read them. An event failure with a problem says why the stream ends.'
const events: Schema = {
  description: 'Events until the client, or the server, ends it.',
  content: { 'text/event-stream': { schema: { type: 'string' } } },
}

interface GroupWatchQuery extends ClientParameters {
  readonly file?: readonly string[]
  readonly prefix?: readonly string[]
}

/** `.../groups/:group/watch` and `/config/v1/watch` */
export function addWatchRoutes(context: ConfigRouteContext): void {
  addGroupWatch(context)
  addWatch(context)
}

function addGroupWatch(context: ConfigRouteContext): void {
  const names = (text: string): Schema => ({
    type: 'array',
    items: { type: 'string' },
    maxItems: 1_000,
    description: `${text} Repeated: any of them. Without file and prefix: the whole group.`,
  })
  context.fastify.route<{ Params: GroupParams; Querystring: GroupWatchQuery }>({
    method: 'GET',
    url: '/config/v1/namespaces/:namespace/groups/:group/watch',
    exposeHeadRoute: false,
    schema: {
      operationId: 'watchGroup',
      summary:
        'What the client sees of a group, or of files in it, and whenever it changes, as server-sent events.',
      description,
      tags,
      params: groupParams,
      querystring: query({
        file: names('This file.'),
        prefix: names('Files whose names begin so.'),
        ...clientParameters,
      }),
      headers: lastEventIdHeader,
      response: { 200: events, ...refusals() },
    },
    handler: async (request, reply) => {
      const client = context.caller.clientOf(request, clientSaid(request.query))
      await serve(context, { request, reply }, { targets: targetsOf(request.params, request.query), client })
    },
  })
}

function addWatch(context: ConfigRouteContext): void {
  context.fastify.route<{ Body: WatchQuery }>({
    method: 'POST',
    url: '/config/v1/watch',
    bodyLimit: context.limits.bodyMaxBytes,
    schema: {
      operationId: 'watch',
      summary: 'What the client sees of what it names, and whenever it changes, as server-sent events.',
      description,
      tags,
      querystring: noQuery,
      headers: lastEventIdHeader,
      body: ref('ConfigWatchQuery'),
      response: { 200: events, ...refusals(...bodyRefusals) },
    },
    handler: async (request, reply) => {
      const { client = {}, ...rest } = request.body
      // A stream may be open for days: what was read of its request is not kept besides what the hub needs of it.
      Reflect.set(request, 'body', undefined)
      await serve(context, { request, reply }, { ...rest, client: context.caller.clientOf(request, client) })
    },
  })
}

function targetsOf(
  { namespace, group }: GroupParams,
  { file = [], prefix = [] }: GroupWatchQuery,
): readonly WatchTarget[] {
  if (file.length === 0 && prefix.length === 0) return [{ namespace, group }]
  return [
    ...file.map((name) => ({ namespace, group, file: name })),
    ...prefix.map((begin) => ({ namespace, group, prefix: begin })),
  ]
}

/** Begins a stream. Whether its reader may read what stands encrypted is settled with that. */
async function serve(
  { hub, caller, streams, environment, limits, releaseJson }: ConfigRouteContext,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  watched: WatchQuery,
): Promise<void> {
  const isPlain = await caller.mayReadPlain(request)
  streams.checkRoom()
  const source = new ConfigEvents({
    hub,
    query: watched,
    lastRevision: lastEventRevisionOf(request.headers),
    isPlain,
    json: releaseJson,
  })
  reply.hijack()
  void streams.serve({
    response: reply.raw,
    headers: Object.fromEntries(Object.entries(reply.getHeaders())),
    source,
    environment,
    limits,
    failureOf: configFailureOf,
  })
}
