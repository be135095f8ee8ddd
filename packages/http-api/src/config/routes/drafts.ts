import type { Draft } from '@orrery/config-hub'
import { ConfigError, configLimits } from '@orrery/config-hub'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { optionalBody } from '../../open-api.ts'
import { entityTag } from '../../preconditions.ts'
import { clientSignal } from '../../routes/context.ts'
import type { IfRevisionQuery } from '../../schemas/parameters.ts'
import { ifMatchHeader, ifRevisionParameter, query } from '../../schemas/parameters.ts'
import { answer, etag } from '../../schemas/responses.ts'
import { ref } from '../../schemas/schema.ts'
import { invalidRequest } from '../failure.ts'
import { type FileParams, fileParams, ifMd5Parameter, noQuery } from '../schemas/parameters.ts'
import { refusals, textAnswer } from '../schemas/responses.ts'
import { type ConfigRouteContext, writeOptionsOf } from './context.ts'
import { type ContentConditions, fileUrl } from './files.ts'

const tags = ['files']
const params = fileParams

/** `.../files/:file/draft` and `.../files/:file/content` */
export function addDraftRoutes(context: ConfigRouteContext): void {
  addDraft(context)
  addContent(context)
  void context.fastify.register((scope, _options, done) => {
    addPutContent({ ...context, fastify: scope })
    done()
  })
}

function addDraft(context: ConfigRouteContext): void {
  const { fastify, hub } = context
  fastify.route<{ Params: FileParams }>({
    method: 'GET',
    url: `${fileUrl}/draft`,
    schema: {
      operationId: 'getDraft',
      summary: 'What is edited: the draft, or what was released last.',
      tags,
      params,
      querystring: noQuery,
      response: { 200: answer('The draft.', ref('ConfigDraft')), ...refusals(403, 404, 409) },
    },
    handler: (request, reply) => draftFor(context, request, reply),
  })
  fastify.route<{ Params: FileParams; Querystring: IfRevisionQuery }>({
    method: 'DELETE',
    url: `${fileUrl}/draft`,
    schema: {
      operationId: 'discardDraft',
      summary: 'Forgets the draft.',
      tags,
      params,
      querystring: query(ifRevisionParameter),
      headers: ifMatchHeader,
      response: {
        200: answer('The file as it is now.', ref('ConfigFile'), etag),
        ...refusals(404, 409, 412),
      },
    },
    handler: async (request, reply) => {
      const { ifRevision } = request.query
      const options = writeOptionsOf(context, { request, reply }, { ifRevision })
      const file = await hub.files.discardDraft(request.params, options)
      return reply.header('etag', entityTag(file.revision)).send(file)
    },
  })
}

function addContent(context: ConfigRouteContext): void {
  context.fastify.route<{ Params: FileParams }>({
    method: 'GET',
    url: `${fileUrl}/content`,
    schema: {
      operationId: 'getContent',
      summary: 'The content that is edited, as it is.',
      tags,
      params,
      querystring: noQuery,
      response: {
        200: {
          ...textAnswer('The content.'),
          headers: { 'x-content-md5': { type: 'string', description: 'What ifMd5 is compared with.' } },
        },
        ...refusals(403, 404, 409),
      },
    },
    handler: async (request, reply) => {
      const { content, md5 } = await draftFor(context, request, reply)
      // Whatever it is: it is no page of this server.
      reply.header('x-content-type-options', 'nosniff').header('x-content-md5', md5)
      return reply.type('text/plain; charset=utf-8').send(content)
    },
  })
}

/** In a scope of its own: it takes bodies of any type, as they are. */
function addPutContent(context: ConfigRouteContext): void {
  const { fastify, hub } = context
  fastify.removeAllContentTypeParsers()
  fastify.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  fastify.route<{ Params: FileParams; Querystring: ContentConditions }>({
    method: 'PUT',
    url: `${fileUrl}/content`,
    bodyLimit: configLimits.contentMaxBytes,
    schema: {
      operationId: 'saveContent',
      summary: 'Creates or changes the draft: the body is the content, as it is.',
      tags,
      params,
      querystring: query({ ...ifRevisionParameter, ...ifMd5Parameter }),
      headers: ifMatchHeader,
      body: { content: { '*/*': { schema: {} } } },
      ...optionalBody,
      response: {
        200: answer('The file as it is now.', ref('ConfigFile'), etag),
        ...refusals(404, 409, 412, 413),
      },
    },
    handler: async (request, reply) => {
      const { ifRevision, ifMd5 } = request.query
      const options = writeOptionsOf(context, { request, reply }, { ifRevision })
      const file = await hub.files.save(
        request.params,
        { content: textOf(request.body) },
        { ...options, ifMd5 },
      )
      return reply.header('etag', entityTag(file.revision)).send(file)
    },
  })
}

/** @throws HttpApiError `HTTP_API_PLAIN_FORBIDDEN`; ConfigError `CONFIG_NO_DRAFT` */
async function draftFor(
  { hub, caller }: ConfigRouteContext,
  request: FastifyRequest<{ Params: FileParams }>,
  reply: FastifyReply,
): Promise<Draft> {
  const draft = await hub.files.draft(request.params, { signal: clientSignal(reply) })
  if (draft === undefined) {
    throw new ConfigError('CONFIG_NO_DRAFT', `the file ${request.params.file} has no content yet`)
  }
  if (draft.encrypted) await caller.requirePlain(request)
  return draft
}

/** @throws ConfigError `CONFIG_INVALID` */
function textOf(body: unknown): string {
  // No body says as much as an empty one.
  if (!Buffer.isBuffer(body)) return ''
  try {
    // A byte order mark is a part of the content as everything else.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
  } catch {
    throw invalidRequest('content: must be UTF-8')
  }
}
