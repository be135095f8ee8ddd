import type { ReadQuery, Release, ReleaseInfo } from '@orrery/config-hub'
import { ConfigError } from '@orrery/config-hub'
import { hasCode } from '@orrery/environment'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { clientSignal } from '../../routes/context.ts'
import { ifNoneMatchHeader, query } from '../../schemas/parameters.ts'
import { answer, empty, type HeaderSchemas } from '../../schemas/responses.ts'
import { ref } from '../../schemas/schema.ts'
import { clientSaid } from '../caller.ts'
import { catchUp } from '../polls/catch-up.ts'
import {
  afterRevisionParameter,
  type ClientParameters,
  clientParameters,
  type FileParams,
  fileParams,
  flagParameter,
  publicKeyParameter,
} from '../schemas/parameters.ts'
import { refusals } from '../schemas/responses.ts'
import { publicKeyOf, type SealedQuery, sealedRelease } from '../sealed.ts'
import type { ConfigRouteContext } from './context.ts'
import { fileUrl } from './files.ts'

interface ActiveQuery extends ClientParameters, SealedQuery {
  readonly linearizable?: boolean
  readonly afterRevision?: number
}

type ActiveRequest = FastifyRequest<{ Params: FileParams; Querystring: ActiveQuery }>

interface ActiveExchange {
  readonly request: ActiveRequest
  readonly reply: FastifyReply
}

const etag: HeaderSchemas = {
  etag: { type: 'string', description: 'The version and the MD5, as a weak entity tag: W/"3-d41d8…".' },
}

/** `.../active` */
export function addActiveRoute(context: ConfigRouteContext): void {
  context.fastify.route<{ Params: FileParams; Querystring: ActiveQuery }>({
    method: 'GET',
    url: `${fileUrl}/active`,
    schema: {
      operationId: 'read',
      summary: 'What the client sees of a file, with its content.',
      description:
        'As this member knows it; with linearizable, with every write that was acknowledged before. A content that stands ' +
        'encrypted is sealed, unless the caller may read it.',
      tags: ['reading'],
      params: fileParams,
      querystring: query({
        ...clientParameters,
        ...afterRevisionParameter,
        ...flagParameter('linearizable', 'Waits for the cluster.'),
        ...publicKeyParameter,
      }),
      headers: ifNoneMatchHeader,
      response: {
        200: answer('The release.', ref('ConfigReadRelease'), etag),
        304: empty('What the caller has is still so.', etag),
        ...refusals(404, 409),
      },
    },
    handler: (request, reply) => read(context, { request, reply }),
  })
}

async function read(context: ConfigRouteContext, exchange: ActiveExchange): Promise<FastifyReply> {
  const { request, reply } = exchange
  const { linearizable, afterRevision } = request.query
  const client = context.caller.clientOf(request, clientSaid(request.query))
  const question: ReadQuery = { ...request.params, client }
  if (afterRevision !== undefined) await catchUp(context, reply, afterRevision)
  if (linearizable === true) await catchUpWithAll(context, question, clientSignal(reply))
  try {
    return await tell(context, exchange, question)
  } catch (error) {
    if (!hasCode(error, 'CONFIG_RELEASE_NOT_FOUND') || context.hub.peek(question) === undefined) throw error
    // What is seen here is too old already to be kept: this member is behind.
    await catchUpWithAll(context, question, clientSignal(reply))
    return await tell(context, exchange, question)
  }
}

async function tell(
  context: ConfigRouteContext,
  exchange: ActiveExchange,
  question: ReadQuery,
): Promise<FastifyReply> {
  const { hub, caller } = context
  const { request, reply } = exchange
  const seen = hub.peek(question)
  if (seen === undefined) throw nothingSeen(question)
  if (isKnown(seen, request)) return withTag(reply, seen).code(304).send()
  const publicKey = publicKeyOf(request, request.query)
  const isPlain = seen.encrypted && publicKey === undefined && (await caller.mayReadPlain(request))
  if (seen.encrypted && !isPlain) {
    const { namespace, group, file } = question
    const sought = { key: { namespace, group, file }, version: seen.version }
    const sealed = await sealedRelease(hub, sought, { publicKey, signal: clientSignal(reply) })
    return withTag(reply, seen).send(sealed)
  }
  const release = await hub.read(question, { signal: clientSignal(reply) })
  if (release === undefined) throw nothingSeen(question)
  // Another one than was seen before, encrypted since.
  if (release.encrypted && !isPlain) return await tell(context, exchange, question)
  return sendRelease(context, reply, release)
}

/** Whoever may not read what is encrypted need not: to be as far as everybody is all that is wanted of this read. */
async function catchUpWithAll(
  { hub }: ConfigRouteContext,
  question: ReadQuery,
  signal: AbortSignal,
): Promise<void> {
  try {
    await hub.readLinearizable(question, { signal })
  } catch (error) {
    if (!hasCode(error, 'CONFIG_KEYS_MISSING', 'CONFIG_DECRYPTION_FAILED')) throw error
  }
}

function sendRelease(
  { releaseJson }: ConfigRouteContext,
  reply: FastifyReply,
  release: Release,
): FastifyReply {
  return withTag(reply, release).type('application/json; charset=utf-8').send(releaseJson.of(release))
}

/** What is seen depends on who asks: no cache may give it to others. */
function withTag(reply: FastifyReply, info: ReleaseInfo): FastifyReply {
  return reply
    .header('etag', tagOf(info))
    .header('cache-control', info.encrypted ? 'private, no-store' : 'private, no-cache')
}

/** Weak: a gray release that was promoted is the same version with the same content, but says so. */
function tagOf({ version, md5 }: ReleaseInfo): string {
  return `W/"${version}-${md5}"`
}

function isKnown(info: ReleaseInfo, { headers }: ActiveRequest): boolean {
  const tag = tagOf(info).slice(2)
  const given = headers['if-none-match']?.slice(0, 4_096).split(',') ?? []
  return given.some((one) => one.trim().replace(/^W\//, '') === tag)
}

function nothingSeen({ namespace, group, file }: ReadQuery): ConfigError {
  return new ConfigError(
    'CONFIG_RELEASE_NOT_FOUND',
    `nothing of ${file} in ${namespace}/${group} is released for this client`,
  )
}
