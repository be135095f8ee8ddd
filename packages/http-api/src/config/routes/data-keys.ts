import { optionalBody } from '../../open-api.ts'
import { entityTag } from '../../preconditions.ts'
import { clientSignal } from '../../routes/context.ts'
import type { IfRevisionQuery } from '../../schemas/parameters.ts'
import { ifMatchHeader, ifRevisionParameter, query } from '../../schemas/parameters.ts'
import { answer, bodyRefusals, etag } from '../../schemas/responses.ts'
import { count, object, ref } from '../../schemas/schema.ts'
import { type FileParams, fileParams, noQuery } from '../schemas/parameters.ts'
import type { WithReason } from '../schemas/requests.ts'
import { refusals } from '../schemas/responses.ts'
import { type ConfigRouteContext, writeOptionsOf } from './context.ts'
import { fileUrl } from './files.ts'

const tags = ['data keys']

/** `.../data-key/rotate` and `/config/v1/data-keys/rewrap` */
export function addDataKeyRoutes(context: ConfigRouteContext): void {
  const { fastify, hub, limits } = context
  fastify.route<{ Params: FileParams; Body: WithReason; Querystring: IfRevisionQuery }>({
    method: 'POST',
    url: `${fileUrl}/data-key/rotate`,
    bodyLimit: limits.bodyMaxBytes,
    schema: {
      operationId: 'rotateDataKey',
      summary: 'Encrypts what is released of a file with a new data key, and releases it again.',
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
      const file = await hub.dataKeys.rotate(request.params, options)
      return reply.header('etag', entityTag(file.revision)).send(file)
    },
  })
  fastify.route({
    method: 'POST',
    url: '/config/v1/data-keys/rewrap',
    schema: {
      operationId: 'rewrapDataKeys',
      summary: 'Wraps data keys anew that were wrapped with another key than the present one.',
      tags,
      querystring: noQuery,
      response: {
        200: answer('It is done.', object({ rewrapped: count('How many were wrapped anew.') })),
        ...refusals(409),
      },
    },
    handler: async (_request, reply) => ({
      rewrapped: await hub.dataKeys.rewrap({ signal: clientSignal(reply) }),
    }),
  })
}
