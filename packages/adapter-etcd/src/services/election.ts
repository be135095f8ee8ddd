import type { Compare, TxnOp } from '@orrery/store'
import { toId, toSafeInteger } from '../codec/int64.ts'
import { EtcdError } from '../errors.ts'
import type { v3electionpb } from '../generated/messages.js'
import type { LeaderResponse } from '../messages.ts'
import { asInProcessClient } from './in-process-client.ts'
import type { Server } from './server.ts'
import type { CallContext, ElectionService, Unary } from './services.ts'
import { WaitingLine, type Place } from './waiting-line.ts'

const nothing = new Uint8Array(0)

/** Creates the service of elections. */
export function electionService(server: Server): ElectionService {
  const { store } = server
  const method = <Request, Response>(handle: Unary<Request, Response>): Unary<Request, Response> =>
    server.unary(asInProcessClient(handle))
  return {
    campaign: method((request, context) => campaign(server, request, context)),
    proclaim: method(async ({ leader, value }, context) => {
      const key = leaderKey(leader)
      const put = { type: 'put', key: key.key, value: value ?? nothing, lease: key.lease } as const
      const { succeeded, revision } = await store.txn(whileLeading(key, put), context)
      if (!succeeded) throw new EtcdError('ETCD_ELECTION_NOT_LEADER')
      return { header: server.header(revision) }
    }),
    leader: method(async ({ name }, context) => {
      const { revision, front } = await new WaitingLine(store, name ?? nothing).front(context)
      if (front === undefined) throw new EtcdError('ETCD_ELECTION_NO_LEADER')
      return { header: server.header(revision), kv: front }
    }),
    observe: server.serverStream((request, context) => observe(server, request, context)),
    resign: method(async ({ leader }, context) => {
      const { revision } = await store.txn(withdrawal(leaderKey(leader)), context)
      return { header: server.header(revision) }
    }),
  }
}

async function campaign(
  server: Server,
  request: v3electionpb.CampaignRequest,
  context: CallContext,
): Promise<v3electionpb.CampaignResponse> {
  const { store } = server
  const name = request.name ?? nothing
  const value = request.value ?? nothing
  const line = new WaitingLine(store, name)
  const place = await line.enter(toId(request.lease), value)
  try {
    context.signal.throwIfAborted()
    await replaceValue(server, place, value)
    await line.reachFront(place, context)
  } catch (error) {
    // Who does not wait any longer must not be elected.
    await store.txn(withdrawal(place))
    throw error
  }
  const { key, createRevision, lease } = place
  return { header: server.header(place.revision), leader: { name, key, rev: createRevision, lease } }
}

/** Who campaigns again does so with the new value. */
async function replaceValue({ store }: Server, place: Place, value: Uint8Array): Promise<void> {
  if (place.found === undefined || Buffer.compare(place.found.value, value) === 0) return
  const put = { type: 'put', key: place.key, value, lease: place.lease } as const
  const { succeeded } = await store.txn(whileLeading(place, put))
  if (!succeeded) throw new EtcdError('ETCD_ELECTION_NOT_LEADER')
}

async function* observe(
  server: Server,
  { name }: v3electionpb.LeaderRequest,
  context: CallContext,
): AsyncGenerator<LeaderResponse, void, undefined> {
  const line = new WaitingLine(server.store, name ?? nothing)
  for await (const { revision, front } of line.fronts(context)) {
    yield { header: server.header(revision), kv: front }
  }
}

type LeaderKey = Pick<Place, 'key' | 'lease' | 'createRevision'>

function leaderKey(leader: v3electionpb.LeaderKey | null | undefined): LeaderKey {
  if (!leader) throw new EtcdError('ETCD_LEADER_KEY_REQUIRED')
  const { key, lease, rev } = leader
  return { key: key ?? nothing, lease: toId(lease), createRevision: toSafeInteger(rev) }
}

/** Does `op` only if the key is still the one that was created then. */
function whileLeading(
  { key, createRevision }: LeaderKey,
  op: TxnOp,
): { readonly compare: readonly Compare[]; readonly success: readonly TxnOp[] } {
  return {
    compare: [{ key, target: 'createRevision', result: 'equal', value: createRevision }],
    success: [op],
  }
}

function withdrawal(place: LeaderKey): ReturnType<typeof whileLeading> {
  return whileLeading(place, { type: 'deleteRange', key: place.key })
}
