import type { FileKey, FileSpec, PageRequest } from '@orrery/config-hub'
import { ConfigError } from '@orrery/config-hub'
import { jsonWithList } from '../../json/json-stream.ts'
import { optionalBody } from '../../open-api.ts'
import { entityTag } from '../../preconditions.ts'
import type { IfRevisionQuery } from '../../schemas/parameters.ts'
import { ifMatchHeader, ifRevisionParameter, labelsOf, page, query } from '../../schemas/parameters.ts'
import { answer, bodyRefusals, empty, etag, pageOf } from '../../schemas/responses.ts'
import { ref } from '../../schemas/schema.ts'
import { invalidRequest } from '../failure.ts'
import {
  type FileFilters,
  type FileParams,
  fileFilters,
  fileParams,
  ifMd5Parameter,
  noQuery,
} from '../schemas/parameters.ts'
import type { WithReason } from '../schemas/requests.ts'
import { refusals } from '../schemas/responses.ts'
import { type ConfigRouteContext, guardEncryption, writeOptionsOf } from './context.ts'

const tags = ['files']
const params = fileParams

/** Below which everything of a file is. */
export const fileUrl = '/config/v1/namespaces/:namespace/groups/:group/files/:file'

/** Conditions of a write of contents. */
export interface ContentConditions extends IfRevisionQuery {
  readonly ifMd5?: string
}

/** `/config/v1/files` and `.../files/:file` */
export function addFileRoutes(context: ConfigRouteContext): void {
  addReads(context)
  addSave(context)
  addDelete(context)
}

function addReads({ fastify, hub, environment }: ConfigRouteContext): void {
  fastify.route<{ Querystring: FileFilters & PageRequest }>({
    method: 'GET',
    url: '/config/v1/files',
    schema: {
      operationId: 'listFiles',
      summary: 'Files, in order of namespace, group and name.',
      tags,
      querystring: query({ ...fileFilters, ...page }),
      response: { 200: answer('A page of them.', pageOf(ref('ConfigFile'))), ...refusals() },
    },
    handler: ({ query: { tag, ...filters } }, reply) => {
      const { items, total } = hub.files.list({ ...filters, tags: tagsOf(tag) })
      return reply
        .type('application/json; charset=utf-8')
        .send(jsonWithList({ head: { total }, name: 'items', items }, environment.clock))
    },
  })
  fastify.route<{ Params: FileParams }>({
    method: 'GET',
    url: fileUrl,
    schema: {
      operationId: 'getFile',
      summary: 'A file, without contents.',
      tags,
      params,
      querystring: noQuery,
      response: { 200: answer('The file.', ref('ConfigFile'), etag), ...refusals(404) },
    },
    handler: (request, reply) => {
      const file = hub.files.get(request.params)
      if (file === undefined) throw fileNotFound(request.params)
      return reply.header('etag', entityTag(file.revision)).send(file)
    },
  })
}

function addSave(context: ConfigRouteContext): void {
  const { fastify, hub, limits } = context
  fastify.route<{ Params: FileParams; Body: FileSpec & WithReason; Querystring: ContentConditions }>({
    method: 'PUT',
    url: fileUrl,
    bodyLimit: limits.bodyMaxBytes,
    schema: {
      operationId: 'saveFile',
      summary: 'Creates or changes a file and its draft.',
      description:
        'What is absent stays as it is. Nobody who reads or watches sees anything of it until it is published.',
      tags,
      params,
      querystring: query({ ...ifRevisionParameter, ...ifMd5Parameter }),
      headers: ifMatchHeader,
      body: ref('ConfigFileSpec'),
      ...optionalBody,
      response: {
        200: answer('As it is now.', ref('ConfigFile'), etag),
        ...refusals(403, 404, 409, 412, ...bodyRefusals),
      },
    },
    handler: async (request, reply) => {
      const { reason, ...spec } = request.body
      const { ifRevision, ifMd5 } = request.query
      const key = request.params
      const asked = writeOptionsOf(context, { request, reply }, { ifRevision, reason })
      const options = await guardEncryption(context, { request, reply }, { key, spec, options: asked })
      const file = await hub.files.save(key, spec, { ...options, ifMd5 })
      return reply.header('etag', entityTag(file.revision)).send(file)
    },
  })
}

function addDelete(context: ConfigRouteContext): void {
  const { fastify, hub } = context
  fastify.route<{ Params: FileParams; Querystring: IfRevisionQuery }>({
    method: 'DELETE',
    url: fileUrl,
    schema: {
      operationId: 'deleteFile',
      summary: 'Deletes a file with its draft and all releases.',
      tags,
      params,
      querystring: query(ifRevisionParameter),
      headers: ifMatchHeader,
      response: { 204: empty('It is gone.'), ...refusals(404, 412) },
    },
    handler: async (request, reply) => {
      const { ifRevision } = request.query
      await hub.files.delete(request.params, writeOptionsOf(context, { request, reply }, { ifRevision }))
      return reply.code(204).send()
    },
  })
}

/** The parameter `tag`. @throws ConfigError `CONFIG_INVALID` when a key is there twice */
export function tagsOf(tag: readonly string[] | undefined): Readonly<Record<string, string>> | undefined {
  return tag && labelsOf(tag, 'tag', invalidRequest)
}

/** There is no such file. */
export function fileNotFound({ namespace, group, file }: FileKey): ConfigError {
  return new ConfigError('CONFIG_FILE_NOT_FOUND', `there is no file ${file} in ${namespace}/${group}`)
}
