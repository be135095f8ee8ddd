// Generated from proto/ by test/generate.ts. Do not edit.
import type { Reader, Writer } from 'protobufjs'

/** Reads 64-bit integers in its own way. */
export type MessageReader = Omit<Reader, 'int64' | 'uint64'>
/** Writes 64-bit integers in its own way. */
export type MessageWriter = Omit<Writer, 'int64' | 'uint64'>

export interface MessageCodec<Message> {
  encode(message: Message, writer: MessageWriter): MessageWriter
  decode(reader: MessageReader): Message
}

export namespace etcdserverpb {
  interface ResponseHeader {
    readonly clusterId?: number | bigint | null | undefined
    readonly memberId?: number | bigint | null | undefined
    readonly revision?: number | bigint | null | undefined
    readonly raftTerm?: number | bigint | null | undefined
  }
  const ResponseHeader: MessageCodec<ResponseHeader>
  interface RangeRequest {
    readonly key?: Uint8Array | null | undefined
    readonly rangeEnd?: Uint8Array | null | undefined
    readonly limit?: number | bigint | null | undefined
    readonly revision?: number | bigint | null | undefined
    readonly sortOrder?: number | null | undefined
    readonly sortTarget?: number | null | undefined
    readonly serializable?: boolean | null | undefined
    readonly keysOnly?: boolean | null | undefined
    readonly countOnly?: boolean | null | undefined
    readonly minModRevision?: number | bigint | null | undefined
    readonly maxModRevision?: number | bigint | null | undefined
    readonly minCreateRevision?: number | bigint | null | undefined
    readonly maxCreateRevision?: number | bigint | null | undefined
  }
  const RangeRequest: MessageCodec<RangeRequest> & { readonly SortOrder: { readonly NONE: 0; readonly ASCEND: 1; readonly DESCEND: 2 }; readonly SortTarget: { readonly KEY: 0; readonly VERSION: 1; readonly CREATE: 2; readonly MOD: 3; readonly VALUE: 4 } }
  interface RangeResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
    readonly kvs?: readonly mvccpb.KeyValue[] | null | undefined
    readonly more?: boolean | null | undefined
    readonly count?: number | bigint | null | undefined
  }
  const RangeResponse: MessageCodec<RangeResponse>
  interface RangeStreamResponse {
    readonly rangeResponse?: etcdserverpb.RangeResponse | null | undefined
  }
  const RangeStreamResponse: MessageCodec<RangeStreamResponse>
  interface PutRequest {
    readonly key?: Uint8Array | null | undefined
    readonly value?: Uint8Array | null | undefined
    readonly lease?: number | bigint | null | undefined
    readonly prevKv?: boolean | null | undefined
    readonly ignoreValue?: boolean | null | undefined
    readonly ignoreLease?: boolean | null | undefined
  }
  const PutRequest: MessageCodec<PutRequest>
  interface PutResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
    readonly prevKv?: mvccpb.KeyValue | null | undefined
  }
  const PutResponse: MessageCodec<PutResponse>
  interface DeleteRangeRequest {
    readonly key?: Uint8Array | null | undefined
    readonly rangeEnd?: Uint8Array | null | undefined
    readonly prevKv?: boolean | null | undefined
  }
  const DeleteRangeRequest: MessageCodec<DeleteRangeRequest>
  interface DeleteRangeResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
    readonly deleted?: number | bigint | null | undefined
    readonly prevKvs?: readonly mvccpb.KeyValue[] | null | undefined
  }
  const DeleteRangeResponse: MessageCodec<DeleteRangeResponse>
  interface RequestOp {
    readonly requestRange?: etcdserverpb.RangeRequest | null | undefined
    readonly requestPut?: etcdserverpb.PutRequest | null | undefined
    readonly requestDeleteRange?: etcdserverpb.DeleteRangeRequest | null | undefined
    readonly requestTxn?: etcdserverpb.TxnRequest | null | undefined
  }
  const RequestOp: MessageCodec<RequestOp>
  interface ResponseOp {
    readonly responseRange?: etcdserverpb.RangeResponse | null | undefined
    readonly responsePut?: etcdserverpb.PutResponse | null | undefined
    readonly responseDeleteRange?: etcdserverpb.DeleteRangeResponse | null | undefined
    readonly responseTxn?: etcdserverpb.TxnResponse | null | undefined
  }
  const ResponseOp: MessageCodec<ResponseOp>
  interface Compare {
    readonly result?: number | null | undefined
    readonly target?: number | null | undefined
    readonly key?: Uint8Array | null | undefined
    readonly version?: number | bigint | null | undefined
    readonly createRevision?: number | bigint | null | undefined
    readonly modRevision?: number | bigint | null | undefined
    readonly value?: Uint8Array | null | undefined
    readonly lease?: number | bigint | null | undefined
    readonly rangeEnd?: Uint8Array | null | undefined
  }
  const Compare: MessageCodec<Compare> & { readonly CompareResult: { readonly EQUAL: 0; readonly GREATER: 1; readonly LESS: 2; readonly NOT_EQUAL: 3 }; readonly CompareTarget: { readonly VERSION: 0; readonly CREATE: 1; readonly MOD: 2; readonly VALUE: 3; readonly LEASE: 4 } }
  interface TxnRequest {
    readonly compare?: readonly etcdserverpb.Compare[] | null | undefined
    readonly success?: readonly etcdserverpb.RequestOp[] | null | undefined
    readonly failure?: readonly etcdserverpb.RequestOp[] | null | undefined
  }
  const TxnRequest: MessageCodec<TxnRequest>
  interface TxnResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
    readonly succeeded?: boolean | null | undefined
    readonly responses?: readonly etcdserverpb.ResponseOp[] | null | undefined
  }
  const TxnResponse: MessageCodec<TxnResponse>
  interface CompactionRequest {
    readonly revision?: number | bigint | null | undefined
    readonly physical?: boolean | null | undefined
  }
  const CompactionRequest: MessageCodec<CompactionRequest>
  interface CompactionResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
  }
  const CompactionResponse: MessageCodec<CompactionResponse>
  interface WatchRequest {
    readonly createRequest?: etcdserverpb.WatchCreateRequest | null | undefined
    readonly cancelRequest?: etcdserverpb.WatchCancelRequest | null | undefined
    readonly progressRequest?: etcdserverpb.WatchProgressRequest | null | undefined
  }
  const WatchRequest: MessageCodec<WatchRequest>
  interface WatchCreateRequest {
    readonly key?: Uint8Array | null | undefined
    readonly rangeEnd?: Uint8Array | null | undefined
    readonly startRevision?: number | bigint | null | undefined
    readonly progressNotify?: boolean | null | undefined
    readonly filters?: readonly number[] | null | undefined
    readonly prevKv?: boolean | null | undefined
    readonly watchId?: number | bigint | null | undefined
    readonly fragment?: boolean | null | undefined
  }
  const WatchCreateRequest: MessageCodec<WatchCreateRequest> & { readonly FilterType: { readonly NOPUT: 0; readonly NODELETE: 1 } }
  interface WatchCancelRequest {
    readonly watchId?: number | bigint | null | undefined
  }
  const WatchCancelRequest: MessageCodec<WatchCancelRequest>
  interface WatchProgressRequest {
  }
  const WatchProgressRequest: MessageCodec<WatchProgressRequest>
  interface WatchResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
    readonly watchId?: number | bigint | null | undefined
    readonly created?: boolean | null | undefined
    readonly canceled?: boolean | null | undefined
    readonly compactRevision?: number | bigint | null | undefined
    readonly cancelReason?: string | null | undefined
    readonly fragment?: boolean | null | undefined
    readonly events?: readonly mvccpb.Event[] | null | undefined
  }
  const WatchResponse: MessageCodec<WatchResponse>
  interface LeaseGrantRequest {
    readonly TTL?: number | bigint | null | undefined
    readonly ID?: number | bigint | null | undefined
  }
  const LeaseGrantRequest: MessageCodec<LeaseGrantRequest>
  interface LeaseGrantResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
    readonly ID?: number | bigint | null | undefined
    readonly TTL?: number | bigint | null | undefined
    readonly error?: string | null | undefined
  }
  const LeaseGrantResponse: MessageCodec<LeaseGrantResponse>
  interface LeaseRevokeRequest {
    readonly ID?: number | bigint | null | undefined
  }
  const LeaseRevokeRequest: MessageCodec<LeaseRevokeRequest>
  interface LeaseRevokeResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
  }
  const LeaseRevokeResponse: MessageCodec<LeaseRevokeResponse>
  interface LeaseKeepAliveRequest {
    readonly ID?: number | bigint | null | undefined
  }
  const LeaseKeepAliveRequest: MessageCodec<LeaseKeepAliveRequest>
  interface LeaseKeepAliveResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
    readonly ID?: number | bigint | null | undefined
    readonly TTL?: number | bigint | null | undefined
  }
  const LeaseKeepAliveResponse: MessageCodec<LeaseKeepAliveResponse>
  interface LeaseTimeToLiveRequest {
    readonly ID?: number | bigint | null | undefined
    readonly keys?: boolean | null | undefined
  }
  const LeaseTimeToLiveRequest: MessageCodec<LeaseTimeToLiveRequest>
  interface LeaseTimeToLiveResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
    readonly ID?: number | bigint | null | undefined
    readonly TTL?: number | bigint | null | undefined
    readonly grantedTTL?: number | bigint | null | undefined
    readonly keys?: readonly Uint8Array[] | null | undefined
  }
  const LeaseTimeToLiveResponse: MessageCodec<LeaseTimeToLiveResponse>
  interface LeaseLeasesRequest {
  }
  const LeaseLeasesRequest: MessageCodec<LeaseLeasesRequest>
  interface LeaseStatus {
    readonly ID?: number | bigint | null | undefined
  }
  const LeaseStatus: MessageCodec<LeaseStatus>
  interface LeaseLeasesResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
    readonly leases?: readonly etcdserverpb.LeaseStatus[] | null | undefined
  }
  const LeaseLeasesResponse: MessageCodec<LeaseLeasesResponse>
  interface Member {
    readonly ID?: number | bigint | null | undefined
    readonly name?: string | null | undefined
    readonly peerURLs?: readonly string[] | null | undefined
    readonly clientURLs?: readonly string[] | null | undefined
    readonly isLearner?: boolean | null | undefined
  }
  const Member: MessageCodec<Member>
  interface MemberAddRequest {
    readonly peerURLs?: readonly string[] | null | undefined
    readonly isLearner?: boolean | null | undefined
  }
  const MemberAddRequest: MessageCodec<MemberAddRequest>
  interface MemberAddResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
    readonly member?: etcdserverpb.Member | null | undefined
    readonly members?: readonly etcdserverpb.Member[] | null | undefined
  }
  const MemberAddResponse: MessageCodec<MemberAddResponse>
  interface MemberRemoveRequest {
    readonly ID?: number | bigint | null | undefined
  }
  const MemberRemoveRequest: MessageCodec<MemberRemoveRequest>
  interface MemberRemoveResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
    readonly members?: readonly etcdserverpb.Member[] | null | undefined
  }
  const MemberRemoveResponse: MessageCodec<MemberRemoveResponse>
  interface MemberUpdateRequest {
    readonly ID?: number | bigint | null | undefined
    readonly peerURLs?: readonly string[] | null | undefined
  }
  const MemberUpdateRequest: MessageCodec<MemberUpdateRequest>
  interface MemberUpdateResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
    readonly members?: readonly etcdserverpb.Member[] | null | undefined
  }
  const MemberUpdateResponse: MessageCodec<MemberUpdateResponse>
  interface MemberListRequest {
    readonly linearizable?: boolean | null | undefined
  }
  const MemberListRequest: MessageCodec<MemberListRequest>
  interface MemberListResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
    readonly members?: readonly etcdserverpb.Member[] | null | undefined
  }
  const MemberListResponse: MessageCodec<MemberListResponse>
  interface MemberPromoteRequest {
    readonly ID?: number | bigint | null | undefined
  }
  const MemberPromoteRequest: MessageCodec<MemberPromoteRequest>
  interface MemberPromoteResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
    readonly members?: readonly etcdserverpb.Member[] | null | undefined
  }
  const MemberPromoteResponse: MessageCodec<MemberPromoteResponse>
  const AlarmType: { readonly NONE: 0; readonly NOSPACE: 1; readonly CORRUPT: 2 }
  interface AlarmRequest {
    readonly action?: number | null | undefined
    readonly memberID?: number | bigint | null | undefined
    readonly alarm?: number | null | undefined
  }
  const AlarmRequest: MessageCodec<AlarmRequest> & { readonly AlarmAction: { readonly GET: 0; readonly ACTIVATE: 1; readonly DEACTIVATE: 2 } }
  interface AlarmMember {
    readonly memberID?: number | bigint | null | undefined
    readonly alarm?: number | null | undefined
  }
  const AlarmMember: MessageCodec<AlarmMember>
  interface AlarmResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
    readonly alarms?: readonly etcdserverpb.AlarmMember[] | null | undefined
  }
  const AlarmResponse: MessageCodec<AlarmResponse>
  interface StatusRequest {
  }
  const StatusRequest: MessageCodec<StatusRequest>
  interface StatusResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
    readonly version?: string | null | undefined
    readonly dbSize?: number | bigint | null | undefined
    readonly leader?: number | bigint | null | undefined
    readonly raftIndex?: number | bigint | null | undefined
    readonly raftTerm?: number | bigint | null | undefined
    readonly raftAppliedIndex?: number | bigint | null | undefined
    readonly errors?: readonly string[] | null | undefined
    readonly dbSizeInUse?: number | bigint | null | undefined
    readonly isLearner?: boolean | null | undefined
    readonly storageVersion?: string | null | undefined
    readonly dbSizeQuota?: number | bigint | null | undefined
    readonly downgradeInfo?: etcdserverpb.DowngradeInfo | null | undefined
  }
  const StatusResponse: MessageCodec<StatusResponse>
  interface DowngradeInfo {
    readonly enabled?: boolean | null | undefined
    readonly targetVersion?: string | null | undefined
  }
  const DowngradeInfo: MessageCodec<DowngradeInfo>
  interface DefragmentRequest {
  }
  const DefragmentRequest: MessageCodec<DefragmentRequest>
  interface DefragmentResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
  }
  const DefragmentResponse: MessageCodec<DefragmentResponse>
  interface HashRequest {
  }
  const HashRequest: MessageCodec<HashRequest>
  interface HashResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
    readonly hash?: number | null | undefined
  }
  const HashResponse: MessageCodec<HashResponse>
  interface HashKVRequest {
    readonly revision?: number | bigint | null | undefined
  }
  const HashKVRequest: MessageCodec<HashKVRequest>
  interface HashKVResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
    readonly hash?: number | null | undefined
    readonly compactRevision?: number | bigint | null | undefined
    readonly hashRevision?: number | bigint | null | undefined
  }
  const HashKVResponse: MessageCodec<HashKVResponse>
  interface SnapshotRequest {
  }
  const SnapshotRequest: MessageCodec<SnapshotRequest>
  interface SnapshotResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
    readonly remainingBytes?: number | bigint | null | undefined
    readonly blob?: Uint8Array | null | undefined
    readonly version?: string | null | undefined
  }
  const SnapshotResponse: MessageCodec<SnapshotResponse>
  interface MoveLeaderRequest {
    readonly targetID?: number | bigint | null | undefined
  }
  const MoveLeaderRequest: MessageCodec<MoveLeaderRequest>
  interface MoveLeaderResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
  }
  const MoveLeaderResponse: MessageCodec<MoveLeaderResponse>
  interface DowngradeRequest {
    readonly action?: number | null | undefined
    readonly version?: string | null | undefined
  }
  const DowngradeRequest: MessageCodec<DowngradeRequest> & { readonly DowngradeAction: { readonly VALIDATE: 0; readonly ENABLE: 1; readonly CANCEL: 2 } }
  interface DowngradeResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
    readonly version?: string | null | undefined
  }
  const DowngradeResponse: MessageCodec<DowngradeResponse>
  interface AuthEnableRequest {
  }
  const AuthEnableRequest: MessageCodec<AuthEnableRequest>
  interface AuthDisableRequest {
  }
  const AuthDisableRequest: MessageCodec<AuthDisableRequest>
  interface AuthStatusRequest {
  }
  const AuthStatusRequest: MessageCodec<AuthStatusRequest>
  interface AuthenticateRequest {
    readonly name?: string | null | undefined
    readonly password?: string | null | undefined
  }
  const AuthenticateRequest: MessageCodec<AuthenticateRequest>
  interface AuthUserAddRequest {
    readonly name?: string | null | undefined
    readonly password?: string | null | undefined
    readonly options?: authpb.UserAddOptions | null | undefined
    readonly hashedPassword?: string | null | undefined
  }
  const AuthUserAddRequest: MessageCodec<AuthUserAddRequest>
  interface AuthUserGetRequest {
    readonly name?: string | null | undefined
  }
  const AuthUserGetRequest: MessageCodec<AuthUserGetRequest>
  interface AuthUserListRequest {
  }
  const AuthUserListRequest: MessageCodec<AuthUserListRequest>
  interface AuthUserDeleteRequest {
    readonly name?: string | null | undefined
  }
  const AuthUserDeleteRequest: MessageCodec<AuthUserDeleteRequest>
  interface AuthUserChangePasswordRequest {
    readonly name?: string | null | undefined
    readonly password?: string | null | undefined
    readonly hashedPassword?: string | null | undefined
  }
  const AuthUserChangePasswordRequest: MessageCodec<AuthUserChangePasswordRequest>
  interface AuthUserGrantRoleRequest {
    readonly user?: string | null | undefined
    readonly role?: string | null | undefined
  }
  const AuthUserGrantRoleRequest: MessageCodec<AuthUserGrantRoleRequest>
  interface AuthUserRevokeRoleRequest {
    readonly name?: string | null | undefined
    readonly role?: string | null | undefined
  }
  const AuthUserRevokeRoleRequest: MessageCodec<AuthUserRevokeRoleRequest>
  interface AuthRoleAddRequest {
    readonly name?: string | null | undefined
  }
  const AuthRoleAddRequest: MessageCodec<AuthRoleAddRequest>
  interface AuthRoleGetRequest {
    readonly role?: string | null | undefined
  }
  const AuthRoleGetRequest: MessageCodec<AuthRoleGetRequest>
  interface AuthRoleListRequest {
  }
  const AuthRoleListRequest: MessageCodec<AuthRoleListRequest>
  interface AuthRoleDeleteRequest {
    readonly role?: string | null | undefined
  }
  const AuthRoleDeleteRequest: MessageCodec<AuthRoleDeleteRequest>
  interface AuthRoleGrantPermissionRequest {
    readonly name?: string | null | undefined
    readonly perm?: authpb.Permission | null | undefined
  }
  const AuthRoleGrantPermissionRequest: MessageCodec<AuthRoleGrantPermissionRequest>
  interface AuthRoleRevokePermissionRequest {
    readonly role?: string | null | undefined
    readonly key?: Uint8Array | null | undefined
    readonly rangeEnd?: Uint8Array | null | undefined
  }
  const AuthRoleRevokePermissionRequest: MessageCodec<AuthRoleRevokePermissionRequest>
  interface AuthEnableResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
  }
  const AuthEnableResponse: MessageCodec<AuthEnableResponse>
  interface AuthDisableResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
  }
  const AuthDisableResponse: MessageCodec<AuthDisableResponse>
  interface AuthStatusResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
    readonly enabled?: boolean | null | undefined
    readonly authRevision?: number | bigint | null | undefined
  }
  const AuthStatusResponse: MessageCodec<AuthStatusResponse>
  interface AuthenticateResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
    readonly token?: string | null | undefined
  }
  const AuthenticateResponse: MessageCodec<AuthenticateResponse>
  interface AuthUserAddResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
  }
  const AuthUserAddResponse: MessageCodec<AuthUserAddResponse>
  interface AuthUserGetResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
    readonly roles?: readonly string[] | null | undefined
  }
  const AuthUserGetResponse: MessageCodec<AuthUserGetResponse>
  interface AuthUserListResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
    readonly users?: readonly string[] | null | undefined
  }
  const AuthUserListResponse: MessageCodec<AuthUserListResponse>
  interface AuthUserDeleteResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
  }
  const AuthUserDeleteResponse: MessageCodec<AuthUserDeleteResponse>
  interface AuthUserChangePasswordResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
  }
  const AuthUserChangePasswordResponse: MessageCodec<AuthUserChangePasswordResponse>
  interface AuthUserGrantRoleResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
  }
  const AuthUserGrantRoleResponse: MessageCodec<AuthUserGrantRoleResponse>
  interface AuthUserRevokeRoleResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
  }
  const AuthUserRevokeRoleResponse: MessageCodec<AuthUserRevokeRoleResponse>
  interface AuthRoleAddResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
  }
  const AuthRoleAddResponse: MessageCodec<AuthRoleAddResponse>
  interface AuthRoleGetResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
    readonly perm?: readonly authpb.Permission[] | null | undefined
  }
  const AuthRoleGetResponse: MessageCodec<AuthRoleGetResponse>
  interface AuthRoleListResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
    readonly roles?: readonly string[] | null | undefined
  }
  const AuthRoleListResponse: MessageCodec<AuthRoleListResponse>
  interface AuthRoleDeleteResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
  }
  const AuthRoleDeleteResponse: MessageCodec<AuthRoleDeleteResponse>
  interface AuthRoleGrantPermissionResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
  }
  const AuthRoleGrantPermissionResponse: MessageCodec<AuthRoleGrantPermissionResponse>
  interface AuthRoleRevokePermissionResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
  }
  const AuthRoleRevokePermissionResponse: MessageCodec<AuthRoleRevokePermissionResponse>
}
export namespace mvccpb {
  interface KeyValue {
    readonly key?: Uint8Array | null | undefined
    readonly createRevision?: number | bigint | null | undefined
    readonly modRevision?: number | bigint | null | undefined
    readonly version?: number | bigint | null | undefined
    readonly value?: Uint8Array | null | undefined
    readonly lease?: number | bigint | null | undefined
  }
  const KeyValue: MessageCodec<KeyValue>
  interface Event {
    readonly type?: number | null | undefined
    readonly kv?: mvccpb.KeyValue | null | undefined
    readonly prevKv?: mvccpb.KeyValue | null | undefined
  }
  const Event: MessageCodec<Event> & { readonly EventType: { readonly PUT: 0; readonly DELETE: 1 } }
}
export namespace authpb {
  interface UserAddOptions {
    readonly noPassword?: boolean | null | undefined
  }
  const UserAddOptions: MessageCodec<UserAddOptions>
  interface Permission {
    readonly permType?: number | null | undefined
    readonly key?: Uint8Array | null | undefined
    readonly rangeEnd?: Uint8Array | null | undefined
  }
  const Permission: MessageCodec<Permission> & { readonly Type: { readonly READ: 0; readonly WRITE: 1; readonly READWRITE: 2 } }
}
export namespace v3lockpb {
  interface LockRequest {
    readonly name?: Uint8Array | null | undefined
    readonly lease?: number | bigint | null | undefined
  }
  const LockRequest: MessageCodec<LockRequest>
  interface LockResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
    readonly key?: Uint8Array | null | undefined
  }
  const LockResponse: MessageCodec<LockResponse>
  interface UnlockRequest {
    readonly key?: Uint8Array | null | undefined
  }
  const UnlockRequest: MessageCodec<UnlockRequest>
  interface UnlockResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
  }
  const UnlockResponse: MessageCodec<UnlockResponse>
}
export namespace v3electionpb {
  interface CampaignRequest {
    readonly name?: Uint8Array | null | undefined
    readonly lease?: number | bigint | null | undefined
    readonly value?: Uint8Array | null | undefined
  }
  const CampaignRequest: MessageCodec<CampaignRequest>
  interface CampaignResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
    readonly leader?: v3electionpb.LeaderKey | null | undefined
  }
  const CampaignResponse: MessageCodec<CampaignResponse>
  interface LeaderKey {
    readonly name?: Uint8Array | null | undefined
    readonly key?: Uint8Array | null | undefined
    readonly rev?: number | bigint | null | undefined
    readonly lease?: number | bigint | null | undefined
  }
  const LeaderKey: MessageCodec<LeaderKey>
  interface LeaderRequest {
    readonly name?: Uint8Array | null | undefined
  }
  const LeaderRequest: MessageCodec<LeaderRequest>
  interface LeaderResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
    readonly kv?: mvccpb.KeyValue | null | undefined
  }
  const LeaderResponse: MessageCodec<LeaderResponse>
  interface ProclaimRequest {
    readonly leader?: v3electionpb.LeaderKey | null | undefined
    readonly value?: Uint8Array | null | undefined
  }
  const ProclaimRequest: MessageCodec<ProclaimRequest>
  interface ProclaimResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
  }
  const ProclaimResponse: MessageCodec<ProclaimResponse>
  interface ResignRequest {
    readonly leader?: v3electionpb.LeaderKey | null | undefined
  }
  const ResignRequest: MessageCodec<ResignRequest>
  interface ResignResponse {
    readonly header?: etcdserverpb.ResponseHeader | null | undefined
  }
  const ResignResponse: MessageCodec<ResignResponse>
}
export namespace grpc {
  namespace health {
    namespace v1 {
      interface HealthCheckRequest {
        readonly service?: string | null | undefined
      }
      const HealthCheckRequest: MessageCodec<HealthCheckRequest>
      interface HealthCheckResponse {
        readonly status?: number | null | undefined
      }
      const HealthCheckResponse: MessageCodec<HealthCheckResponse> & { readonly ServingStatus: { readonly UNKNOWN: 0; readonly SERVING: 1; readonly NOT_SERVING: 2; readonly SERVICE_UNKNOWN: 3 } }
      interface HealthListRequest {
      }
      const HealthListRequest: MessageCodec<HealthListRequest>
      interface HealthListResponse {
        readonly statuses?: Readonly<Record<string, grpc.health.v1.HealthCheckResponse>>
      }
      const HealthListResponse: MessageCodec<HealthListResponse>
    }
  }
}
