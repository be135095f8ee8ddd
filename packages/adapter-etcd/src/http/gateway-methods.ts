import type { BidiStream, CallContext, EtcdServices, ServerStream, Unary } from '../services/services.ts'
import type { MessageObject } from './json/message-from-json.ts'

/** A method of the gateway with one request and one response. */
export interface UnaryMethod {
  readonly type: 'unary'
  /** True when it may wait for as long as the client does: such calls end when the server closes. */
  readonly waits: boolean
  /** Full name of the request message. */
  readonly request: string
  /** Full name of the response message. */
  readonly response: string
  readonly call: (
    services: EtcdServices,
    request: MessageObject,
    context: CallContext,
  ) => Promise<MessageObject>
}

/** A method of the gateway with many responses; with one request, further ones are ignored. */
export interface StreamMethod {
  readonly type: 'stream'
  readonly request: string
  readonly response: string
  readonly call: (
    services: EtcdServices,
    requests: AsyncIterable<MessageObject>,
    context: CallContext,
  ) => AsyncIterable<MessageObject>
}

/** A method of the gateway, or that etcd has it and we do not. */
export type GatewayMethod = UnaryMethod | StreamMethod | { readonly type: 'notSupported' }

type Select<Method> = (services: EtcdServices) => Method

/**
 * A message is plain data, read by the schema of the name that stands beside the method here: this is where
 * it gets its type. A test holds the names against the protocol's services.
 */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- stands for the cast
const typed = <Message>(message: unknown): Message => message as Message

function unary<Request, Response extends object>(
  [request, response]: readonly [request: string, response: string],
  select: Select<Unary<Request, Response>>,
): UnaryMethod {
  return {
    type: 'unary',
    waits: false,
    request,
    response,
    call: async (services, message, context) => typed(await select(services)(typed(message), context)),
  }
}

function bidiStream<Request, Response extends object>(
  [request, response]: readonly [request: string, response: string],
  select: Select<BidiStream<Request, Response>>,
): StreamMethod {
  return {
    type: 'stream',
    request,
    response,
    call: (services, messages, context) => typed(select(services)(typed(messages), context)),
  }
}

function serverStream<Request, Response extends object>(
  [request, response]: readonly [request: string, response: string],
  select: Select<ServerStream<Request, Response>>,
): StreamMethod {
  async function* call(
    services: EtcdServices,
    messages: AsyncIterable<MessageObject>,
    context: CallContext,
  ): AsyncGenerator<MessageObject> {
    for await (const message of messages) {
      const responses = select(services)(typed(message), context)
      for await (const one of responses) yield typed(one)
      return
    }
  }
  return { type: 'stream', request, response, call }
}

const waiting = (method: UnaryMethod): UnaryMethod => ({ ...method, waits: true })

/** The two messages of a method whose messages are named after it. */
function pair(name: string, namespace = 'etcdserverpb'): readonly [string, string] {
  return [`${namespace}.${name}Request`, `${namespace}.${name}Response`]
}

const lock = 'v3lockpb'
const election = 'v3electionpb'

const leaseRevoke = unary(pair('LeaseRevoke'), ({ lease }) => lease.leaseRevoke)
const leaseTimeToLive = unary(pair('LeaseTimeToLive'), ({ lease }) => lease.leaseTimeToLive)
const leaseLeases = unary(pair('LeaseLeases'), ({ lease }) => lease.leaseLeases)
const notSupported = { type: 'notSupported' } as const

const supported: Readonly<Record<string, GatewayMethod>> = {
  'kv/range': unary(pair('Range'), ({ kv }) => kv.range),
  'kv/put': unary(pair('Put'), ({ kv }) => kv.put),
  'kv/deleterange': unary(pair('DeleteRange'), ({ kv }) => kv.deleteRange),
  'kv/txn': unary(pair('Txn'), ({ kv }) => kv.txn),
  'kv/compaction': unary(pair('Compaction'), ({ kv }) => kv.compact),
  watch: bidiStream(pair('Watch'), ({ watch }) => watch.watch),
  'lease/grant': unary(pair('LeaseGrant'), ({ lease }) => lease.leaseGrant),
  'lease/revoke': leaseRevoke,
  'kv/lease/revoke': leaseRevoke,
  'lease/keepalive': bidiStream(pair('LeaseKeepAlive'), ({ lease }) => lease.leaseKeepAlive),
  'lease/timetolive': leaseTimeToLive,
  'kv/lease/timetolive': leaseTimeToLive,
  'lease/leases': leaseLeases,
  'kv/lease/leases': leaseLeases,
  'cluster/member/add': unary(pair('MemberAdd'), ({ cluster }) => cluster.memberAdd),
  'cluster/member/remove': unary(pair('MemberRemove'), ({ cluster }) => cluster.memberRemove),
  'cluster/member/update': unary(pair('MemberUpdate'), ({ cluster }) => cluster.memberUpdate),
  'cluster/member/list': unary(pair('MemberList'), ({ cluster }) => cluster.memberList),
  'cluster/member/promote': unary(pair('MemberPromote'), ({ cluster }) => cluster.memberPromote),
  'maintenance/alarm': unary(pair('Alarm'), ({ maintenance }) => maintenance.alarm),
  'maintenance/status': unary(pair('Status'), ({ maintenance }) => maintenance.status),
  'maintenance/defragment': unary(pair('Defragment'), ({ maintenance }) => maintenance.defragment),
  'maintenance/hash': unary(pair('Hash'), ({ maintenance }) => maintenance.hash),
  'maintenance/hashkv': unary(pair('HashKV'), ({ maintenance }) => maintenance.hashKv),
  'maintenance/snapshot': serverStream(pair('Snapshot'), ({ maintenance }) => maintenance.snapshot),
  'maintenance/transfer-leadership': unary(pair('MoveLeader'), ({ maintenance }) => maintenance.moveLeader),
  'maintenance/downgrade': unary(pair('Downgrade'), ({ maintenance }) => maintenance.downgrade),
  'auth/status': unary(pair('AuthStatus'), ({ auth }) => auth.authStatus),
  'auth/disable': unary(pair('AuthDisable'), ({ auth }) => auth.authDisable),
  'auth/authenticate': unary(pair('Authenticate'), ({ auth }) => auth.authenticate),
  'lock/lock': waiting(unary(pair('Lock', lock), (services) => services.lock.lock)),
  'lock/unlock': unary(pair('Unlock', lock), (services) => services.lock.unlock),
  'election/campaign': waiting(unary(pair('Campaign', election), (services) => services.election.campaign)),
  'election/proclaim': unary(pair('Proclaim', election), (services) => services.election.proclaim),
  'election/leader': unary(pair('Leader', election), (services) => services.election.leader),
  'election/observe': serverStream(pair('Leader', election), (services) => services.election.observe),
  'election/resign': unary(pair('Resign', election), (services) => services.election.resign),
}

/** Users and roles do not exist yet. */
const unsupportedPaths = [
  'auth/enable',
  ...['add', 'get', 'list', 'delete', 'changepw', 'grant', 'revoke'].map((verb) => `auth/user/${verb}`),
  ...['add', 'get', 'list', 'delete', 'grant', 'revoke'].map((verb) => `auth/role/${verb}`),
]

/** Every method by its path below `/v3/`; etcd 3.6, `rpc.proto`, `v3lock.proto`, `v3election.proto`. */
export const gatewayMethods: ReadonlyMap<string, GatewayMethod> = new Map([
  ...Object.entries(supported),
  ...unsupportedPaths.map((path) => [path, notSupported] as const),
])
