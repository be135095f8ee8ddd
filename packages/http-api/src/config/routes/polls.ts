import type { PollResult, WatchQuery } from '@orrery/config-hub'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { answer, bodyRefusals } from '../../schemas/responses.ts'
import { ref } from '../../schemas/schema.ts'
import { serverCloses } from '../polls/pending-requests.ts'
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
  const { targets, known, afterRevision } = query
  const { signal } = pending.enter(reply.raw, targets.length + (known?.length ?? 0))
  // What was read of each is not kept besides what the hub needs of it.
  Reflect.set(request, 'body', undefined)
  const answered = (result: PollResult): void => {
    void reply.type('application/json; charset=utf-8').send(pollJson.textOf(result))
  }
  hub
    .poll({ ...query, client: caller.clientOf(request, client) }, { timeoutMs, signal })
    .then(answered, (error: unknown) => {
      // Nothing that is not known already is said: whoever asks again finds another member.
      if (error === serverCloses) answered({ type: 'unchanged', revision: afterRevision ?? 0 })
      else void reply.send(error)
    })
}
