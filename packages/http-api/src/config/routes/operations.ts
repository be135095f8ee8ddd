import { answer } from '../../schemas/responses.ts'
import { object, ref, revision } from '../../schemas/schema.ts'
import { noQuery } from '../schemas/parameters.ts'
import { refusals, textAnswer } from '../schemas/responses.ts'
import type { ConfigRouteContext } from './context.ts'

const tags = ['operations']

const state = object({
  state: { type: 'string', enum: ['created', 'loading', 'ready', 'failed', 'closed'] },
  revision: revision('Up to which this member has seen everything.'),
})

/** What an operator, a load balancer or Prometheus asks for. */
export function addOperationRoutes({ fastify, hub, metrics }: ConfigRouteContext): void {
  fastify.route({
    method: 'GET',
    url: '/config/v1/stats',
    schema: {
      operationId: 'stats',
      summary: 'What this member holds, and what it counted since it was started.',
      tags,
      querystring: noQuery,
      response: { 200: answer('The counts.', ref('ConfigStats')), ...refusals() },
    },
    handler: () => hub.stats(),
  })
  fastify.route({
    method: 'GET',
    url: '/config/health',
    schema: {
      operationId: 'health',
      summary: 'Whether this member serves.',
      tags,
      response: { 200: answer('It does.', state), 503: answer('It does not, or not yet.', state) },
    },
    handler: (_request, reply) => {
      reply.code(hub.state === 'ready' ? 200 : 503).header('cache-control', 'no-store')
      return reply.send({ state: hub.state, revision: hub.stats().revision })
    },
  })
  fastify.route({
    method: 'GET',
    url: '/config/metrics',
    schema: {
      operationId: 'metrics',
      summary: 'All metrics now, for Prometheus.',
      tags,
      response: { 200: textAnswer('The metrics.'), ...refusals() },
    },
    handler: async (_request, reply) => reply.type(metrics.contentType).send(await metrics.expose()),
  })
}
