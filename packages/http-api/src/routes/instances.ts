import type {
  InstanceChanges,
  InstanceKey,
  InstanceQuery,
  InstanceSpec,
  JsonValue,
  Location,
} from '@orrery/registry'
import { RegistryError } from '@orrery/registry'
import { jsonWithList } from '../json/json-stream.ts'
import { entityTag, ifRevisionOf } from '../preconditions.ts'
import type { IfRevisionQuery, InstanceParams, ServiceParams } from '../schemas/parameters.ts'
import {
  flagParameter,
  ifMatchHeader,
  ifRevisionParameter,
  instanceParams,
  locationOf,
  locationParameters,
  metadataOf,
  metadataParameter,
  page,
  query,
  serviceParams,
  textParameter,
} from '../schemas/parameters.ts'
import { answer, bodyRefusals, etag, pageOf, refusals } from '../schemas/responses.ts'
import { object, ref, revision } from '../schemas/schema.ts'
import type { RouteContext } from './context.ts'
import { clientSignal, pathOf } from './context.ts'

const tags = ['instances']
const url = '/v1/namespaces/:namespace/services/:service/instances/:id'
const params = instanceParams

type InstanceListQuery = Omit<InstanceQuery, 'metadata' | 'location'> &
  Partial<Location> & { readonly metadata?: readonly string[] }

/** What JSON has for what is for ever. */
type ForEver<Spec> = Omit<Spec, 'evictAfterMs'> & { readonly evictAfterMs?: number | null }

type InstanceBody = ForEver<Omit<InstanceSpec, 'namespace' | 'service'>>
type ChangesBody = ForEver<Omit<InstanceChanges, 'extensions'>> & {
  readonly extensions?: Readonly<Record<string, JsonValue>>
}

/** `/v1/instances` and `/v1/namespaces/:namespace/services/:service/instances` */
export function addInstanceRoutes(context: RouteContext): void {
  addList(context)
  addGet(context)
  addRegister(context)
  addUpdate(context)
  addDeregister(context)
}

function addList({ fastify, registry, environment }: RouteContext): void {
  fastify.route<{ Querystring: InstanceListQuery }>({
    method: 'GET',
    url: '/v1/instances',
    schema: {
      operationId: 'listInstances',
      summary: 'Instances, in order of namespace, service and id.',
      tags,
      querystring: query({
        namespace: textParameter('Of this namespace.'),
        service: textParameter('Of services of this name.'),
        id: textParameter('Of this id.'),
        host: textParameter('At this host.'),
        port: { type: 'integer', minimum: 0, maximum: 65_535, description: 'At this port.' },
        protocol: textParameter('That speak this.'),
        version: textParameter('Of this version.'),
        ...flagParameter('healthy', 'Healthy ones, or those that are not.'),
        ...flagParameter('isolated', 'Isolated ones, or those that are not.'),
        ...metadataParameter,
        ...locationParameters,
        ...page,
      }),
      response: { 200: answer('A page of them.', pageOf(ref('RegistryInstance'))), ...refusals() },
    },
    handler: ({ query: { metadata, region, zone, campus, ...rest } }, reply) => {
      const { items, total } = registry.instances({
        ...rest,
        metadata: metadataOf(metadata),
        location: locationOf({ region, zone, campus }),
      })
      return reply
        .type('application/json; charset=utf-8')
        .send(jsonWithList({ head: { total }, name: 'items', items }, environment.clock))
    },
  })
}

function addGet({ fastify, registry }: RouteContext): void {
  fastify.route<{ Params: InstanceParams }>({
    method: 'GET',
    url,
    schema: {
      operationId: 'getInstance',
      summary: 'An instance.',
      tags,
      params,
      querystring: query({}),
      response: { 200: answer('The instance.', ref('RegistryInstance'), etag), ...refusals(404) },
    },
    handler: (request, reply) => {
      const instance = registry.instance(request.params)
      if (instance === undefined) throw instanceNotFound(request.params)
      return reply.header('etag', entityTag(instance.revision)).send(instance)
    },
  })
}

