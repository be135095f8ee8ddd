import type { ChangeBatch } from '@orrery/registry'
import { HttpApiError } from '../errors.ts'
import type { EventFilter } from '../event-ring.ts'
import { jsonWithList } from '../json/json-stream.ts'
import { page, query, textParameter } from '../schemas/parameters.ts'
import { answer, refusals } from '../schemas/responses.ts'
import { list, object, ref, revision } from '../schemas/schema.ts'
import type { RouteContext } from './context.ts'

const tags = ['changes']

/** `/v1/changes` and `/v1/events` */
export function addChangeRoutes(context: RouteContext): void {
  addChanges(context)
  addEvents(context)
}

interface ChangesQuery {
  readonly since: number
  readonly namespace?: string
  readonly limit?: number
}

function addChanges({ fastify, registry, environment }: RouteContext): void {
  fastify.route<{ Querystring: ChangesQuery }>({
    method: 'GET',
    url: '/v1/changes',
    schema: {
      operationId: 'changes',
      summary: 'What changed after a revision.',
      description: 'Ask again with the revision of the answer as since. Batches are never cut.',
      tags,
      querystring: object(
        {
          since: revision('What the caller has.'),
          namespace: textParameter('Only there.'),
          limit: {
            ...page.limit,
            description: 'Ends with the batch that makes it so many changes. Default: 1000.',
          },
        },
        { optional: ['namespace', 'limit'] },
      ),
      response: { 200: answer('The changes.', ref('RegistryChanges')), ...refusals(410) },
    },
    handler: ({ query: { since, namespace, limit = 1_000 } }, reply) => {
      const upTo = registry.revision
      const all = registry.changesSince(since, namespace)
      if (all === undefined) {
        throw new HttpApiError('HTTP_API_CHANGES_GONE', `changes since ${since} are no longer known`)
      }
      const batches = firstOf(all, limit)
      const more = batches.length < all.length
      const last = batches.at(-1)?.revision ?? since
      // Without more, the caller need not ask again for what concerned others.
      const head = { revision: more ? last : Math.max(upTo, last), more }
      return reply
        .type('application/json; charset=utf-8')
        .send(jsonWithList({ head, name: 'batches', items: batches.map(withoutTime) }, environment.clock))
    },
  })
}

/** So many that they have `limit` changes together, or a little more. */
function firstOf(batches: readonly ChangeBatch[], limit: number): readonly ChangeBatch[] {
  let changes = 0
  const end = batches.findIndex(({ instances, services, namespaces }) => {
    changes += instances.length + services.length + namespaces.length
    return changes >= limit
  })
  return end === -1 ? batches : batches.slice(0, end + 1)
}

/** The monotonic clock of a member means nothing to others. */
function withoutTime({ revision, instances, services, namespaces }: ChangeBatch): Omit<ChangeBatch, 'atMs'> {
  return { revision, instances, services, namespaces }
}

function addEvents({ fastify, events }: RouteContext): void {
  fastify.route<{ Querystring: EventFilter & { readonly limit?: number } }>({
    method: 'GET',
    url: '/v1/events',
    schema: {
      operationId: 'events',
      summary: 'The last changes of health and removals that this member learned of, the newest first.',
      tags,
      querystring: query({
        namespace: textParameter('Only there.'),
        service: textParameter('Only of services of this name.'),
        id: textParameter('Only of instances of this id.'),
        limit: page.limit,
      }),
      response: { 200: answer('The events.', object({ items: list(ref('RegistryEvent')) })), ...refusals() },
    },
    handler: ({ query: { limit = 100, ...filter } }) => ({ items: events.latest(filter, limit) }),
  })
}
