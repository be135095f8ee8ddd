import { hasCode } from '@orrery/environment'
import { toId, toSafeInteger } from '../codec/int64.ts'
import type { etcdserverpb } from '../generated/messages.js'
import { requestsUntil } from './requests-until.ts'
import type { Server } from './server.ts'
import type { CallContext, LeaseService } from './services.ts'

// etcd counts times to live in whole seconds, the store in milliseconds.

/** Longest time to live that etcd knows. Unit: s. A longer one is passed on as a second more, to be refused. */
const ttlMaxSeconds = 9_000_000_000

/** Creates the service of leases. */
export function leaseService(server: Server): LeaseService {
  const { leases } = server.store
  return {
    leaseGrant: server.unary(async ({ ID, TTL }, context) => {
      const ttlSeconds = Math.min(Math.max(1, toSafeInteger(TTL)), ttlMaxSeconds + 1)
      const { id, ttlMs, revision } = await leases.grant({ id: toId(ID), ttlMs: ttlSeconds * 1_000 }, context)
      return { header: server.header(revision), ID: id, TTL: Math.ceil(ttlMs / 1_000) }
    }),
    leaseRevoke: server.unary(async ({ ID }, context) => {
      const { revision } = await leases.revoke(toId(ID), context)
      return { header: server.header(revision) }
    }),
    leaseKeepAlive: server.bidiStream((requests, context) => keepAlive(server, requests, context)),
    leaseTimeToLive: server.unary(async ({ ID, keys }, context) => {
      const id = toId(ID)
      const wantsKeys = keys ?? false
      const lease = await leases.timeToLive(id, { keys: wantsKeys, signal: context.signal })
      if (lease === undefined) return { header: server.header(), ID: id, TTL: -1 }
      return {
        header: server.header(),
        ID: id,
        TTL: Math.floor(lease.remainingMs / 1_000),
        grantedTTL: Math.ceil(lease.grantedMs / 1_000),
        keys: lease.keys,
      }
    }),
    leaseLeases: server.unary(async (_request, context) => {
      const ids = await leases.list(context)
      return { header: server.header(), leases: ids.map((id) => ({ ID: id })) }
    }),
  }
}

/** Answers each request, in order, until the last. A lease that does not exist has no time to live. */
async function* keepAlive(
  server: Server,
  requests: AsyncIterable<etcdserverpb.LeaseKeepAliveRequest>,
  context: CallContext,
): AsyncGenerator<etcdserverpb.LeaseKeepAliveResponse, void, undefined> {
  for await (const { ID } of requestsUntil(requests, context.signal)) {
    const id = toId(ID)
    let ttlMs = 0
    try {
      ttlMs = (await server.store.leases.keepAlive(id, context)).ttlMs
    } catch (error) {
      if (!hasCode(error, 'LEASE_NOT_FOUND', 'LEASE_EXPIRED', 'LEASE_ID_INVALID')) throw error
    }
    yield { header: server.header(), ID: id, TTL: Math.ceil(ttlMs / 1_000) }
  }
}
