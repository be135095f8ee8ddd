import type { DiscoverQuery, InstanceFilter, Location, ServiceKey } from '@orrery/registry'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { entityTag, lastEventRevisionOf, revisionsIn } from '../preconditions.ts'
import { failureOf } from '../registry-failure.ts'
import type { ServiceParams } from '../schemas/parameters.ts'
import {
  flagParameter,
  ifNoneMatchHeader,
  lastEventIdHeader,
  locationOf,
  locationParameters,
  metadataOf,
  metadataParameter,
  query,
  serviceParams,
  textParameter,
} from '../schemas/parameters.ts'
import { answer, empty, etag, refusals } from '../schemas/responses.ts'
import { ref, revision } from '../schemas/schema.ts'
import { snapshotEvents } from '../streams/snapshot-events.ts'
import type { RouteContext } from './context.ts'
import { clientSignal } from './context.ts'
import { serviceNotFound } from './services.ts'

const tags = ['discovery']

const filterParameters = {
  ...flagParameter('healthyOnly', 'Healthy ones that are not isolated.'),
  from: textParameter('The namespace of who asks: what others export to it is found, too.'),
  protocol: textParameter('That speak this.'),
  version: textParameter('Of this version.'),
  ...metadataParameter,
  ...locationParameters,
}

type FilterQuery = Omit<InstanceFilter, 'metadata' | 'location'> &
  Partial<Location> & { readonly metadata?: readonly string[]; readonly from?: string }

type DiscoverParameters = FilterQuery & { readonly revision?: number; readonly linearizable?: boolean }

/** `.../discover` and `.../subscribe` */
export function addDiscoveryRoutes(context: RouteContext): void {
  addDiscover(context)
  addSubscribe(context)
}

function addDiscover(context: RouteContext): void {
  context.fastify.route<{ Params: ServiceParams; Querystring: DiscoverParameters }>({
    method: 'GET',
    url: '/v1/namespaces/:namespace/services/:service/discover',
    schema: {
      operationId: 'discover',
      summary: 'The instances of a service.',
      description:
        'As this member knows them; with linearizable, with every write that was acknowledged before.',
      tags,
      params: serviceParams,
      querystring: query({
        ...filterParameters,
        revision: revision('What the caller has: if that is still so, the answer is 304. As If-None-Match.'),
        ...flagParameter('linearizable', 'Waits for the cluster.'),
      }),
      headers: ifNoneMatchHeader,
      response: {
        200: answer('The instances.', ref('RegistrySnapshot'), etag),
        304: empty('What the caller has is still so.', etag),
        ...refusals(404),
      },
    },
    handler: (request, reply) => discover(context, request, reply),
  })
}

async function discover(
  { registry, json }: RouteContext,
  {
    params,
    query: parameters,
    headers,
  }: FastifyRequest<{ Params: ServiceParams; Querystring: DiscoverParameters }>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { linearizable, revision: given, ...filter } = parameters
  const known = given === undefined ? revisionsIn(headers['if-none-match']) : [given]
  const question: DiscoverQuery = {
    ...questionOf(params, filter),
    // With one, the registry need not even look for the instances.
    revision: known.length === 1 ? known[0] : undefined,
  }
  const result =
    linearizable === true
      ? await registry.discoverLinearizable(question, { signal: clientSignal(reply) })
      : registry.discover(question)
  if (result.type === 'notFound') throw serviceNotFound(params)
  reply.header('etag', entityTag(result.revision)).header('cache-control', 'no-cache')
  if (result.type === 'notModified' || known.includes(result.revision)) return reply.code(304).send()
  return reply.type('application/json; charset=utf-8').send(Buffer.concat(json.partsOf(result)))
}

function addSubscribe({ fastify, registry, streams, environment, json, limits }: RouteContext): void {
  fastify.route<{ Params: ServiceParams; Querystring: FilterQuery & { readonly lingerMaxMs?: number } }>({
    method: 'GET',
    url: '/v1/namespaces/:namespace/services/:service/subscribe',
    exposeHeadRoute: false,
    schema: {
      operationId: 'subscribe',
      summary: 'The instances of a service now, and whenever they change, as server-sent events.',
      description:
        'Each event `snapshot` has a snapshot as its data and its revision as its id; whoever is slow gets the newest. ' +
        'An event `failure` with a problem says why the stream ends. A service that does not exist yet has no instances.',
      tags,
      params: serviceParams,
      querystring: query({
        ...filterParameters,
        lingerMaxMs: {
          type: 'number',
          minimum: 0,
          maximum: 60_000,
          description: 'Gathers changes for so long before a snapshot is given. Unit: ms. Default: 0.',
        },
      }),
      headers: lastEventIdHeader,
      response: {
        200: {
          description: 'Events until the client, or the server, ends it.',
          content: { 'text/event-stream': { schema: { type: 'string' } } },
        },
        ...refusals(),
      },
    },
    handler: (request, reply) => {
      const { lingerMaxMs, ...filter } = request.query
      streams.checkRoom()
      const subscription = registry.subscribe(questionOf(request.params, filter), { lingerMaxMs })
      reply.hijack()
      void streams.serve({
        response: reply.raw,
        headers: Object.fromEntries(Object.entries(reply.getHeaders())),
        source: snapshotEvents({
          subscription,
          json,
          snapshotMaxBytes: limits.snapshotMaxBytes,
          lastRevision: lastEventRevisionOf(request.headers),
        }),
        environment,
        limits,
        failureOf,
      })
    },
  })
}

function questionOf(
  { namespace, service }: ServiceParams,
  { metadata, region, zone, campus, ...rest }: FilterQuery,
): ServiceKey & InstanceFilter & { readonly from?: string } {
  return {
    ...rest,
    namespace,
    service,
    metadata: metadataOf(metadata),
    location: locationOf({ region, zone, campus }),
  }
}
