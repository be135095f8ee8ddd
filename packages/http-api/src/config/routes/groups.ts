import type { GroupSpec, PageRequest } from '@orrery/config-hub'
import { ConfigError } from '@orrery/config-hub'
import { optionalBody } from '../../open-api.ts'
import { entityTag } from '../../preconditions.ts'
import type { IfRevisionQuery } from '../../schemas/parameters.ts'
import { ifMatchHeader, ifRevisionParameter, page, query, textParameter } from '../../schemas/parameters.ts'
import { answer, bodyRefusals, empty, etag, pageOf } from '../../schemas/responses.ts'
import { object, ref, texts } from '../../schemas/schema.ts'
import { type GroupParams, groupParams, noQuery } from '../schemas/parameters.ts'
import type { WithReason } from '../schemas/requests.ts'
import { refusals } from '../schemas/responses.ts'
import { type ConfigRouteContext, writeOptionsOf } from './context.ts'

const tags = ['groups']
const url = '/config/v1/namespaces/:namespace/groups/:group'
const params = groupParams

/** `/config/v1/namespaces`, `/config/v1/groups` and `.../groups/:group` */
export function addGroupRoutes(context: ConfigRouteContext): void {
  addLists(context)
  addGet(context)
  addCreateAndUpdate(context)
  addDelete(context)
}

function addLists({ fastify, hub }: ConfigRouteContext): void {
  fastify.route({
    method: 'GET',
    url: '/config/v1/namespaces',
    schema: {
      operationId: 'listNamespaces',
      summary: 'Namespaces that have groups, in order.',
      tags,
      querystring: noQuery,
      response: { 200: answer('Their names.', object({ items: texts('Names.') })), ...refusals() },
    },
    handler: () => ({ items: hub.groups.namespaces() }),
  })
  fastify.route<{ Querystring: PageRequest & { readonly namespace?: string } }>({
    method: 'GET',
    url: '/config/v1/groups',
    schema: {
      operationId: 'listGroups',
      summary: 'Groups, in order of namespace and name.',
      tags,
      querystring: query({ namespace: textParameter('Of this namespace.'), ...page }),
      response: { 200: answer('A page of them.', pageOf(ref('ConfigGroup'))), ...refusals() },
    },
    handler: (request) => hub.groups.list(request.query),
  })
}

function addGet({ fastify, hub }: ConfigRouteContext): void {
  fastify.route<{ Params: GroupParams }>({
    method: 'GET',
    url,
    schema: {
      operationId: 'getGroup',
      summary: 'A group.',
      tags,
      params,
      querystring: noQuery,
      response: { 200: answer('The group.', ref('ConfigGroup'), etag), ...refusals(404) },
    },
    handler: (request, reply) => {
      const group = hub.groups.get(request.params)
      if (group === undefined) throw groupNotFound(request.params)
      return reply.header('etag', entityTag(group.revision)).send(group)
    },
  })
}

function addCreateAndUpdate(context: ConfigRouteContext): void {
  const { fastify, hub, limits } = context
  const bodyLimit = limits.bodyMaxBytes
  fastify.route<{ Params: GroupParams; Body: GroupSpec & WithReason }>({
    method: 'PUT',
    url,
    bodyLimit,
    schema: {
      operationId: 'createGroup',
      summary: 'Creates a group.',
      tags,
      params,
      querystring: noQuery,
      body: ref('ConfigGroupSpec'),
      ...optionalBody,
      response: {
        201: answer('It was created.', ref('ConfigGroup'), etag),
        ...refusals(409, ...bodyRefusals),
      },
    },
    handler: async (request, reply) => {
      const { reason, ...spec } = request.body
      const options = writeOptionsOf(context, { request, reply }, { reason })
      const group = await hub.groups.create(request.params, spec, options)
      return reply.code(201).header('etag', entityTag(group.revision)).send(group)
    },
  })
  fastify.route<{ Params: GroupParams; Body: GroupSpec & WithReason; Querystring: IfRevisionQuery }>({
    method: 'PATCH',
    url,
    bodyLimit,
    schema: {
      operationId: 'updateGroup',
      summary: 'Changes what is given of a group.',
      tags,
      params,
      querystring: query(ifRevisionParameter),
      headers: ifMatchHeader,
      body: ref('ConfigGroupSpec'),
      response: {
        200: answer('As it is now.', ref('ConfigGroup'), etag),
        ...refusals(404, 412, ...bodyRefusals),
      },
    },
    handler: async (request, reply) => {
      const { reason, ...spec } = request.body
      const { ifRevision } = request.query
      const options = writeOptionsOf(context, { request, reply }, { ifRevision, reason })
      const group = await hub.groups.update(request.params, spec, options)
      return reply.header('etag', entityTag(group.revision)).send(group)
    },
  })
}

function addDelete(context: ConfigRouteContext): void {
  const { fastify, hub } = context
  fastify.route<{ Params: GroupParams; Querystring: IfRevisionQuery }>({
    method: 'DELETE',
    url,
    schema: {
      operationId: 'deleteGroup',
      summary: 'Deletes a group that has no files.',
      tags,
      params,
      querystring: query(ifRevisionParameter),
      headers: ifMatchHeader,
      response: { 204: empty('It is gone.'), ...refusals(404, 409, 412) },
    },
    handler: async (request, reply) => {
      const { ifRevision } = request.query
      await hub.groups.delete(request.params, writeOptionsOf(context, { request, reply }, { ifRevision }))
      return reply.code(204).send()
    },
  })
}

function groupNotFound({ namespace, group }: GroupParams): ConfigError {
  return new ConfigError('CONFIG_GROUP_NOT_FOUND', `there is no group ${namespace}/${group}`)
}
