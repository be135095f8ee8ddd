import type { ConfigFile, FileKey, GrayRule, PublishSpec, WriteOptions } from '@orrery/config-hub'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { optionalBody } from '../../open-api.ts'
import { entityTag } from '../../preconditions.ts'
import type { IfRevisionQuery } from '../../schemas/parameters.ts'
import { ifMatchHeader, ifRevisionParameter, query } from '../../schemas/parameters.ts'
import { answer, bodyRefusals, etag } from '../../schemas/responses.ts'
import { ref } from '../../schemas/schema.ts'
import { type FileParams, fileParams, ifMd5Parameter } from '../schemas/parameters.ts'
import type { WithReason } from '../schemas/requests.ts'
import { refusals } from '../schemas/responses.ts'
import { type ConfigRouteContext, guardEncryption, writeOptionsOf } from './context.ts'
import { type ContentConditions, fileUrl } from './files.ts'
import { sendReleased } from './releases.ts'

const tags = ['gray releases']
const params = fileParams
const url = `${fileUrl}/gray`

interface GrayChange {
  readonly Params: FileParams
  readonly Querystring: IfRevisionQuery
}

/** `.../gray` */
export function addGrayRoutes(context: ConfigRouteContext): void {
  addPublish(context)
  addChangeRule(context)
  addPromote(context)
  addStop(context)
}

function addPublish(context: ConfigRouteContext): void {
  const { fastify, hub, limits } = context
  fastify.route<{
    Params: FileParams
    Body: PublishSpec & WithReason & { readonly rule: GrayRule }
    Querystring: ContentConditions
  }>({
    method: 'POST',
    url,
    bodyLimit: limits.bodyMaxBytes,
    schema: {
      operationId: 'publishGray',
      summary: 'Releases the draft, or the content that is given, for those who match a rule.',
      tags,
      params,
      querystring: query({ ...ifRevisionParameter, ...ifMd5Parameter }),
      headers: ifMatchHeader,
      body: ref('ConfigGrayPublishSpec'),
      response: {
        201: answer('It is released.', ref('ConfigReleasedVersion')),
        ...refusals(403, 404, 409, 412, ...bodyRefusals),
      },
    },
    handler: async (request, reply) => {
      const { reason, ...spec } = request.body
      const { ifRevision, ifMd5 } = request.query
      const key = request.params
      const asked = writeOptionsOf(context, { request, reply }, { ifRevision, reason })
      const options = await guardEncryption(context, { request, reply }, { key, spec, options: asked })
      return sendReleased(reply, await hub.gray.publish(key, spec, { ...options, ifMd5 }))
    },
  })
}

function addChangeRule(context: ConfigRouteContext): void {
  const { fastify, hub, limits } = context
  fastify.route<GrayChange & { Body: WithReason & { readonly rule: GrayRule } }>({
    method: 'PATCH',
    url,
    bodyLimit: limits.bodyMaxBytes,
    schema: {
      operationId: 'changeGrayRule',
      summary: 'Says anew who sees the gray release.',
      tags,
      params,
      querystring: query(ifRevisionParameter),
      headers: ifMatchHeader,
      body: ref('ConfigGrayRuleChange'),
      response: answers,
    },
    handler: async (request, reply) => {
      const { rule, reason } = request.body
      const { ifRevision } = request.query
      const options = writeOptionsOf(context, { request, reply }, { ifRevision, reason })
      return sendFile(reply, await hub.gray.changeRule(request.params, rule, options))
    },
  })
}

function addPromote(context: ConfigRouteContext): void {
  const { fastify, hub, limits } = context
  fastify.route<GrayChange & { Body: WithReason }>({
    method: 'POST',
    url: `${url}/promote`,
    bodyLimit: limits.bodyMaxBytes,
    schema: {
      operationId: 'promoteGray',
      summary: 'From now on everybody sees the gray release.',
      tags,
      params,
      querystring: query(ifRevisionParameter),
      headers: ifMatchHeader,
      body: ref('ConfigReason'),
      ...optionalBody,
      response: answers,
    },
    handler: (request, reply) =>
      finish(context, { request, reply, reason: request.body.reason }, (key, options) =>
        hub.gray.promote(key, options),
      ),
  })
}

function addStop(context: ConfigRouteContext): void {
  const { fastify, hub } = context
  fastify.route<GrayChange>({
    method: 'DELETE',
    url,
    schema: {
      operationId: 'stopGray',
      summary: 'Nobody sees the gray release any more.',
      tags,
      params,
      querystring: query(ifRevisionParameter),
      headers: ifMatchHeader,
      response: stopped,
    },
    handler: (request, reply) =>
      finish(context, { request, reply, reason: undefined }, (key, options) => hub.gray.stop(key, options)),
  })
}

const changed = answer('The file as it is now.', ref('ConfigFile'), etag)
const stopped = { 200: changed, ...refusals(404, 412) }
const answers = { 200: changed, ...refusals(404, 412, ...bodyRefusals) }

/** Ends a gray release, one way or the other. */
async function finish(
  context: ConfigRouteContext,
  {
    request,
    reply,
    reason,
  }: {
    readonly request: FastifyRequest<GrayChange>
    readonly reply: FastifyReply
    readonly reason: string | undefined
  },
  write: (key: FileKey, options: WriteOptions) => Promise<ConfigFile>,
): Promise<FastifyReply> {
  const { ifRevision } = request.query
  const options = writeOptionsOf(context, { request, reply }, { ifRevision, reason })
  return sendFile(reply, await write(request.params, options))
}

function sendFile(reply: FastifyReply, file: ConfigFile): FastifyReply {
  return reply.header('etag', entityTag(file.revision)).send(file)
}
