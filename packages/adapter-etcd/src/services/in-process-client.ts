import { EtcdError, grpcStatus } from '../errors.ts'
import { toEtcdError } from './failure.ts'
import type { Unary } from './services.ts'

/**
 * Locks and elections of an etcd server are clients of its other services, in the same process, and what
 * those refuse with loses its status on the way: the text goes out as Unknown.
 */
export function asInProcessClient<Request, Response>(
  handle: Unary<Request, Response>,
): Unary<Request, Response> {
  return async (request, context) => {
    try {
      return await handle(request, context)
    } catch (error) {
      const refusal = toEtcdError(error)
      if (keepsStatus.has(refusal.status)) throw refusal
      throw new EtcdError('ETCD_CLIENT_REFUSED', { cause: error, details: refusal.details })
    }
  }
}

/** What gRPC itself makes of a context that ended, and our own bugs. */
const keepsStatus: ReadonlySet<number> = new Set([
  grpcStatus.canceled,
  grpcStatus.deadlineExceeded,
  grpcStatus.internal,
])
