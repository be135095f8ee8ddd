import { RegistryError } from '@orrery/registry'
import { query, textParameter } from '../schemas/parameters.ts'
import { protection as protectionFields } from '../schemas/models.ts'
import { answer, refusals } from '../schemas/responses.ts'
import { list, object, ref, revision } from '../schemas/schema.ts'
import type { RouteContext } from './context.ts'

const tags = ['operations']

/** What an operator, a load balancer or Prometheus asks for. */
export function addOperationRoutes(context: RouteContext): void {
  addStats(context)
  addProtection(context)
  addHealth(context)
  addMetrics(context)
}

function addStats({ fastify, registry }: RouteContext): void {
  fastify.route({
    method: 'GET',
    url: '/v1/stats',
    schema: {
      operationId: 'stats',
      summary: 'What this member holds, and what it counted since it was started.',
      tags,
      querystring: query({}),
      response: { 200: answer('The counts.', ref('RegistryStats')), ...refusals() },
    },
    handler: () => registry.stats(),
  })
  fastify.route({
    method: 'GET',
    url: '/v1/checkers',
    schema: {
      operationId: 'checkers',
      summary: 'The members that check health.',
      tags,
      querystring: query({}),
      response: {
        200: answer('The members.', object({ items: list(ref('RegistryChecker')) })),
        ...refusals(),
      },
    },
    handler: () => ({ items: registry.checkers() }),
  })
}

interface ProtectionQuery {
  readonly namespace?: string
  readonly service?: string
}

function addProtection({ fastify, registry }: RouteContext): void {
  fastify.route<{ Querystring: ProtectionQuery }>({
    method: 'GET',
    url: '/v1/protection',
    schema: {
      operationId: 'protection',
      summary: 'Whether evictions are held back because too many instances are expired.',
      tags,
      querystring: query({
        namespace: textParameter('With service: asks about that service alone.'),
        service: textParameter('With namespace: asks about that service alone.'),
      }),
      response: {
        200: answer(
          'Of the whole registry; of one service only whether its evictions are held back.',
          object(protectionFields, { optional: ['services', 'heldBack'] }),
        ),
        ...refusals(),
      },
    },
    handler: ({ query: { namespace, service } }) => {
      if (namespace === undefined && service === undefined) return registry.stats().protection
      if (namespace === undefined || service === undefined) {
        throw new RegistryError('REGISTRY_INVALID', 'namespace and service are given both, or neither')
      }
      return { active: registry.protection({ namespace, service }) }
    },
  })
}

function addHealth({ fastify, registry }: RouteContext): void {
  const state = object({
    state: { type: 'string', enum: ['created', 'starting', 'ready', 'failed', 'closing', 'closed'] },
    revision: revision('Up to which this member has followed.'),
  })
  fastify.route({
    method: 'GET',
    url: '/health',
    schema: {
      operationId: 'health',
      summary: 'Whether this member serves.',
      tags,
      response: { 200: answer('It does.', state), 503: answer('It does not, or not yet.', state) },
    },
    handler: (_request, reply) => {
      const isReady = registry.state === 'ready'
      reply.code(isReady ? 200 : 503).header('cache-control', 'no-store')
      return reply.send({ state: registry.state, revision: registry.revision })
    },
  })
}

function addMetrics({ fastify, metrics }: RouteContext): void {
  fastify.route({
    method: 'GET',
    url: '/metrics',
    schema: {
      operationId: 'metrics',
      summary: 'All metrics now, for Prometheus.',
      tags,
      response: {
        200: { description: 'The metrics.', content: { 'text/plain': { schema: { type: 'string' } } } },
        ...refusals(),
      },
    },
    handler: async (_request, reply) => reply.type(metrics.contentType).send(await metrics.expose()),
  })
}
