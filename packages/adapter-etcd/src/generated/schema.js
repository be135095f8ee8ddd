// Generated from proto/ by test/generate.ts. Do not edit.
export const messages = {
 "etcdserverpb.ResponseHeader": [
  {
   "protoName": "cluster_id",
   "name": "clusterId",
   "type": "uint64"
  },
  {
   "protoName": "member_id",
   "name": "memberId",
   "type": "uint64"
  },
  {
   "protoName": "revision",
   "name": "revision",
   "type": "int64"
  },
  {
   "protoName": "raft_term",
   "name": "raftTerm",
   "type": "uint64"
  }
 ],
 "etcdserverpb.RangeRequest": [
  {
   "protoName": "key",
   "name": "key",
   "type": "bytes"
  },
  {
   "protoName": "range_end",
   "name": "rangeEnd",
   "type": "bytes"
  },
  {
   "protoName": "limit",
   "name": "limit",
   "type": "int64"
  },
  {
   "protoName": "revision",
   "name": "revision",
   "type": "int64"
  },
  {
   "protoName": "sort_order",
   "name": "sortOrder",
   "type": "etcdserverpb.RangeRequest.SortOrder"
  },
  {
   "protoName": "sort_target",
   "name": "sortTarget",
   "type": "etcdserverpb.RangeRequest.SortTarget"
  },
  {
   "protoName": "serializable",
   "name": "serializable",
   "type": "bool"
  },
  {
   "protoName": "keys_only",
   "name": "keysOnly",
   "type": "bool"
  },
  {
   "protoName": "count_only",
   "name": "countOnly",
   "type": "bool"
  },
  {
   "protoName": "min_mod_revision",
   "name": "minModRevision",
   "type": "int64"
  },
  {
   "protoName": "max_mod_revision",
   "name": "maxModRevision",
   "type": "int64"
  },
  {
   "protoName": "min_create_revision",
   "name": "minCreateRevision",
   "type": "int64"
  },
  {
   "protoName": "max_create_revision",
   "name": "maxCreateRevision",
   "type": "int64"
  }
 ],
 "etcdserverpb.RangeResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  },
  {
   "protoName": "kvs",
   "name": "kvs",
   "type": "mvccpb.KeyValue",
   "repeated": true
  },
  {
   "protoName": "more",
   "name": "more",
   "type": "bool"
  },
  {
   "protoName": "count",
   "name": "count",
   "type": "int64"
  }
 ],
 "etcdserverpb.RangeStreamResponse": [
  {
   "protoName": "range_response",
   "name": "rangeResponse",
   "type": "etcdserverpb.RangeResponse"
  }
 ],
 "etcdserverpb.PutRequest": [
  {
   "protoName": "key",
   "name": "key",
   "type": "bytes"
  },
  {
   "protoName": "value",
   "name": "value",
   "type": "bytes"
  },
  {
   "protoName": "lease",
   "name": "lease",
   "type": "int64"
  },
  {
   "protoName": "prev_kv",
   "name": "prevKv",
   "type": "bool"
  },
  {
   "protoName": "ignore_value",
   "name": "ignoreValue",
   "type": "bool"
  },
  {
   "protoName": "ignore_lease",
   "name": "ignoreLease",
   "type": "bool"
  }
 ],
 "etcdserverpb.PutResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  },
  {
   "protoName": "prev_kv",
   "name": "prevKv",
   "type": "mvccpb.KeyValue"
  }
 ],
 "etcdserverpb.DeleteRangeRequest": [
  {
   "protoName": "key",
   "name": "key",
   "type": "bytes"
  },
  {
   "protoName": "range_end",
   "name": "rangeEnd",
   "type": "bytes"
  },
  {
   "protoName": "prev_kv",
   "name": "prevKv",
   "type": "bool"
  }
 ],
 "etcdserverpb.DeleteRangeResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  },
  {
   "protoName": "deleted",
   "name": "deleted",
   "type": "int64"
  },
  {
   "protoName": "prev_kvs",
   "name": "prevKvs",
   "type": "mvccpb.KeyValue",
   "repeated": true
  }
 ],
 "etcdserverpb.RequestOp": [
  {
   "protoName": "request_range",
   "name": "requestRange",
   "type": "etcdserverpb.RangeRequest"
  },
  {
   "protoName": "request_put",
   "name": "requestPut",
   "type": "etcdserverpb.PutRequest"
  },
  {
   "protoName": "request_delete_range",
   "name": "requestDeleteRange",
   "type": "etcdserverpb.DeleteRangeRequest"
  },
  {
   "protoName": "request_txn",
   "name": "requestTxn",
   "type": "etcdserverpb.TxnRequest"
  }
 ],
 "etcdserverpb.ResponseOp": [
  {
   "protoName": "response_range",
   "name": "responseRange",
   "type": "etcdserverpb.RangeResponse"
  },
  {
   "protoName": "response_put",
   "name": "responsePut",
   "type": "etcdserverpb.PutResponse"
  },
  {
   "protoName": "response_delete_range",
   "name": "responseDeleteRange",
   "type": "etcdserverpb.DeleteRangeResponse"
  },
  {
   "protoName": "response_txn",
   "name": "responseTxn",
   "type": "etcdserverpb.TxnResponse"
  }
 ],
 "etcdserverpb.Compare": [
  {
   "protoName": "result",
   "name": "result",
   "type": "etcdserverpb.Compare.CompareResult"
  },
  {
   "protoName": "target",
   "name": "target",
   "type": "etcdserverpb.Compare.CompareTarget"
  },
  {
   "protoName": "key",
   "name": "key",
   "type": "bytes"
  },
  {
   "protoName": "version",
   "name": "version",
   "type": "int64"
  },
  {
   "protoName": "create_revision",
   "name": "createRevision",
   "type": "int64"
  },
  {
   "protoName": "mod_revision",
   "name": "modRevision",
   "type": "int64"
  },
  {
   "protoName": "value",
   "name": "value",
   "type": "bytes"
  },
  {
   "protoName": "lease",
   "name": "lease",
   "type": "int64"
  },
  {
   "protoName": "range_end",
   "name": "rangeEnd",
   "type": "bytes"
  }
 ],
 "etcdserverpb.TxnRequest": [
  {
   "protoName": "compare",
   "name": "compare",
   "type": "etcdserverpb.Compare",
   "repeated": true
  },
  {
   "protoName": "success",
   "name": "success",
   "type": "etcdserverpb.RequestOp",
   "repeated": true
  },
  {
   "protoName": "failure",
   "name": "failure",
   "type": "etcdserverpb.RequestOp",
   "repeated": true
  }
 ],
 "etcdserverpb.TxnResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  },
  {
   "protoName": "succeeded",
   "name": "succeeded",
   "type": "bool"
  },
  {
   "protoName": "responses",
   "name": "responses",
   "type": "etcdserverpb.ResponseOp",
   "repeated": true
  }
 ],
 "etcdserverpb.CompactionRequest": [
  {
   "protoName": "revision",
   "name": "revision",
   "type": "int64"
  },
  {
   "protoName": "physical",
   "name": "physical",
   "type": "bool"
  }
 ],
 "etcdserverpb.CompactionResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  }
 ],
 "etcdserverpb.WatchRequest": [
  {
   "protoName": "create_request",
   "name": "createRequest",
   "type": "etcdserverpb.WatchCreateRequest"
  },
  {
   "protoName": "cancel_request",
   "name": "cancelRequest",
   "type": "etcdserverpb.WatchCancelRequest"
  },
  {
   "protoName": "progress_request",
   "name": "progressRequest",
   "type": "etcdserverpb.WatchProgressRequest"
  }
 ],
 "etcdserverpb.WatchCreateRequest": [
  {
   "protoName": "key",
   "name": "key",
   "type": "bytes"
  },
  {
   "protoName": "range_end",
   "name": "rangeEnd",
   "type": "bytes"
  },
  {
   "protoName": "start_revision",
   "name": "startRevision",
   "type": "int64"
  },
  {
   "protoName": "progress_notify",
   "name": "progressNotify",
   "type": "bool"
  },
  {
   "protoName": "filters",
   "name": "filters",
   "type": "etcdserverpb.WatchCreateRequest.FilterType",
   "repeated": true
  },
  {
   "protoName": "prev_kv",
   "name": "prevKv",
   "type": "bool"
  },
  {
   "protoName": "watch_id",
   "name": "watchId",
   "type": "int64"
  },
  {
   "protoName": "fragment",
   "name": "fragment",
   "type": "bool"
  }
 ],
 "etcdserverpb.WatchCancelRequest": [
  {
   "protoName": "watch_id",
   "name": "watchId",
   "type": "int64"
  }
 ],
 "etcdserverpb.WatchProgressRequest": [],
 "etcdserverpb.WatchResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  },
  {
   "protoName": "watch_id",
   "name": "watchId",
   "type": "int64"
  },
  {
   "protoName": "created",
   "name": "created",
   "type": "bool"
  },
  {
   "protoName": "canceled",
   "name": "canceled",
   "type": "bool"
  },
  {
   "protoName": "compact_revision",
   "name": "compactRevision",
   "type": "int64"
  },
  {
   "protoName": "cancel_reason",
   "name": "cancelReason",
   "type": "string"
  },
  {
   "protoName": "fragment",
   "name": "fragment",
   "type": "bool"
  },
  {
   "protoName": "events",
   "name": "events",
   "type": "mvccpb.Event",
   "repeated": true
  }
 ],
 "etcdserverpb.LeaseGrantRequest": [
  {
   "protoName": "TTL",
   "name": "TTL",
   "type": "int64"
  },
  {
   "protoName": "ID",
   "name": "ID",
   "type": "int64"
  }
 ],
 "etcdserverpb.LeaseGrantResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  },
  {
   "protoName": "ID",
   "name": "ID",
   "type": "int64"
  },
  {
   "protoName": "TTL",
   "name": "TTL",
   "type": "int64"
  },
  {
   "protoName": "error",
   "name": "error",
   "type": "string"
  }
 ],
 "etcdserverpb.LeaseRevokeRequest": [
  {
   "protoName": "ID",
   "name": "ID",
   "type": "int64"
  }
 ],
 "etcdserverpb.LeaseRevokeResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  }
 ],
 "etcdserverpb.LeaseKeepAliveRequest": [
  {
   "protoName": "ID",
   "name": "ID",
   "type": "int64"
  }
 ],
 "etcdserverpb.LeaseKeepAliveResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  },
  {
   "protoName": "ID",
   "name": "ID",
   "type": "int64"
  },
  {
   "protoName": "TTL",
   "name": "TTL",
   "type": "int64"
  }
 ],
 "etcdserverpb.LeaseTimeToLiveRequest": [
  {
   "protoName": "ID",
   "name": "ID",
   "type": "int64"
  },
  {
   "protoName": "keys",
   "name": "keys",
   "type": "bool"
  }
 ],
 "etcdserverpb.LeaseTimeToLiveResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  },
  {
   "protoName": "ID",
   "name": "ID",
   "type": "int64"
  },
  {
   "protoName": "TTL",
   "name": "TTL",
   "type": "int64"
  },
  {
   "protoName": "grantedTTL",
   "name": "grantedTTL",
   "type": "int64"
  },
  {
   "protoName": "keys",
   "name": "keys",
   "type": "bytes",
   "repeated": true
  }
 ],
 "etcdserverpb.LeaseLeasesRequest": [],
 "etcdserverpb.LeaseStatus": [
  {
   "protoName": "ID",
   "name": "ID",
   "type": "int64"
  }
 ],
 "etcdserverpb.LeaseLeasesResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  },
  {
   "protoName": "leases",
   "name": "leases",
   "type": "etcdserverpb.LeaseStatus",
   "repeated": true
  }
 ],
 "etcdserverpb.Member": [
  {
   "protoName": "ID",
   "name": "ID",
   "type": "uint64"
  },
  {
   "protoName": "name",
   "name": "name",
   "type": "string"
  },
  {
   "protoName": "peerURLs",
   "name": "peerURLs",
   "type": "string",
   "repeated": true
  },
  {
   "protoName": "clientURLs",
   "name": "clientURLs",
   "type": "string",
   "repeated": true
  },
  {
   "protoName": "isLearner",
   "name": "isLearner",
   "type": "bool"
  }
 ],
 "etcdserverpb.MemberAddRequest": [
  {
   "protoName": "peerURLs",
   "name": "peerURLs",
   "type": "string",
   "repeated": true
  },
  {
   "protoName": "isLearner",
   "name": "isLearner",
   "type": "bool"
  }
 ],
 "etcdserverpb.MemberAddResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  },
  {
   "protoName": "member",
   "name": "member",
   "type": "etcdserverpb.Member"
  },
  {
   "protoName": "members",
   "name": "members",
   "type": "etcdserverpb.Member",
   "repeated": true
  }
 ],
 "etcdserverpb.MemberRemoveRequest": [
  {
   "protoName": "ID",
   "name": "ID",
   "type": "uint64"
  }
 ],
 "etcdserverpb.MemberRemoveResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  },
  {
   "protoName": "members",
   "name": "members",
   "type": "etcdserverpb.Member",
   "repeated": true
  }
 ],
 "etcdserverpb.MemberUpdateRequest": [
  {
   "protoName": "ID",
   "name": "ID",
   "type": "uint64"
  },
  {
   "protoName": "peerURLs",
   "name": "peerURLs",
   "type": "string",
   "repeated": true
  }
 ],
 "etcdserverpb.MemberUpdateResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  },
  {
   "protoName": "members",
   "name": "members",
   "type": "etcdserverpb.Member",
   "repeated": true
  }
 ],
 "etcdserverpb.MemberListRequest": [
  {
   "protoName": "linearizable",
   "name": "linearizable",
   "type": "bool"
  }
 ],
 "etcdserverpb.MemberListResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  },
  {
   "protoName": "members",
   "name": "members",
   "type": "etcdserverpb.Member",
   "repeated": true
  }
 ],
 "etcdserverpb.MemberPromoteRequest": [
  {
   "protoName": "ID",
   "name": "ID",
   "type": "uint64"
  }
 ],
 "etcdserverpb.MemberPromoteResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  },
  {
   "protoName": "members",
   "name": "members",
   "type": "etcdserverpb.Member",
   "repeated": true
  }
 ],
 "etcdserverpb.AlarmRequest": [
  {
   "protoName": "action",
   "name": "action",
   "type": "etcdserverpb.AlarmRequest.AlarmAction"
  },
  {
   "protoName": "memberID",
   "name": "memberID",
   "type": "uint64"
  },
  {
   "protoName": "alarm",
   "name": "alarm",
   "type": "etcdserverpb.AlarmType"
  }
 ],
 "etcdserverpb.AlarmMember": [
  {
   "protoName": "memberID",
   "name": "memberID",
   "type": "uint64"
  },
  {
   "protoName": "alarm",
   "name": "alarm",
   "type": "etcdserverpb.AlarmType"
  }
 ],
 "etcdserverpb.AlarmResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  },
  {
   "protoName": "alarms",
   "name": "alarms",
   "type": "etcdserverpb.AlarmMember",
   "repeated": true
  }
 ],
 "etcdserverpb.StatusRequest": [],
 "etcdserverpb.StatusResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  },
  {
   "protoName": "version",
   "name": "version",
   "type": "string"
  },
  {
   "protoName": "dbSize",
   "name": "dbSize",
   "type": "int64"
  },
  {
   "protoName": "leader",
   "name": "leader",
   "type": "uint64"
  },
  {
   "protoName": "raftIndex",
   "name": "raftIndex",
   "type": "uint64"
  },
  {
   "protoName": "raftTerm",
   "name": "raftTerm",
   "type": "uint64"
  },
  {
   "protoName": "raftAppliedIndex",
   "name": "raftAppliedIndex",
   "type": "uint64"
  },
  {
   "protoName": "errors",
   "name": "errors",
   "type": "string",
   "repeated": true
  },
  {
   "protoName": "dbSizeInUse",
   "name": "dbSizeInUse",
   "type": "int64"
  },
  {
   "protoName": "isLearner",
   "name": "isLearner",
   "type": "bool"
  },
  {
   "protoName": "storageVersion",
   "name": "storageVersion",
   "type": "string"
  },
  {
   "protoName": "dbSizeQuota",
   "name": "dbSizeQuota",
   "type": "int64"
  },
  {
   "protoName": "downgradeInfo",
   "name": "downgradeInfo",
   "type": "etcdserverpb.DowngradeInfo"
  }
 ],
 "etcdserverpb.DowngradeInfo": [
  {
   "protoName": "enabled",
   "name": "enabled",
   "type": "bool"
  },
  {
   "protoName": "targetVersion",
   "name": "targetVersion",
   "type": "string"
  }
 ],
 "etcdserverpb.DefragmentRequest": [],
 "etcdserverpb.DefragmentResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  }
 ],
 "etcdserverpb.HashRequest": [],
 "etcdserverpb.HashResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  },
  {
   "protoName": "hash",
   "name": "hash",
   "type": "uint32"
  }
 ],
 "etcdserverpb.HashKVRequest": [
  {
   "protoName": "revision",
   "name": "revision",
   "type": "int64"
  }
 ],
 "etcdserverpb.HashKVResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  },
  {
   "protoName": "hash",
   "name": "hash",
   "type": "uint32"
  },
  {
   "protoName": "compact_revision",
   "name": "compactRevision",
   "type": "int64"
  },
  {
   "protoName": "hash_revision",
   "name": "hashRevision",
   "type": "int64"
  }
 ],
 "etcdserverpb.SnapshotRequest": [],
 "etcdserverpb.SnapshotResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  },
  {
   "protoName": "remaining_bytes",
   "name": "remainingBytes",
   "type": "uint64"
  },
  {
   "protoName": "blob",
   "name": "blob",
   "type": "bytes"
  },
  {
   "protoName": "version",
   "name": "version",
   "type": "string"
  }
 ],
 "etcdserverpb.MoveLeaderRequest": [
  {
   "protoName": "targetID",
   "name": "targetID",
   "type": "uint64"
  }
 ],
 "etcdserverpb.MoveLeaderResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  }
 ],
 "etcdserverpb.DowngradeRequest": [
  {
   "protoName": "action",
   "name": "action",
   "type": "etcdserverpb.DowngradeRequest.DowngradeAction"
  },
  {
   "protoName": "version",
   "name": "version",
   "type": "string"
  }
 ],
 "etcdserverpb.DowngradeResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  },
  {
   "protoName": "version",
   "name": "version",
   "type": "string"
  }
 ],
 "etcdserverpb.AuthEnableRequest": [],
 "etcdserverpb.AuthDisableRequest": [],
 "etcdserverpb.AuthStatusRequest": [],
 "etcdserverpb.AuthenticateRequest": [
  {
   "protoName": "name",
   "name": "name",
   "type": "string"
  },
  {
   "protoName": "password",
   "name": "password",
   "type": "string"
  }
 ],
 "etcdserverpb.AuthUserAddRequest": [
  {
   "protoName": "name",
   "name": "name",
   "type": "string"
  },
  {
   "protoName": "password",
   "name": "password",
   "type": "string"
  },
  {
   "protoName": "options",
   "name": "options",
   "type": "authpb.UserAddOptions"
  },
  {
   "protoName": "hashedPassword",
   "name": "hashedPassword",
   "type": "string"
  }
 ],
 "etcdserverpb.AuthUserGetRequest": [
  {
   "protoName": "name",
   "name": "name",
   "type": "string"
  }
 ],
 "etcdserverpb.AuthUserListRequest": [],
 "etcdserverpb.AuthUserDeleteRequest": [
  {
   "protoName": "name",
   "name": "name",
   "type": "string"
  }
 ],
 "etcdserverpb.AuthUserChangePasswordRequest": [
  {
   "protoName": "name",
   "name": "name",
   "type": "string"
  },
  {
   "protoName": "password",
   "name": "password",
   "type": "string"
  },
  {
   "protoName": "hashedPassword",
   "name": "hashedPassword",
   "type": "string"
  }
 ],
 "etcdserverpb.AuthUserGrantRoleRequest": [
  {
   "protoName": "user",
   "name": "user",
   "type": "string"
  },
  {
   "protoName": "role",
   "name": "role",
   "type": "string"
  }
 ],
 "etcdserverpb.AuthUserRevokeRoleRequest": [
  {
   "protoName": "name",
   "name": "name",
   "type": "string"
  },
  {
   "protoName": "role",
   "name": "role",
   "type": "string"
  }
 ],
 "etcdserverpb.AuthRoleAddRequest": [
  {
   "protoName": "name",
   "name": "name",
   "type": "string"
  }
 ],
 "etcdserverpb.AuthRoleGetRequest": [
  {
   "protoName": "role",
   "name": "role",
   "type": "string"
  }
 ],
 "etcdserverpb.AuthRoleListRequest": [],
 "etcdserverpb.AuthRoleDeleteRequest": [
  {
   "protoName": "role",
   "name": "role",
   "type": "string"
  }
 ],
 "etcdserverpb.AuthRoleGrantPermissionRequest": [
  {
   "protoName": "name",
   "name": "name",
   "type": "string"
  },
  {
   "protoName": "perm",
   "name": "perm",
   "type": "authpb.Permission"
  }
 ],
 "etcdserverpb.AuthRoleRevokePermissionRequest": [
  {
   "protoName": "role",
   "name": "role",
   "type": "string"
  },
  {
   "protoName": "key",
   "name": "key",
   "type": "bytes"
  },
  {
   "protoName": "range_end",
   "name": "rangeEnd",
   "type": "bytes"
  }
 ],
 "etcdserverpb.AuthEnableResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  }
 ],
 "etcdserverpb.AuthDisableResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  }
 ],
 "etcdserverpb.AuthStatusResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  },
  {
   "protoName": "enabled",
   "name": "enabled",
   "type": "bool"
  },
  {
   "protoName": "authRevision",
   "name": "authRevision",
   "type": "uint64"
  }
 ],
 "etcdserverpb.AuthenticateResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  },
  {
   "protoName": "token",
   "name": "token",
   "type": "string"
  }
 ],
 "etcdserverpb.AuthUserAddResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  }
 ],
 "etcdserverpb.AuthUserGetResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  },
  {
   "protoName": "roles",
   "name": "roles",
   "type": "string",
   "repeated": true
  }
 ],
 "etcdserverpb.AuthUserListResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  },
  {
   "protoName": "users",
   "name": "users",
   "type": "string",
   "repeated": true
  }
 ],
 "etcdserverpb.AuthUserDeleteResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  }
 ],
 "etcdserverpb.AuthUserChangePasswordResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  }
 ],
 "etcdserverpb.AuthUserGrantRoleResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  }
 ],
 "etcdserverpb.AuthUserRevokeRoleResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  }
 ],
 "etcdserverpb.AuthRoleAddResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  }
 ],
 "etcdserverpb.AuthRoleGetResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  },
  {
   "protoName": "perm",
   "name": "perm",
   "type": "authpb.Permission",
   "repeated": true
  }
 ],
 "etcdserverpb.AuthRoleListResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  },
  {
   "protoName": "roles",
   "name": "roles",
   "type": "string",
   "repeated": true
  }
 ],
 "etcdserverpb.AuthRoleDeleteResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  }
 ],
 "etcdserverpb.AuthRoleGrantPermissionResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  }
 ],
 "etcdserverpb.AuthRoleRevokePermissionResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  }
 ],
 "mvccpb.KeyValue": [
  {
   "protoName": "key",
   "name": "key",
   "type": "bytes"
  },
  {
   "protoName": "create_revision",
   "name": "createRevision",
   "type": "int64"
  },
  {
   "protoName": "mod_revision",
   "name": "modRevision",
   "type": "int64"
  },
  {
   "protoName": "version",
   "name": "version",
   "type": "int64"
  },
  {
   "protoName": "value",
   "name": "value",
   "type": "bytes"
  },
  {
   "protoName": "lease",
   "name": "lease",
   "type": "int64"
  }
 ],
 "mvccpb.Event": [
  {
   "protoName": "type",
   "name": "type",
   "type": "mvccpb.Event.EventType"
  },
  {
   "protoName": "kv",
   "name": "kv",
   "type": "mvccpb.KeyValue"
  },
  {
   "protoName": "prev_kv",
   "name": "prevKv",
   "type": "mvccpb.KeyValue"
  }
 ],
 "authpb.UserAddOptions": [
  {
   "protoName": "no_password",
   "name": "noPassword",
   "type": "bool"
  }
 ],
 "authpb.Permission": [
  {
   "protoName": "permType",
   "name": "permType",
   "type": "authpb.Permission.Type"
  },
  {
   "protoName": "key",
   "name": "key",
   "type": "bytes"
  },
  {
   "protoName": "range_end",
   "name": "rangeEnd",
   "type": "bytes"
  }
 ],
 "v3lockpb.LockRequest": [
  {
   "protoName": "name",
   "name": "name",
   "type": "bytes"
  },
  {
   "protoName": "lease",
   "name": "lease",
   "type": "int64"
  }
 ],
 "v3lockpb.LockResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  },
  {
   "protoName": "key",
   "name": "key",
   "type": "bytes"
  }
 ],
 "v3lockpb.UnlockRequest": [
  {
   "protoName": "key",
   "name": "key",
   "type": "bytes"
  }
 ],
 "v3lockpb.UnlockResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  }
 ],
 "v3electionpb.CampaignRequest": [
  {
   "protoName": "name",
   "name": "name",
   "type": "bytes"
  },
  {
   "protoName": "lease",
   "name": "lease",
   "type": "int64"
  },
  {
   "protoName": "value",
   "name": "value",
   "type": "bytes"
  }
 ],
 "v3electionpb.CampaignResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  },
  {
   "protoName": "leader",
   "name": "leader",
   "type": "v3electionpb.LeaderKey"
  }
 ],
 "v3electionpb.LeaderKey": [
  {
   "protoName": "name",
   "name": "name",
   "type": "bytes"
  },
  {
   "protoName": "key",
   "name": "key",
   "type": "bytes"
  },
  {
   "protoName": "rev",
   "name": "rev",
   "type": "int64"
  },
  {
   "protoName": "lease",
   "name": "lease",
   "type": "int64"
  }
 ],
 "v3electionpb.LeaderRequest": [
  {
   "protoName": "name",
   "name": "name",
   "type": "bytes"
  }
 ],
 "v3electionpb.LeaderResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  },
  {
   "protoName": "kv",
   "name": "kv",
   "type": "mvccpb.KeyValue"
  }
 ],
 "v3electionpb.ProclaimRequest": [
  {
   "protoName": "leader",
   "name": "leader",
   "type": "v3electionpb.LeaderKey"
  },
  {
   "protoName": "value",
   "name": "value",
   "type": "bytes"
  }
 ],
 "v3electionpb.ProclaimResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  }
 ],
 "v3electionpb.ResignRequest": [
  {
   "protoName": "leader",
   "name": "leader",
   "type": "v3electionpb.LeaderKey"
  }
 ],
 "v3electionpb.ResignResponse": [
  {
   "protoName": "header",
   "name": "header",
   "type": "etcdserverpb.ResponseHeader"
  }
 ],
 "grpc.health.v1.HealthCheckRequest": [
  {
   "protoName": "service",
   "name": "service",
   "type": "string"
  }
 ],
 "grpc.health.v1.HealthCheckResponse": [
  {
   "protoName": "status",
   "name": "status",
   "type": "grpc.health.v1.HealthCheckResponse.ServingStatus"
  }
 ],
 "grpc.health.v1.HealthListRequest": [],
 "grpc.health.v1.HealthListResponse": [
  {
   "protoName": "statuses",
   "name": "statuses",
   "type": "grpc.health.v1.HealthCheckResponse",
   "map": true
  }
 ]
}

