import { HttpApiError } from '../errors.ts'
import { jsonWithList } from '../json/json-stream.ts'
import type { ConnectionLimitsView, ConnectionStatsView, ConnectionView } from '../options.ts'
import { page, query, textParameter } from '../schemas/parameters.ts'
import { answer, refusals } from '../schemas/responses.ts'
import type { Schema, SchemasOf } from '../schemas/schema.ts'
import { count, list, object, text } from '../schemas/schema.ts'
import type { RouteContext } from './context.ts'

const tags = ['connections']

const connection: Schema = object(
  {
    listener: text('That it came to.'),
    host: text('What it counts under. Absent: it has no address.'),
    remoteAddress: text('As the socket gave it.'),
    openedMs: { type: 'number', description: 'When it was let in. Unit: ms since 1970.' },
  } satisfies SchemasOf<ConnectionView>,
  { optional: ['host', 'remoteAddress'] },
)

const stats: Schema = object({
  total: count('Connections that are open.'),
  hosts: count('Hosts that they are of.'),
  refused: {
    type: 'object',
    additionalProperties: { type: 'integer', minimum: 0 },
    description: 'Connections that were refused, by the limit that they met.',
  },
} satisfies SchemasOf<ConnectionStatsView>)

interface ConnectionsQuery {
  readonly host?: string
  readonly offset?: number
  readonly limit?: number
}

/** `/v1/connections` */
export function addConnectionRoutes(
  { fastify, environment }: RouteContext,
  limits: ConnectionLimitsView,
): void {
  fastify.route<{ Querystring: ConnectionsQuery }>({
    method: 'GET',
    url: '/v1/connections',
    schema: {
      operationId: 'listConnections',
      summary: 'The connections of this process that are open.',
      tags,
      querystring: query({ host: textParameter('Of this host.'), ...page }),
      response: {
        200: answer(
          'A page of them.',
          object({ stats, total: count('Of the whole list.'), items: list(connection) }),
        ),
        ...refusals(),
      },
    },
    handler: ({ query: { host, offset = 0, limit = 100 } }, reply) => {
      const all = limits.connections()
      const found = host === undefined ? all : all.filter((one) => one.host === host)
      const head = { stats: limits.stats(), total: found.length }
      return reply
        .type('application/json; charset=utf-8')
        .send(
          jsonWithList(
            { head, name: 'items', items: found.slice(offset, offset + limit) },
            environment.clock,
          ),
        )
    },
  })
  fastify.route<{ Params: { readonly host: string } }>({
    method: 'DELETE',
    url: '/v1/connections/:host',
    schema: {
      operationId: 'closeConnections',
      summary: 'Ends all connections of a host.',
      tags,
      params: object({ host: text('As the list calls it, or an address.') }),
      querystring: query({}),
      response: {
        200: answer('They are ended.', object({ closed: count('How many there were.') })),
        ...refusals(404),
      },
    },
    handler: ({ params: { host } }) => {
      const closed = limits.closeHost(host)
      if (closed === 0) throw new HttpApiError('HTTP_API_CONNECTIONS_NOT_FOUND', `${host} has no connections`)
      return { closed }
    },
  })
}
