import type { FastifyReply } from 'fastify'
import { HttpApiError } from '../../errors.ts'
import type { ConfigRouteContext } from '../routes/context.ts'

/**
 * Waits until this member has seen a revision that the caller has seen.
 *
 * @throws HttpApiError `HTTP_API_LAGGING` when that takes too long, `HTTP_API_OVERLOADED` when too many wait
 */
export async function catchUp(
  { hub, pending, environment, limits }: ConfigRouteContext,
  reply: FastifyReply,
  revision: number,
): Promise<void> {
  if (revision <= hub.stats().revision) return
  const { signal, abort } = pending.enter(reply.raw, 1)
  const deadline = environment.clock.setTimer(limits.catchUpMaxMs, () =>
    abort(new HttpApiError('HTTP_API_LAGGING', `this member has not seen revision ${revision} yet`)),
  )
  try {
    await hub.reached(revision, { signal })
  } finally {
    deadline.cancel()
  }
}
