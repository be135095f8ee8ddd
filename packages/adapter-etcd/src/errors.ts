import { CodedError } from '@orrery/environment'

/** The status codes of gRPC that etcd uses. */
export const grpcStatus = {
  canceled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const

/** One of {@link grpcStatus}. */
export type GrpcStatus = (typeof grpcStatus)[keyof typeof grpcStatus]

interface WireError {
  readonly status: GrpcStatus
  /** Clients compare it letter by letter. */
  readonly details: string
}

const { canceled, failedPrecondition, invalidArgument, notFound, outOfRange, unavailable, unknown } =
  grpcStatus

/**
 * What etcd answers when it refuses a call: status and text (etcd 3.6, `api/v3rpc/rpctypes`).
 *
 * `ETCD_TOO_MANY_REQUESTS` and what has no entry of its own leave the real server as Unknown too.
 */
export const etcdErrors = {
  ETCD_EMPTY_KEY: { status: invalidArgument, details: 'etcdserver: key is not provided' },
  ETCD_KEY_NOT_FOUND: { status: invalidArgument, details: 'etcdserver: key not found' },
  ETCD_VALUE_PROVIDED: { status: invalidArgument, details: 'etcdserver: value is provided' },
  ETCD_LEASE_PROVIDED: { status: invalidArgument, details: 'etcdserver: lease is provided' },
  ETCD_TOO_MANY_OPS: {
    status: invalidArgument,
    details: 'etcdserver: too many operations in txn request',
  },
  ETCD_DUPLICATE_KEY: { status: invalidArgument, details: 'etcdserver: duplicate key given in txn request' },
  ETCD_INVALID_SORT_OPTION: { status: invalidArgument, details: 'etcdserver: invalid sort option' },
  ETCD_REQUEST_TOO_LARGE: { status: invalidArgument, details: 'etcdserver: request is too large' },
  ETCD_COMPACTED: {
    status: outOfRange,
    details: 'etcdserver: mvcc: required revision has been compacted',
  },
  ETCD_FUTURE_REVISION: {
    status: outOfRange,
    details: 'etcdserver: mvcc: required revision is a future revision',
  },
  ETCD_NO_SPACE: {
    status: grpcStatus.resourceExhausted,
    details: 'etcdserver: mvcc: database space exceeded',
  },
  ETCD_LEASE_NOT_FOUND: { status: notFound, details: 'etcdserver: requested lease not found' },
  ETCD_LEASE_EXISTS: { status: failedPrecondition, details: 'etcdserver: lease already exists' },
  ETCD_LEASE_TTL_TOO_LARGE: { status: outOfRange, details: 'etcdserver: too large lease TTL' },
  ETCD_MEMBER_NOT_FOUND: { status: notFound, details: 'etcdserver: member not found' },
  ETCD_MEMBER_EXISTS: { status: failedPrecondition, details: 'etcdserver: member ID already exist' },
  ETCD_PEER_URL_EXISTS: { status: failedPrecondition, details: 'etcdserver: Peer URLs already exists' },
  ETCD_MEMBER_URLS_INVALID: {
    status: invalidArgument,
    details: 'etcdserver: given member URLs are invalid',
  },
  ETCD_TOO_MANY_LEARNERS: {
    status: failedPrecondition,
    details: 'etcdserver: too many learner members in cluster',
  },
  ETCD_MEMBER_NOT_LEARNER: {
    status: failedPrecondition,
    details: 'etcdserver: can only promote a learner member',
  },
  ETCD_LEARNER_NOT_READY: {
    status: failedPrecondition,
    details: 'etcdserver: can only promote a learner member which is in sync with leader',
  },
  ETCD_NOT_ENOUGH_STARTED_MEMBERS: {
    status: unknown,
    details: 'etcdserver: re-configuration failed due to not enough started members',
  },
  ETCD_UNHEALTHY_CLUSTER: { status: unavailable, details: 'etcdserver: unhealthy cluster' },
  ETCD_TIMED_OUT: { status: unavailable, details: 'etcdserver: request timed out' },
  ETCD_LEADER_CHANGED: { status: unavailable, details: 'etcdserver: leader changed' },
  ETCD_TRANSFER_TIMED_OUT: {
    status: unknown,
    details: 'etcdserver: request timed out, leader transfer took too long',
  },
  ETCD_BAD_LEADER_TRANSFEREE: {
    status: failedPrecondition,
    details: 'etcdserver: bad leader transferee',
  },
  ETCD_INVALID_DOWNGRADE_TARGET: {
    status: invalidArgument,
    details: 'etcdserver: invalid downgrade target version',
  },
  ETCD_WRONG_DOWNGRADE_FORMAT: {
    status: invalidArgument,
    details: 'etcdserver: wrong downgrade target version format',
  },
  ETCD_NO_INFLIGHT_DOWNGRADE: {
    status: failedPrecondition,
    details: 'etcdserver: no inflight downgrade job',
  },
  ETCD_AUTH_NOT_ENABLED: {
    status: failedPrecondition,
    details: 'etcdserver: authentication is not enabled',
  },
  ETCD_TOO_MANY_REQUESTS: { status: unknown, details: 'etcdserver: too many requests' },
  ETCD_NOT_PRIMARY: { status: unknown, details: 'not a primary lessor' },
  ETCD_NOT_LEADER: { status: failedPrecondition, details: 'etcdserver: not leader' },
  ETCD_NO_LEADER: { status: unavailable, details: 'etcdserver: no leader' },
  ETCD_STOPPED: { status: unavailable, details: 'etcdserver: server stopped' },
  ETCD_CORRUPT: { status: grpcStatus.dataLoss, details: 'etcdserver: corrupt cluster' },
  ETCD_CANCELED: { status: canceled, details: 'context canceled' },
  ETCD_WATCH_CANCELED: { status: canceled, details: 'etcdserver: watch canceled' },
  ETCD_DEADLINE_EXCEEDED: { status: grpcStatus.deadlineExceeded, details: 'context deadline exceeded' },
  ETCD_ELECTION_NOT_LEADER: { status: unknown, details: 'election: not leader' },
  ETCD_ELECTION_NO_LEADER: { status: unknown, details: 'election: no leader' },
  ETCD_LEADER_KEY_REQUIRED: { status: unknown, details: '"leader" field must be provided' },
  ETCD_SESSION_EXPIRED: { status: unknown, details: 'mutex: session is expired' },
  ETCD_UNKNOWN_SERVICE: { status: notFound, details: 'unknown service' },
  ETCD_UNIMPLEMENTED: { status: grpcStatus.unimplemented, details: 'not supported by this server' },
  ETCD_CLIENT_REFUSED: { status: unknown, details: 'refused' },
  ETCD_INTERNAL: { status: grpcStatus.internal, details: 'internal error' },
  ETCD_UNKNOWN: { status: unknown, details: 'unknown error' },
} as const satisfies Record<string, WireError>

/** Why a call failed, as etcd's clients know it. */
export type EtcdErrorCode = keyof typeof etcdErrors

/** The only thing that a service throws: what a client is to be told. */
export class EtcdError extends CodedError<EtcdErrorCode> {
  readonly status: GrpcStatus
  /** The text that goes over the wire. */
  readonly details: string

  /** `options.details` goes over the wire instead of the code's own text. */
  constructor(code: EtcdErrorCode, options?: ErrorOptions & { readonly details?: string }) {
    const { status, details } = etcdErrors[code]
    super(code, options?.details ?? details, options)
    this.status = status
    this.details = options?.details ?? details
  }
}
