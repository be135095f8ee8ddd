import type { TemplateSpec } from '@orrery/config-hub'
import { ConfigError } from '@orrery/config-hub'
import { entityTag } from '../../preconditions.ts'
import { clientSignal } from '../../routes/context.ts'
import type { IfRevisionQuery } from '../../schemas/parameters.ts'
import { ifMatchHeader, ifRevisionParameter, query } from '../../schemas/parameters.ts'
import { answer, bodyRefusals, empty, etag } from '../../schemas/responses.ts'
import { ref } from '../../schemas/schema.ts'
import { noQuery, slice, type SliceParameters, templateParams } from '../schemas/parameters.ts'
import type { WithReason } from '../schemas/requests.ts'
import { refusals, sliceOf } from '../schemas/responses.ts'
import { type ConfigRouteContext, writeOptionsOf } from './context.ts'

const tags = ['templates']
const url = '/config/v1/templates/:name'
const params = templateParams

interface TemplateParams {
  readonly name: string
}

/** `/config/v1/templates` */
export function addTemplateRoutes(context: ConfigRouteContext): void {
  addReads(context)
  addWrites(context)
}

function addReads({ fastify, hub }: ConfigRouteContext): void {
  fastify.route<{ Querystring: SliceParameters }>({
    method: 'GET',
    url: '/config/v1/templates',
    schema: {
      operationId: 'listTemplates',
      summary: 'Templates, in order of their names.',
      tags,
      querystring: query(slice),
      response: { 200: answer('A part of them.', sliceOf(ref('ConfigTemplate'))), ...refusals() },
    },
    handler: (request, reply) => hub.templates.list({ ...request.query, signal: clientSignal(reply) }),
  })
  fastify.route<{ Params: TemplateParams }>({
    method: 'GET',
    url,
    schema: {
      operationId: 'getTemplate',
      summary: 'A template.',
      tags,
      params,
      querystring: noQuery,
      response: { 200: answer('The template.', ref('ConfigTemplate'), etag), ...refusals(404) },
    },
    handler: async ({ params: { name } }, reply) => {
      const template = await hub.templates.get(name, { signal: clientSignal(reply) })
      if (template === undefined) {
        throw new ConfigError('CONFIG_TEMPLATE_NOT_FOUND', `there is no template ${name}`)
      }
      return reply.header('etag', entityTag(template.revision)).send(template)
    },
  })
}

function addWrites(context: ConfigRouteContext): void {
  const { fastify, hub, limits } = context
  fastify.route<{ Params: TemplateParams; Body: TemplateSpec & WithReason; Querystring: IfRevisionQuery }>({
    method: 'PUT',
    url,
    bodyLimit: limits.bodyMaxBytes,
    schema: {
      operationId: 'saveTemplate',
      summary: 'Creates or replaces a template.',
      tags,
      params,
      querystring: query(ifRevisionParameter),
      headers: ifMatchHeader,
      body: ref('ConfigTemplateSpec'),
      response: {
        200: answer('As it is now.', ref('ConfigTemplate'), etag),
        ...refusals(412, ...bodyRefusals),
      },
    },
    handler: async (request, reply) => {
      const { reason, ...spec } = request.body
      const { ifRevision } = request.query
      const options = writeOptionsOf(context, { request, reply }, { ifRevision, reason })
      const template = await hub.templates.save(request.params.name, spec, options)
      return reply.header('etag', entityTag(template.revision)).send(template)
    },
  })
  fastify.route<{ Params: TemplateParams; Querystring: IfRevisionQuery }>({
    method: 'DELETE',
    url,
    schema: {
      operationId: 'deleteTemplate',
      summary: 'Deletes a template.',
      tags,
      params,
      querystring: query(ifRevisionParameter),
      headers: ifMatchHeader,
      response: { 204: empty('It is gone.'), ...refusals(404, 412) },
    },
    handler: async (request, reply) => {
      const { ifRevision } = request.query
      const options = writeOptionsOf(context, { request, reply }, { ifRevision })
      await hub.templates.delete(request.params.name, options)
      return reply.code(204).send()
    },
  })
}
