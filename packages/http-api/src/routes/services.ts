import type { PageRequest, ServiceKey, ServiceQuery, ServiceSpec } from '@orrery/registry'
import { RegistryError } from '@orrery/registry'
import { optionalBody } from '../open-api.ts'
import { entityTag, ifRevisionOf } from '../preconditions.ts'
import type { IfRevisionQuery, ServiceParams } from '../schemas/parameters.ts'
import {
  flagParameter,
  ifMatchHeader,
  ifRevisionParameter,
  metadataOf,
  metadataParameter,
  page,
  query,
  serviceParams,
  textParameter,
} from '../schemas/parameters.ts'
import { answer, bodyRefusals, empty, etag, pageOf, refusals } from '../schemas/responses.ts'
import { ref } from '../schemas/schema.ts'
import type { RouteContext } from './context.ts'
import { clientSignal } from './context.ts'

const tags = ['services']
const url = '/v1/namespaces/:namespace/services/:service'
const params = serviceParams

interface ServiceListQuery extends PageRequest, Omit<ServiceQuery, 'metadata'> {
  readonly metadata?: readonly string[]
}

/** `/v1/services` and `/v1/namespaces/:namespace/services/:service` */
export function addServiceRoutes(context: RouteContext): void {
  addList(context)
  addGet(context)
  addCreateAndUpdate(context)
  addDelete(context)
}

function addList({ fastify, registry }: RouteContext): void {
  fastify.route<{ Querystring: ServiceListQuery }>({
    method: 'GET',
    url: '/v1/services',
    schema: {
      operationId: 'listServices',
      summary: 'Services with how many instances they have, in order of namespace and name.',
      tags,
      querystring: query({
        namespace: textParameter('Of this namespace.'),
        name: textParameter('Of this name; with * at its begin or end, of names that end or begin so.'),
        business: textParameter('Of this business.'),
        department: textParameter('Of this department.'),
        ...metadataParameter,
        ...flagParameter('withHealthyInstance', 'Only those with a healthy instance.'),
        ...page,
      }),
      response: { 200: answer('A page of them.', pageOf(ref('RegistryServiceSummary'))), ...refusals() },
    },
    handler: ({ query: { metadata, ...rest } }) =>
      registry.services.list({ ...rest, metadata: metadataOf(metadata) }),
  })
}

function addGet({ fastify, registry }: RouteContext): void {
  fastify.route<{ Params: ServiceParams }>({
    method: 'GET',
    url,
    schema: {
      operationId: 'getService',
      summary: 'A service.',
      tags,
      params,
      querystring: query({}),
      response: { 200: answer('The service.', ref('RegistryService'), etag), ...refusals(404) },
    },
    handler: (request, reply) => {
      const service = registry.services.get(request.params)
      if (service === undefined) throw serviceNotFound(request.params)
      return reply.header('etag', entityTag(service.revision)).send(service)
    },
  })
}

function addCreateAndUpdate({ fastify, registry, limits }: RouteContext): void {
  const bodyLimit = limits.bodyMaxBytes
  fastify.route<{ Params: ServiceParams; Body: ServiceSpec }>({
    method: 'PUT',
    url,
    bodyLimit,
    schema: {
      operationId: 'createService',
      summary: 'Creates a service, or another name of one.',
      tags,
      params,
      querystring: query({}),
      body: ref('RegistryServiceSpec'),
      ...optionalBody,
      response: {
        201: answer('It was created.', ref('RegistryService'), etag),
        ...refusals(404, 409, ...bodyRefusals),
      },
    },
    handler: async (request, reply) => {
      const service = await registry.services.create(request.params, request.body, {
        signal: clientSignal(reply),
      })
      return reply.code(201).header('etag', entityTag(service.revision)).send(service)
    },
  })
  fastify.route<{ Params: ServiceParams; Body: ServiceSpec; Querystring: IfRevisionQuery }>({
    method: 'PATCH',
    url,
    bodyLimit,
    schema: {
      operationId: 'updateService',
      summary: 'Changes what is given of a service.',
      tags,
      params,
      querystring: query(ifRevisionParameter),
      headers: ifMatchHeader,
      body: ref('RegistryServiceChanges'),
      response: {
        200: answer('As it is now.', ref('RegistryService'), etag),
        ...refusals(404, 409, 412, ...bodyRefusals),
      },
    },
    handler: async (request, reply) => {
      const ifRevision = ifRevisionOf(request.query.ifRevision, request.headers)
      const options = { ifRevision, signal: clientSignal(reply) }
      const service = await registry.services.update(request.params, request.body, options)
      return reply.header('etag', entityTag(service.revision)).send(service)
    },
  })
}

function addDelete({ fastify, registry }: RouteContext): void {
  fastify.route<{
    Params: ServiceParams
    Querystring: IfRevisionQuery & { readonly withInstances?: boolean }
  }>({
    method: 'DELETE',
    url,
    schema: {
      operationId: 'deleteService',
      summary: 'Deletes a service.',
      tags,
      params,
      querystring: query({
        ...flagParameter(
          'withInstances',
          'Removes its instances with it, at most 100 000. Otherwise it may have none.',
        ),
        ...ifRevisionParameter,
      }),
      headers: ifMatchHeader,
      response: { 204: empty('It is gone.'), ...refusals(404, 409, 412) },
    },
    handler: async (request, reply) => {
      const { withInstances, ifRevision } = request.query
      await registry.services.delete(request.params, {
        withInstances,
        ifRevision: ifRevisionOf(ifRevision, request.headers),
        signal: clientSignal(reply),
      })
      return reply.code(204).send()
    },
  })
}

/** There is no such service. */
export function serviceNotFound({ namespace, service }: ServiceKey): RegistryError {
  return new RegistryError(
    'REGISTRY_SERVICE_NOT_FOUND',
    `there is no service ${service} in namespace ${namespace}`,
  )
}
