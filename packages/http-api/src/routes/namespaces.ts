import type { NamespaceSpec } from '@orrery/registry'
import { RegistryError } from '@orrery/registry'
import { optionalBody } from '../open-api.ts'
import { entityTag, ifRevisionOf } from '../preconditions.ts'
import type { IfRevisionQuery, NamespaceParams } from '../schemas/parameters.ts'
import { ifMatchHeader, ifRevisionParameter, namespaceParams, query } from '../schemas/parameters.ts'
import { answer, bodyRefusals, empty, etag, refusals } from '../schemas/responses.ts'
import { list, object, ref } from '../schemas/schema.ts'
import type { RouteContext } from './context.ts'
import { clientSignal } from './context.ts'

const tags = ['namespaces']
const url = '/v1/namespaces/:namespace'
const params = namespaceParams

/** `/v1/namespaces` */
export function addNamespaceRoutes(context: RouteContext): void {
  addReads(context)
  addWrites(context)
}

function addReads({ fastify, registry }: RouteContext): void {
  fastify.route({
    method: 'GET',
    url: '/v1/namespaces',
    schema: {
      operationId: 'listNamespaces',
      summary: 'All namespaces, in order of name.',
      tags,
      querystring: query({}),
      response: {
        200: answer('The namespaces.', object({ items: list(ref('RegistryNamespace')) })),
        ...refusals(),
      },
    },
    handler: () => ({ items: registry.namespaces.list() }),
  })
  fastify.route<{ Params: NamespaceParams }>({
    method: 'GET',
    url,
    schema: {
      operationId: 'getNamespace',
      summary: 'A namespace.',
      tags,
      params,
      querystring: query({}),
      response: { 200: answer('The namespace.', ref('RegistryNamespace'), etag), ...refusals(404) },
    },
    handler: (request, reply) => {
      const { namespace: name } = request.params
      const namespace = registry.namespaces.get(name)
      if (namespace === undefined) throw namespaceNotFound(name)
      return reply.header('etag', entityTag(namespace.revision)).send(namespace)
    },
  })
}

function addWrites({ fastify, registry, limits }: RouteContext): void {
  const bodyLimit = limits.bodyMaxBytes
  fastify.route<{ Params: NamespaceParams; Body: NamespaceSpec }>({
    method: 'PUT',
    url,
    bodyLimit,
    schema: {
      operationId: 'createNamespace',
      summary: 'Creates a namespace.',
      tags,
      params,
      querystring: query({}),
      body: ref('RegistryNamespaceSpec'),
      ...optionalBody,
      response: {
        201: answer('It was created.', ref('RegistryNamespace'), etag),
        ...refusals(409, ...bodyRefusals),
      },
    },
    handler: async ({ params: { namespace: name }, body }, reply) => {
      const namespace = await registry.namespaces.create(name, body, { signal: clientSignal(reply) })
      return reply.code(201).header('etag', entityTag(namespace.revision)).send(namespace)
    },
  })
  fastify.route<{ Params: NamespaceParams; Body: NamespaceSpec; Querystring: IfRevisionQuery }>({
    method: 'PATCH',
    url,
    bodyLimit,
    schema: {
      operationId: 'updateNamespace',
      summary: 'Changes what is given of a namespace.',
      tags,
      params,
      querystring: query(ifRevisionParameter),
      headers: ifMatchHeader,
      body: ref('RegistryNamespaceSpec'),
      response: {
        200: answer('As it is now.', ref('RegistryNamespace'), etag),
        ...refusals(404, 412, ...bodyRefusals),
      },
    },
    handler: async (request, reply) => {
      const ifRevision = ifRevisionOf(request.query.ifRevision, request.headers)
      const options = { ifRevision, signal: clientSignal(reply) }
      const namespace = await registry.namespaces.update(request.params.namespace, request.body, options)
      return reply.header('etag', entityTag(namespace.revision)).send(namespace)
    },
  })
  fastify.route<{ Params: NamespaceParams; Querystring: IfRevisionQuery }>({
    method: 'DELETE',
    url,
    schema: {
      operationId: 'deleteNamespace',
      summary: 'Deletes a namespace that has no services.',
      tags,
      params,
      querystring: query(ifRevisionParameter),
      headers: ifMatchHeader,
      response: { 204: empty('It is gone.'), ...refusals(404, 409, 412) },
    },
    handler: async (request, reply) => {
      const ifRevision = ifRevisionOf(request.query.ifRevision, request.headers)
      await registry.namespaces.delete(request.params.namespace, { ifRevision, signal: clientSignal(reply) })
      return reply.code(204).send()
    },
  })
}

function namespaceNotFound(name: string): RegistryError {
  return new RegistryError('REGISTRY_NAMESPACE_NOT_FOUND', `there is no namespace ${name}`)
}
