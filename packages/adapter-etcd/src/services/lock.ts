import { toId } from '../codec/int64.ts'
import { EtcdError } from '../errors.ts'
import type { v3lockpb } from '../generated/messages.js'
import { asInProcessClient } from './in-process-client.ts'
import type { Server } from './server.ts'
import type { CallContext, LockService, Unary } from './services.ts'
import { WaitingLine } from './waiting-line.ts'

const nothing = new Uint8Array(0)

/** Creates the service of locks. */
export function lockService(server: Server): LockService {
  const method = <Request, Response>(handle: Unary<Request, Response>): Unary<Request, Response> =>
    server.unary(asInProcessClient(handle))
  return {
    lock: method((request, context) => lock(server, request, context)),
    unlock: method(async ({ key }, context) => {
      const { revision } = await server.store.deleteRange({ key: key ?? nothing }, context)
      return { header: server.header(revision) }
    }),
  }
}

async function lock(
  server: Server,
  { name, lease }: v3lockpb.LockRequest,
  context: CallContext,
): Promise<v3lockpb.LockResponse> {
  const { store } = server
  const line = new WaitingLine(store, name ?? nothing)
  const place = await line.enter(toId(lease), nothing)
  try {
    context.signal.throwIfAborted()
    const waited = await line.reachFront(place, context)
    if (!waited) return { header: server.header(place.revision), key: place.key }
    // The lease may have run out meanwhile.
    const { revision, count } = await store.range({ key: place.key, countOnly: true }, context)
    if (count === 0) throw new EtcdError('ETCD_SESSION_EXPIRED')
    return { header: server.header(revision), key: place.key }
  } catch (error) {
    // Who does not wait any longer must not get the lock.
    await store.deleteRange({ key: place.key })
    throw error
  }
}
