import {
  encodeDeleteRangeResponse,
  encodeLeaderResponse,
  encodePutResponse,
  encodeRangeResponse,
  encodeRangeStreamResponse,
  encodeTxnResponse,
  encodeWatchResponse,
} from '../codec/responses.ts'
import { etcdserverpb, v3electionpb, v3lockpb } from '../generated/messages.js'
import { bidiStream, serverStream, unary } from './method.ts'

/** `etcdserverpb.KV`: keys and values. */
export const kvDefinition = {
  Range: unary('/etcdserverpb.KV/Range', {
    request: etcdserverpb.RangeRequest,
    response: etcdserverpb.RangeResponse,
    encodeResponse: encodeRangeResponse,
  }),
  Put: unary('/etcdserverpb.KV/Put', {
    request: etcdserverpb.PutRequest,
    response: etcdserverpb.PutResponse,
    encodeResponse: encodePutResponse,
  }),
  DeleteRange: unary('/etcdserverpb.KV/DeleteRange', {
    request: etcdserverpb.DeleteRangeRequest,
    response: etcdserverpb.DeleteRangeResponse,
    encodeResponse: encodeDeleteRangeResponse,
  }),
  Txn: unary('/etcdserverpb.KV/Txn', {
    request: etcdserverpb.TxnRequest,
    response: etcdserverpb.TxnResponse,
    encodeResponse: encodeTxnResponse,
  }),
  Compact: unary('/etcdserverpb.KV/Compact', {
    request: etcdserverpb.CompactionRequest,
    response: etcdserverpb.CompactionResponse,
  }),
  RangeStream: serverStream('/etcdserverpb.KV/RangeStream', {
    request: etcdserverpb.RangeRequest,
    response: etcdserverpb.RangeStreamResponse,
    encodeResponse: encodeRangeStreamResponse,
  }),
}

/** `etcdserverpb.Watch`: changes. */
export const watchDefinition = {
  Watch: bidiStream('/etcdserverpb.Watch/Watch', {
    request: etcdserverpb.WatchRequest,
    response: etcdserverpb.WatchResponse,
    encodeResponse: encodeWatchResponse,
  }),
}

/** `etcdserverpb.Lease`: leases. */
export const leaseDefinition = {
  LeaseGrant: unary('/etcdserverpb.Lease/LeaseGrant', {
    request: etcdserverpb.LeaseGrantRequest,
    response: etcdserverpb.LeaseGrantResponse,
  }),
  LeaseRevoke: unary('/etcdserverpb.Lease/LeaseRevoke', {
    request: etcdserverpb.LeaseRevokeRequest,
    response: etcdserverpb.LeaseRevokeResponse,
  }),
  LeaseKeepAlive: bidiStream('/etcdserverpb.Lease/LeaseKeepAlive', {
    request: etcdserverpb.LeaseKeepAliveRequest,
    response: etcdserverpb.LeaseKeepAliveResponse,
  }),
  LeaseTimeToLive: unary('/etcdserverpb.Lease/LeaseTimeToLive', {
    request: etcdserverpb.LeaseTimeToLiveRequest,
    response: etcdserverpb.LeaseTimeToLiveResponse,
  }),
  LeaseLeases: unary('/etcdserverpb.Lease/LeaseLeases', {
    request: etcdserverpb.LeaseLeasesRequest,
    response: etcdserverpb.LeaseLeasesResponse,
  }),
}

/** `etcdserverpb.Cluster`: members. */
export const clusterDefinition = {
  MemberAdd: unary('/etcdserverpb.Cluster/MemberAdd', {
    request: etcdserverpb.MemberAddRequest,
    response: etcdserverpb.MemberAddResponse,
  }),
  MemberRemove: unary('/etcdserverpb.Cluster/MemberRemove', {
    request: etcdserverpb.MemberRemoveRequest,
    response: etcdserverpb.MemberRemoveResponse,
  }),
  MemberUpdate: unary('/etcdserverpb.Cluster/MemberUpdate', {
    request: etcdserverpb.MemberUpdateRequest,
    response: etcdserverpb.MemberUpdateResponse,
  }),
  MemberList: unary('/etcdserverpb.Cluster/MemberList', {
    request: etcdserverpb.MemberListRequest,
    response: etcdserverpb.MemberListResponse,
  }),
  MemberPromote: unary('/etcdserverpb.Cluster/MemberPromote', {
    request: etcdserverpb.MemberPromoteRequest,
    response: etcdserverpb.MemberPromoteResponse,
  }),
}

/** `etcdserverpb.Maintenance`: the operator. */
export const maintenanceDefinition = {
  Alarm: unary('/etcdserverpb.Maintenance/Alarm', {
    request: etcdserverpb.AlarmRequest,
    response: etcdserverpb.AlarmResponse,
  }),
  Status: unary('/etcdserverpb.Maintenance/Status', {
    request: etcdserverpb.StatusRequest,
    response: etcdserverpb.StatusResponse,
  }),
  Defragment: unary('/etcdserverpb.Maintenance/Defragment', {
    request: etcdserverpb.DefragmentRequest,
    response: etcdserverpb.DefragmentResponse,
  }),
  Hash: unary('/etcdserverpb.Maintenance/Hash', {
    request: etcdserverpb.HashRequest,
    response: etcdserverpb.HashResponse,
  }),
  HashKV: unary('/etcdserverpb.Maintenance/HashKV', {
    request: etcdserverpb.HashKVRequest,
    response: etcdserverpb.HashKVResponse,
  }),
  Snapshot: serverStream('/etcdserverpb.Maintenance/Snapshot', {
    request: etcdserverpb.SnapshotRequest,
    response: etcdserverpb.SnapshotResponse,
  }),
  MoveLeader: unary('/etcdserverpb.Maintenance/MoveLeader', {
    request: etcdserverpb.MoveLeaderRequest,
    response: etcdserverpb.MoveLeaderResponse,
  }),
  Downgrade: unary('/etcdserverpb.Maintenance/Downgrade', {
    request: etcdserverpb.DowngradeRequest,
    response: etcdserverpb.DowngradeResponse,
  }),
}