function addRegister(context: RouteContext): void {
  const { fastify, registry, limits } = context
  fastify.route<{ Params: ServiceParams; Body: InstanceBody; Querystring: IfRevisionQuery }>({
    method: 'POST',
    url: '/v1/namespaces/:namespace/services/:service/instances',
    bodyLimit: limits.bodyMaxBytes,
    schema: {
      operationId: 'registerInstance',
      summary: 'Registers an instance, or changes it to what is given.',
      tags,
      params: serviceParams,
      querystring: query(ifRevisionParameter),
      headers: ifMatchHeader,
      body: ref('RegistryInstanceSpec'),
      response: {
        200: answer('It was known already.', ref('RegistryInstance'), etag),
        201: answer('It is new.', ref('RegistryInstance'), {
          ...etag,
          location: { type: 'string', description: 'Its path.' },
        }),
        ...refusals(404, 409, 412, ...bodyRefusals),
      },
    },
    handler: async (request, reply) => {
      const { namespace, service } = request.params
      const ifRevision = ifRevisionOf(request.query.ifRevision, request.headers)
      const before = registry.revision
      const spec = { ...withEviction(request.body), namespace, service }
      const instance = await registry.register(spec, { ifRevision, signal: clientSignal(reply) })
      reply.header('etag', entityTag(instance.revision))
      if (instance.createdRevision > before) {
        const path = pathOf(context, 'namespaces', namespace, 'services', service, 'instances', instance.id)
        reply.code(201).header('location', path)
      }
      return reply.send(instance)
    },
  })
}

function addUpdate({ fastify, registry, limits }: RouteContext): void {
  fastify.route<{ Params: InstanceParams; Body: ChangesBody; Querystring: IfRevisionQuery }>({
    method: 'PATCH',
    url,
    bodyLimit: limits.bodyMaxBytes,
    schema: {
      operationId: 'updateInstance',
      summary: 'Changes what is given of an instance.',
      tags,
      params,
      querystring: query(ifRevisionParameter),
      headers: ifMatchHeader,
      body: ref('RegistryInstanceChanges'),
      response: {
        200: answer('As it is now.', ref('RegistryInstance'), etag),
        ...refusals(404, 412, ...bodyRefusals),
      },
    },
    handler: async (request, reply) => {
      const ifRevision = ifRevisionOf(request.query.ifRevision, request.headers)
      const { extensions, ...rest } = request.body
      const changes: InstanceChanges = {
        ...withEviction(rest),
        ...(extensions === undefined ? {} : { extensions: withoutNulls(extensions) }),
      }
      const options = { ifRevision, signal: clientSignal(reply) }
      const instance = await registry.update(request.params, changes, options)
      return reply.header('etag', entityTag(instance.revision)).send(instance)
    },
  })
}

function addDeregister({ fastify, registry }: RouteContext): void {
  fastify.route<{ Params: InstanceParams; Querystring: IfRevisionQuery }>({
    method: 'DELETE',
    url,
    schema: {
      operationId: 'deregisterInstance',
      summary: 'Removes an instance.',
      tags,
      params,
      querystring: query(ifRevisionParameter),
      headers: ifMatchHeader,
      response: {
        200: answer('It is gone.', object({ revision: revision('At which it went.') })),
        ...refusals(404, 412),
      },
    },
    handler: async (request, reply) => {
      const ifRevision = ifRevisionOf(request.query.ifRevision, request.headers)
      const { revision } = await registry.deregister(request.params, {
        ifRevision,
        signal: clientSignal(reply),
      })
      return { revision }
    },
  })
}

/** There is no such instance. */
export function instanceNotFound({ namespace, service, id }: InstanceKey): RegistryError {
  return new RegistryError(
    'REGISTRY_INSTANCE_NOT_FOUND',
    `there is no instance ${id} of service ${service} in namespace ${namespace}`,
  )
}

/** JSON has no infinity: `null` stands for it, here as in answers. */
function withEviction<Spec extends { readonly evictAfterMs?: number | null }>(
  spec: Spec,
): Omit<Spec, 'evictAfterMs'> & { readonly evictAfterMs?: number } {
  const { evictAfterMs, ...rest } = spec
  return evictAfterMs === undefined ? rest : { ...rest, evictAfterMs: evictAfterMs ?? Infinity }
}

/** In a change, `null` takes the extension of a protocol away. */
function withoutNulls(
  extensions: Readonly<Record<string, JsonValue>>,
): Readonly<Record<string, JsonValue | undefined>> {
  return Object.fromEntries(Object.entries(extensions).map(([name, value]) => [name, value ?? undefined]))
}
