import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { ListBody } from '../view/lists.ts'
import { chunksOf, sizeOf } from '../view/parts.ts'
import type { Failure } from './failure.ts'

/** A short answer. */
export interface Answer {
  /** @defaultValue `200` */
  readonly statusCode?: number
  readonly text: string
  /** @defaultValue `text/plain` */
  readonly contentType?: string | undefined
}

/** Answers with a text, or with no body when it is empty. */
export function answer(reply: FastifyReply, { statusCode = 200, text, contentType }: Answer): FastifyReply {
  if (text === '') return answerEmpty(reply, statusCode)
  return reply
    .code(statusCode)
    .header('content-type', contentType ?? 'text/plain; charset=utf-8')
    .header('vary', varying)
    .send(Buffer.from(text))
}

/** Answers without a body. Clients try to read whatever comes, and take it for a failure when they cannot. */
export function answerEmpty(reply: FastifyReply, statusCode: number): FastifyReply {
  return reply.code(statusCode).send()
}

/** Answers with why it did not go well, and when it may. */
export function answerFailure(reply: FastifyReply, failure: Failure): FastifyReply {
  const { statusCode, text, contentType, retryAfterS } = failure
  if (retryAfterS !== undefined) reply.header('retry-after', retryAfterS)
  return answer(reply, { statusCode, text, contentType })
}

/** Answers with a list, compressed or not. What is large is not put together for it: it is sent part by part. */
export function answerList(reply: FastifyReply, body: ListBody, isProtected: boolean): FastifyReply {
  const { contentType, encoding, parts } = body
  reply.header('content-type', contentType).header('vary', varying)
  if (isProtected) reply.header('x-self-preservation', 'active')
  if (encoding === 'gzip') reply.header('content-encoding', 'gzip')
  const [first, ...more] = parts
  if (first !== undefined && more.length === 0) return reply.send(first)
  const bytes = sizeOf(parts)
  if (bytes < wholeMaxBytes) return reply.send(Buffer.concat(parts, bytes))
  return reply.header('content-length', bytes).send(Readable.from(chunksOf(parts), { objectMode: false }))
}

/** Unit: bytes. */
const wholeMaxBytes = 131_072

const varying = 'accept, accept-encoding, x-eureka-accept, x-namespace'