/** `etcdserverpb.Auth`: users and roles. */
export const authDefinition = {
  AuthEnable: unary('/etcdserverpb.Auth/AuthEnable', {
    request: etcdserverpb.AuthEnableRequest,
    response: etcdserverpb.AuthEnableResponse,
  }),
  AuthDisable: unary('/etcdserverpb.Auth/AuthDisable', {
    request: etcdserverpb.AuthDisableRequest,
    response: etcdserverpb.AuthDisableResponse,
  }),
  AuthStatus: unary('/etcdserverpb.Auth/AuthStatus', {
    request: etcdserverpb.AuthStatusRequest,
    response: etcdserverpb.AuthStatusResponse,
  }),
  Authenticate: unary('/etcdserverpb.Auth/Authenticate', {
    request: etcdserverpb.AuthenticateRequest,
    response: etcdserverpb.AuthenticateResponse,
  }),
  UserAdd: unary('/etcdserverpb.Auth/UserAdd', {
    request: etcdserverpb.AuthUserAddRequest,
    response: etcdserverpb.AuthUserAddResponse,
  }),
  UserGet: unary('/etcdserverpb.Auth/UserGet', {
    request: etcdserverpb.AuthUserGetRequest,
    response: etcdserverpb.AuthUserGetResponse,
  }),
  UserList: unary('/etcdserverpb.Auth/UserList', {
    request: etcdserverpb.AuthUserListRequest,
    response: etcdserverpb.AuthUserListResponse,
  }),
  UserDelete: unary('/etcdserverpb.Auth/UserDelete', {
    request: etcdserverpb.AuthUserDeleteRequest,
    response: etcdserverpb.AuthUserDeleteResponse,
  }),
  UserChangePassword: unary('/etcdserverpb.Auth/UserChangePassword', {
    request: etcdserverpb.AuthUserChangePasswordRequest,
    response: etcdserverpb.AuthUserChangePasswordResponse,
  }),
  UserGrantRole: unary('/etcdserverpb.Auth/UserGrantRole', {
    request: etcdserverpb.AuthUserGrantRoleRequest,
    response: etcdserverpb.AuthUserGrantRoleResponse,
  }),
  UserRevokeRole: unary('/etcdserverpb.Auth/UserRevokeRole', {
    request: etcdserverpb.AuthUserRevokeRoleRequest,
    response: etcdserverpb.AuthUserRevokeRoleResponse,
  }),
  RoleAdd: unary('/etcdserverpb.Auth/RoleAdd', {
    request: etcdserverpb.AuthRoleAddRequest,
    response: etcdserverpb.AuthRoleAddResponse,
  }),
  RoleGet: unary('/etcdserverpb.Auth/RoleGet', {
    request: etcdserverpb.AuthRoleGetRequest,
    response: etcdserverpb.AuthRoleGetResponse,
  }),
  RoleList: unary('/etcdserverpb.Auth/RoleList', {
    request: etcdserverpb.AuthRoleListRequest,
    response: etcdserverpb.AuthRoleListResponse,
  }),
  RoleDelete: unary('/etcdserverpb.Auth/RoleDelete', {
    request: etcdserverpb.AuthRoleDeleteRequest,
    response: etcdserverpb.AuthRoleDeleteResponse,
  }),
  RoleGrantPermission: unary('/etcdserverpb.Auth/RoleGrantPermission', {
    request: etcdserverpb.AuthRoleGrantPermissionRequest,
    response: etcdserverpb.AuthRoleGrantPermissionResponse,
  }),
  RoleRevokePermission: unary('/etcdserverpb.Auth/RoleRevokePermission', {
    request: etcdserverpb.AuthRoleRevokePermissionRequest,
    response: etcdserverpb.AuthRoleRevokePermissionResponse,
  }),
}

/** `v3lockpb.Lock`: locks. */
export const lockDefinition = {
  Lock: unary('/v3lockpb.Lock/Lock', { request: v3lockpb.LockRequest, response: v3lockpb.LockResponse }),
  Unlock: unary('/v3lockpb.Lock/Unlock', {
    request: v3lockpb.UnlockRequest,
    response: v3lockpb.UnlockResponse,
  }),
}

/** `v3electionpb.Election`: elections. */
export const electionDefinition = {
  Campaign: unary('/v3electionpb.Election/Campaign', {
    request: v3electionpb.CampaignRequest,
    response: v3electionpb.CampaignResponse,
  }),
  Proclaim: unary('/v3electionpb.Election/Proclaim', {
    request: v3electionpb.ProclaimRequest,
    response: v3electionpb.ProclaimResponse,
  }),
  Leader: unary('/v3electionpb.Election/Leader', {
    request: v3electionpb.LeaderRequest,
    response: v3electionpb.LeaderResponse,
    encodeResponse: encodeLeaderResponse,
  }),
  Observe: serverStream('/v3electionpb.Election/Observe', {
    request: v3electionpb.LeaderRequest,
    response: v3electionpb.LeaderResponse,
    encodeResponse: encodeLeaderResponse,
  }),
  Resign: unary('/v3electionpb.Election/Resign', {
    request: v3electionpb.ResignRequest,
    response: v3electionpb.ResignResponse,
  }),
}
