import type { PublishSpec, Release } from '@orrery/config-hub'
import { ConfigError } from '@orrery/config-hub'
import type { FastifyReply } from 'fastify'
import { optionalBody } from '../../open-api.ts'
import { entityTag } from '../../preconditions.ts'
import { clientSignal } from '../../routes/context.ts'
import type { IfRevisionQuery } from '../../schemas/parameters.ts'
import { ifMatchHeader, ifRevisionParameter, query } from '../../schemas/parameters.ts'
import { answer, bodyRefusals, etag } from '../../schemas/responses.ts'
import { ref } from '../../schemas/schema.ts'
import { withoutContent } from '../json/release-json.ts'
import {
  type FileParams,
  fileParams,
  ifMd5Parameter,
  publicKeyParameter,
  type ReleaseParams,
  releaseParams,
  slice,
  type SliceParameters,
} from '../schemas/parameters.ts'
import type { WithReason } from '../schemas/requests.ts'
import { refusals, sliceOf } from '../schemas/responses.ts'
import { publicKeyOf, type SealedQuery, sealedRelease } from '../sealed.ts'
import { type ConfigRouteContext, guardEncryption, writeOptionsOf } from './context.ts'
import { type ContentConditions, fileUrl } from './files.ts'

const tags = ['releases']

/** `.../publish`, `.../releases` and `.../withdraw` */
export function addReleaseRoutes(context: ConfigRouteContext): void {
  addPublish(context)
  addRollback(context)
  addWithdraw(context)
  addHistory(context)
  addGet(context)
}

/** Whoever releases need not be somebody who may read: the content is not told. */
export function sendReleased(reply: FastifyReply, release: Release): FastifyReply {
  return reply.code(201).send(withoutContent(release))
}

function addPublish(context: ConfigRouteContext): void {
  const { fastify, hub, limits } = context
  fastify.route<{ Params: FileParams; Body: PublishSpec & WithReason; Querystring: ContentConditions }>({
    method: 'POST',
    url: `${fileUrl}/publish`,
    bodyLimit: limits.bodyMaxBytes,
    schema: {
      operationId: 'publish',
      summary: 'Releases the draft, or the content that is given, for everybody.',
      tags,
      params: fileParams,
      querystring: query({ ...ifRevisionParameter, ...ifMd5Parameter }),
      headers: ifMatchHeader,
      body: ref('ConfigPublishSpec'),
      ...optionalBody,
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
      return sendReleased(reply, await hub.releases.publish(key, spec, { ...options, ifMd5 }))
    },
  })
}

function addRollback(context: ConfigRouteContext): void {
  const { fastify, hub, limits } = context
  fastify.route<{ Params: ReleaseParams; Body: WithReason; Querystring: IfRevisionQuery }>({
    method: 'POST',
    url: `${fileUrl}/releases/:version/rollback`,
    bodyLimit: limits.bodyMaxBytes,
    schema: {
      operationId: 'rollback',
      summary: 'Releases the content of an older version again, as a new version.',
      tags,
      params: releaseParams,
      querystring: query(ifRevisionParameter),
      headers: ifMatchHeader,
      body: ref('ConfigReason'),
      ...optionalBody,
      response: {
        201: answer('It is released.', ref('ConfigReleasedVersion')),
        ...refusals(404, 409, 412, ...bodyRefusals),
      },
    },
    handler: async (request, reply) => {
      const { version: to, ...key } = request.params
      const { ifRevision } = request.query
      const { reason } = request.body
      const options = writeOptionsOf(context, { request, reply }, { ifRevision, reason })
      return sendReleased(reply, await hub.releases.rollback(key, to, options))
    },
  })
}

function addWithdraw(context: ConfigRouteContext): void {
  const { fastify, hub, limits } = context
  fastify.route<{ Params: FileParams; Body: WithReason; Querystring: IfRevisionQuery }>({
    method: 'POST',
    url: `${fileUrl}/withdraw`,
    bodyLimit: limits.bodyMaxBytes,
    schema: {
      operationId: 'withdraw',
      summary: 'Takes what everybody sees away. The file and its history stay.',
      tags,
      params: fileParams,
      querystring: query(ifRevisionParameter),
      headers: ifMatchHeader,
      body: ref('ConfigReason'),
      ...optionalBody,
      response: {
        200: answer('The file as it is now.', ref('ConfigFile'), etag),
        ...refusals(404, 409, 412, ...bodyRefusals),
      },
    },
    handler: async (request, reply) => {
      const { ifRevision } = request.query
      const { reason } = request.body
      const options = writeOptionsOf(context, { request, reply }, { ifRevision, reason })
      const file = await hub.releases.withdraw(request.params, options)
      return reply.header('etag', entityTag(file.revision)).send(file)
    },
  })
}

function addHistory({ fastify, hub }: ConfigRouteContext): void {
  fastify.route<{ Params: FileParams; Querystring: SliceParameters }>({
    method: 'GET',
    url: `${fileUrl}/releases`,
    schema: {
      operationId: 'listReleases',
      summary: 'What was ever released of a file and is kept, the newest first.',
      tags,
      params: fileParams,
      querystring: query(slice),
      response: { 200: answer('A part of it.', sliceOf(ref('ConfigReleaseInfo'))), ...refusals() },
    },
    handler: (request, reply) =>
      hub.releases.history(request.params, { ...request.query, signal: clientSignal(reply) }),
  })
}

function addGet(context: ConfigRouteContext): void {
  const { fastify, hub, caller } = context
  fastify.route<{ Params: ReleaseParams; Querystring: SealedQuery }>({
    method: 'GET',
    url: `${fileUrl}/releases/:version`,
    schema: {
      operationId: 'getRelease',
      summary: 'A release with its content.',
      tags,
      params: releaseParams,
      querystring: query(publicKeyParameter),
      response: { 200: answer('The release.', ref('ConfigReadRelease')), ...refusals(404, 409) },
    },
    handler: async (request, reply) => {
      const { version: wanted, ...key } = request.params
      const publicKey = publicKeyOf(request, request.query)
      const signal = clientSignal(reply)
      if (publicKey !== undefined || !(await caller.mayReadPlain(request))) {
        // It says itself whether it is encrypted.
        return await sealedRelease(hub, { key, version: wanted }, { publicKey, signal })
      }
      const release = await hub.releases.get(key, wanted, { signal })
      if (release === undefined) {
        throw new ConfigError('CONFIG_RELEASE_NOT_FOUND', `there is no version ${wanted} of ${key.file}`)
      }
      return release
    },
  })
}
