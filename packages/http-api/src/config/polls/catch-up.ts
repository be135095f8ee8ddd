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
  const controller = new AbortController()
  pending.enter(reply.raw, 1, { items: 1, end: (reason) => controller.abort(reason) })
  const deadline = environment.clock.setTimer(limits.catchUpMaxMs, () =>
    controller.abort(
      new HttpApiError('HTTP_API_LAGGING', `this member has not seen revision ${revision} yet`),
    ),
  )
  try {
    await hub.reached(revision, { signal: controller.signal })
  } finally {
    deadline.cancel()
  }
}
