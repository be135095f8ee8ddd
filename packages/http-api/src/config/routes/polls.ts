import type { WatchQuery } from '@orrery/config-hub'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { answer, bodyRefusals } from '../../schemas/responses.ts'
import { ref } from '../../schemas/schema.ts'
import { HttpPoll } from '../polls/http-poll.ts'
import { noQuery } from '../schemas/parameters.ts'
import { refusals } from '../schemas/responses.ts'
import type { ConfigRouteContext } from './context.ts'

interface PollBody extends WatchQuery {
  readonly timeoutMs?: number
}

/** `/config/v1/poll` */
export function addPollRoute(context: ConfigRouteContext): void {
  context.fastify.route<{ Body: PollBody }>({
    method: 'POST',
    url: '/config/v1/poll',
    bodyLimit: context.limits.bodyMaxBytes,
    schema: {
      operationId: 'poll',
      summary: 'Waits for changes, once.',
      description:
        'Answers at once when there are some already. Contents are to be read. Ask again with what is known then.',
      tags: ['reading'],
      querystring: noQuery,
      body: ref('ConfigPollQuery'),
      response: {
        200: answer('Changes, or that there were none in time.', ref('ConfigPollAnswer')),
        ...refusals(...bodyRefusals),
      },
    },
    handler: (request, reply) => poll(context, request, reply),
  })
}

/** No promise is given to Fastify, which would wait for it and for the reply: thousands are answered at a time. */
function poll(
  { hub, caller, pending, pollJson }: ConfigRouteContext,
  request: FastifyRequest<{ Body: PollBody }>,
  reply: FastifyReply,
): void {
  const { timeoutMs, client = {}, ...query } = request.body
  const { targets, known, afterRevision = 0 } = query
  const waiting = new HttpPoll({ reply, pollJson, afterRevision })
  pending.enter(reply.raw, targets.length + (known?.length ?? 0), waiting)
  // What was read of each is not kept besides what the hub needs of it.
  Reflect.set(request, 'body', undefined)
  try {
    waiting.begin(hub, { ...query, client: caller.clientOf(request, client) }, timeoutMs)
  } catch (error) {
    waiting.failed(error)
  }
}