export const enums = {
 "etcdserverpb.RangeRequest.SortOrder": {
  "NONE": 0,
  "ASCEND": 1,
  "DESCEND": 2
 },
 "etcdserverpb.RangeRequest.SortTarget": {
  "KEY": 0,
  "VERSION": 1,
  "CREATE": 2,
  "MOD": 3,
  "VALUE": 4
 },
 "etcdserverpb.Compare.CompareResult": {
  "EQUAL": 0,
  "GREATER": 1,
  "LESS": 2,
  "NOT_EQUAL": 3
 },
 "etcdserverpb.Compare.CompareTarget": {
  "VERSION": 0,
  "CREATE": 1,
  "MOD": 2,
  "VALUE": 3,
  "LEASE": 4
 },
 "etcdserverpb.WatchCreateRequest.FilterType": {
  "NOPUT": 0,
  "NODELETE": 1
 },
 "etcdserverpb.AlarmType": {
  "NONE": 0,
  "NOSPACE": 1,
  "CORRUPT": 2
 },
 "etcdserverpb.AlarmRequest.AlarmAction": {
  "GET": 0,
  "ACTIVATE": 1,
  "DEACTIVATE": 2
 },
 "etcdserverpb.DowngradeRequest.DowngradeAction": {
  "VALIDATE": 0,
  "ENABLE": 1,
  "CANCEL": 2
 },
 "mvccpb.Event.EventType": {
  "PUT": 0,
  "DELETE": 1
 },
 "authpb.Permission.Type": {
  "READ": 0,
  "WRITE": 1,
  "READWRITE": 2
 },
 "grpc.health.v1.HealthCheckResponse.ServingStatus": {
  "UNKNOWN": 0,
  "SERVING": 1,
  "NOT_SERVING": 2,
  "SERVICE_UNKNOWN": 3
 }
}
