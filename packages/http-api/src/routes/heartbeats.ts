import type { HeartbeatAnswer, InstanceKey } from '@orrery/registry'
import { parseHeartbeatBatch, RegistryError } from '@orrery/registry'
import type { InstanceParams } from '../schemas/parameters.ts'
import { instanceParams, query } from '../schemas/parameters.ts'
import { answer, bodyRefusals, empty, refusals } from '../schemas/responses.ts'
import { count, list, object, ref } from '../schemas/schema.ts'
import type { RouteContext } from './context.ts'
import { instanceNotFound } from './instances.ts'

const tags = ['heartbeats']

const position = { type: 'integer', minimum: 0 }

/** `.../heartbeat` and `/v1/heartbeats` */
export function addHeartbeatRoutes(context: RouteContext): void {
  addOne(context)
  addBatch(context)
}

function addOne({ fastify, registry }: RouteContext): void {
  fastify.route<{ Params: InstanceParams }>({
    method: 'PUT',
    url: '/v1/namespaces/:namespace/services/:service/instances/:id/heartbeat',
    schema: {
      operationId: 'heartbeat',
      summary: 'Says that an instance lives.',
      description:
        'After 404 it has to be registered again. After 503 another member may take the heartbeat.',
      tags,
      params: instanceParams,
      querystring: query({}),
      response: { 204: empty('It was noted.'), ...refusals(404) },
    },
    handler: (request, reply) => {
      const heartbeat = registry.heartbeat(request.params)
      if (heartbeat === 'unknown') throw instanceNotFound(request.params)
      if (heartbeat === 'unavailable') throw unavailable()
      return reply.code(204).send()
    },
  })
}

function addBatch({ fastify, registry, limits }: RouteContext): void {
  fastify.route<{ Body: { readonly keys: readonly InstanceKey[] } }>({
    method: 'POST',
    url: '/v1/heartbeats',
    bodyLimit: limits.batchMaxBytes,
    schema: {
      operationId: 'heartbeats',
      summary: 'Says that many instances live, at most 10 000.',
      tags,
      querystring: query({}),
      body: ref('RegistryHeartbeatKeys'),
      response: {
        200: answer(
          'How many were noted, and which not.',
          object({
            counts: object({
              ok: count('Noted.'),
              unknown: count('Not known.'),
              unavailable: count('Not noted by this member.'),
            }),
            unknown: list(position, 'Positions in keys of those that have to be registered again.'),
            unavailable: list(position, 'Positions in keys of those that another member may take.'),
          }),
        ),
        ...refusals(...bodyRefusals),
      },
    },
    handler: ({ body: { keys } }) => {
      const positions: Record<Exclude<HeartbeatAnswer, 'ok'>, number[]> = { unknown: [], unavailable: [] }
      for (const [index, key] of keys.entries()) {
        const heartbeat = registry.heartbeat(key)
        if (heartbeat !== 'ok') positions[heartbeat].push(index)
      }
      const { unknown, unavailable } = positions
      const ok = keys.length - unknown.length - unavailable.length
      return {
        counts: { ok, unknown: unknown.length, unavailable: unavailable.length },
        unknown,
        unavailable,
      }
    },
  })
}

/** `/v1/heartbeats/forwarded` */
export function addForwardedHeartbeatsRoute({ fastify, registry, limits }: RouteContext): void {
  fastify.route({
    method: 'POST',
    url: '/v1/heartbeats/forwarded',
    bodyLimit: limits.batchMaxBytes,
    // The registry looks at the batch itself, which need not be done twice.
    validatorCompiler: () => () => true,
    schema: {
      operationId: 'forwardedHeartbeats',
      summary: 'Takes heartbeats that another member took for this one. For members.',
      tags: ['members'],
      body: ref('RegistryHeartbeatBatch'),
      response: {
        200: answer('What came of them.', ref('RegistryHeartbeatReply')),
        ...refusals(...bodyRefusals),
      },
    },
    handler: ({ body }) => registry.receiveHeartbeats(parseHeartbeatBatch(body)),
  })
}

function unavailable(): RegistryError {
  return new RegistryError('REGISTRY_UNAVAILABLE', 'this member cannot vouch for heartbeats now')
}
