import type { etcdserverpb, v3electionpb, v3lockpb } from '../generated/messages.js'
import type {
  DeleteRangeResponse,
  LeaderResponse,
  PutResponse,
  RangeResponse,
  RangeStreamResponse,
  TxnResponse,
  WatchResponse,
} from '../messages.ts'

/** What a transport knows about a call besides its message. */
export interface CallContext {
  /** Aborts when the client went away or its deadline passed. */
  readonly signal: AbortSignal
  readonly metadata: CallMetadata
  /**
   * Calls back once when the signal aborts, with its reason, and returns how to stop listening: for calls that stay
   * open, of which there may be many, where a signal of their own would be most of what they cost. Absent: the signal
   * has to do.
   */
  readonly onAbort?: ((callback: (reason: unknown) => void) => () => void) | undefined
}

/** The headers of a call. */
export interface CallMetadata {
  /** The first value of a header. @param name in lower case */
  get(name: string): string | undefined
}

/** One request, one response. Rejects with an `EtcdError`. */
export type Unary<Request, Response> = (request: Request, context: CallContext) => Promise<Response>

/** One request, many responses. Iterating throws an `EtcdError`; leaving the iteration ends the call. */
export type ServerStream<Request, Response> = (
  request: Request,
  context: CallContext,
) => AsyncIterable<Response>

/**
 * Many requests, many responses. Requests are read in order, and no faster than responses are taken. The call
 * goes on after the last request until its iteration is left, or the signal aborts, unless the method says
 * otherwise.
 */
export type BidiStream<Request, Response> = (
  requests: AsyncIterable<Request>,
  context: CallContext,
) => AsyncIterable<Response>

/** `etcdserverpb.KV` */
export interface KvService {
  readonly range: Unary<etcdserverpb.RangeRequest, RangeResponse>
  readonly put: Unary<etcdserverpb.PutRequest, PutResponse>
  readonly deleteRange: Unary<etcdserverpb.DeleteRangeRequest, DeleteRangeResponse>
  readonly txn: Unary<etcdserverpb.TxnRequest, TxnResponse>
  readonly compact: Unary<etcdserverpb.CompactionRequest, etcdserverpb.CompactionResponse>
  readonly rangeStream: ServerStream<etcdserverpb.RangeRequest, RangeStreamResponse>
}

/** `etcdserverpb.Watch` */
export interface WatchService {
  readonly watch: BidiStream<etcdserverpb.WatchRequest, WatchResponse>
}

/** `etcdserverpb.Lease` */
export interface LeaseService {
  readonly leaseGrant: Unary<etcdserverpb.LeaseGrantRequest, etcdserverpb.LeaseGrantResponse>
  readonly leaseRevoke: Unary<etcdserverpb.LeaseRevokeRequest, etcdserverpb.LeaseRevokeResponse>
  /** Ends after the response to the last request. */
  readonly leaseKeepAlive: BidiStream<etcdserverpb.LeaseKeepAliveRequest, etcdserverpb.LeaseKeepAliveResponse>
  readonly leaseTimeToLive: Unary<etcdserverpb.LeaseTimeToLiveRequest, etcdserverpb.LeaseTimeToLiveResponse>
  readonly leaseLeases: Unary<etcdserverpb.LeaseLeasesRequest, etcdserverpb.LeaseLeasesResponse>
}

/** `etcdserverpb.Cluster` */
export interface ClusterService {
  readonly memberAdd: Unary<etcdserverpb.MemberAddRequest, etcdserverpb.MemberAddResponse>
  readonly memberRemove: Unary<etcdserverpb.MemberRemoveRequest, etcdserverpb.MemberRemoveResponse>
  readonly memberUpdate: Unary<etcdserverpb.MemberUpdateRequest, etcdserverpb.MemberUpdateResponse>
  readonly memberList: Unary<etcdserverpb.MemberListRequest, etcdserverpb.MemberListResponse>
  readonly memberPromote: Unary<etcdserverpb.MemberPromoteRequest, etcdserverpb.MemberPromoteResponse>
}

/** `etcdserverpb.Maintenance` */
export interface MaintenanceService {
  readonly alarm: Unary<etcdserverpb.AlarmRequest, etcdserverpb.AlarmResponse>
  readonly status: Unary<etcdserverpb.StatusRequest, etcdserverpb.StatusResponse>
  readonly defragment: Unary<etcdserverpb.DefragmentRequest, etcdserverpb.DefragmentResponse>
  readonly hash: Unary<etcdserverpb.HashRequest, etcdserverpb.HashResponse>
  readonly hashKv: Unary<etcdserverpb.HashKVRequest, etcdserverpb.HashKVResponse>
  readonly snapshot: ServerStream<etcdserverpb.SnapshotRequest, etcdserverpb.SnapshotResponse>
  readonly moveLeader: Unary<etcdserverpb.MoveLeaderRequest, etcdserverpb.MoveLeaderResponse>
  readonly downgrade: Unary<etcdserverpb.DowngradeRequest, etcdserverpb.DowngradeResponse>
}

/** `etcdserverpb.Auth`, while authentication is off. */
export interface AuthService {
  readonly authStatus: Unary<etcdserverpb.AuthStatusRequest, etcdserverpb.AuthStatusResponse>
  readonly authDisable: Unary<etcdserverpb.AuthDisableRequest, etcdserverpb.AuthDisableResponse>
  readonly authenticate: Unary<etcdserverpb.AuthenticateRequest, etcdserverpb.AuthenticateResponse>
}

/** `v3lockpb.Lock` */
export interface LockService {
  readonly lock: Unary<v3lockpb.LockRequest, v3lockpb.LockResponse>
  readonly unlock: Unary<v3lockpb.UnlockRequest, v3lockpb.UnlockResponse>
}

/** `v3electionpb.Election` */
export interface ElectionService {
  readonly campaign: Unary<v3electionpb.CampaignRequest, v3electionpb.CampaignResponse>
  readonly proclaim: Unary<v3electionpb.ProclaimRequest, v3electionpb.ProclaimResponse>
  readonly leader: Unary<v3electionpb.LeaderRequest, LeaderResponse>
  readonly observe: ServerStream<v3electionpb.LeaderRequest, LeaderResponse>
  readonly resign: Unary<v3electionpb.ResignRequest, v3electionpb.ResignResponse>
}

/** Every service of an etcd server, bound to one store and to no transport. */
export interface EtcdServices {
  readonly kv: KvService
  readonly watch: WatchService
  readonly lease: LeaseService
  readonly cluster: ClusterService
  readonly maintenance: MaintenanceService
  readonly auth: AuthService
  readonly lock: LockService
  readonly election: ElectionService
}
