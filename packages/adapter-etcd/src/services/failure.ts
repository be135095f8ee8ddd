import type { LeaseErrorCode } from '@orrery/lease'
import type { MvccErrorCode } from '@orrery/mvcc'
import type { StoreErrorCode } from '@orrery/store'
import { EtcdError, type EtcdErrorCode } from '../errors.ts'

type DomainCode = StoreErrorCode | MvccErrorCode | LeaseErrorCode

/** A new code of the store or its parts does not compile until it has a place here. */
const etcdCodeOf: Readonly<Record<DomainCode, EtcdErrorCode>> = {
  STORE_CLOSED: 'ETCD_STOPPED',
  STORE_FAILED: 'ETCD_STOPPED',
  STORE_NO_SPACE: 'ETCD_NO_SPACE',
  STORE_CORRUPT: 'ETCD_CORRUPT',
  STORE_REQUEST_TOO_LARGE: 'ETCD_REQUEST_TOO_LARGE',
  STORE_TOO_MANY_REQUESTS: 'ETCD_TOO_MANY_REQUESTS',
  // The watch service answers these two with a frame.
  STORE_WATCH_ID_IN_USE: 'ETCD_UNKNOWN',
  STORE_WATCH_RANGE_EMPTY: 'ETCD_UNKNOWN',
  STORE_LOCKED: 'ETCD_UNKNOWN',
  STORE_DAMAGED: 'ETCD_CORRUPT',
  STORE_SNAPSHOT_INVALID: 'ETCD_UNKNOWN',
  STORE_NOT_EMPTY: 'ETCD_UNKNOWN',
  STORE_OPTIONS_INVALID: 'ETCD_UNKNOWN',
  STORE_TIMED_OUT: 'ETCD_TIMED_OUT',
  STORE_OUTCOME_UNKNOWN: 'ETCD_TIMED_OUT',
  STORE_LEADER_CHANGED: 'ETCD_LEADER_CHANGED',
  STORE_NO_LEADER: 'ETCD_NO_LEADER',
  STORE_NOT_LEADER: 'ETCD_NOT_LEADER',
  STORE_REMOVED: 'ETCD_STOPPED',
  STORE_JOIN_REFUSED: 'ETCD_STOPPED',
  STORE_NOT_REPLICATED: 'ETCD_UNIMPLEMENTED',
  STORE_MEMBER_EXISTS: 'ETCD_MEMBER_EXISTS',
  STORE_MEMBER_NOT_FOUND: 'ETCD_MEMBER_NOT_FOUND',
  STORE_PEER_ADDRESS_IN_USE: 'ETCD_PEER_URL_EXISTS',
  STORE_PEER_ADDRESS_INVALID: 'ETCD_MEMBER_URLS_INVALID',
  STORE_TOO_MANY_LEARNERS: 'ETCD_TOO_MANY_LEARNERS',
  STORE_MEMBER_NOT_LEARNER: 'ETCD_MEMBER_NOT_LEARNER',
  STORE_LEARNER_NOT_READY: 'ETCD_LEARNER_NOT_READY',
  STORE_NOT_ENOUGH_STARTED_MEMBERS: 'ETCD_NOT_ENOUGH_STARTED_MEMBERS',
  STORE_UNHEALTHY_CLUSTER: 'ETCD_UNHEALTHY_CLUSTER',
  STORE_BAD_TRANSFEREE: 'ETCD_BAD_LEADER_TRANSFEREE',
  STORE_TRANSFER_TIMED_OUT: 'ETCD_TRANSFER_TIMED_OUT',
  MVCC_KEY_REQUIRED: 'ETCD_EMPTY_KEY',
  MVCC_KEY_NOT_FOUND: 'ETCD_KEY_NOT_FOUND',
  MVCC_VALUE_PROVIDED: 'ETCD_VALUE_PROVIDED',
  MVCC_LEASE_PROVIDED: 'ETCD_LEASE_PROVIDED',
  MVCC_LEASE_NOT_FOUND: 'ETCD_LEASE_NOT_FOUND',
  MVCC_TOO_MANY_OPS: 'ETCD_TOO_MANY_OPS',
  MVCC_DUPLICATE_KEY: 'ETCD_DUPLICATE_KEY',
  MVCC_COMPACTED: 'ETCD_COMPACTED',
  MVCC_FUTURE_REVISION: 'ETCD_FUTURE_REVISION',
  LEASE_EXISTS: 'ETCD_LEASE_EXISTS',
  LEASE_EXPIRED: 'ETCD_LEASE_NOT_FOUND',
  LEASE_ID_INVALID: 'ETCD_LEASE_NOT_FOUND',
  LEASE_NOT_FOUND: 'ETCD_LEASE_NOT_FOUND',
  LEASE_NOT_PRIMARY: 'ETCD_NOT_PRIMARY',
  LEASE_OPTIONS_INVALID: 'ETCD_INTERNAL',
  LEASE_TTL_INVALID: 'ETCD_LEASE_TTL_TOO_LARGE',
  LEASE_TTL_TOO_LARGE: 'ETCD_LEASE_TTL_TOO_LARGE',
}

function isDomainCode(code: unknown): code is DomainCode {
  return typeof code === 'string' && Object.hasOwn(etcdCodeOf, code)
}

/** The single way from whatever was thrown to what the client is told. */
export function toEtcdError(error: unknown): EtcdError {
  if (error instanceof EtcdError) return error
  if (!(error instanceof Error)) return new EtcdError('ETCD_UNKNOWN', { details: String(error) })
  if ('code' in error && isDomainCode(error.code)) {
    const code = etcdCodeOf[error.code]
    if (code === 'ETCD_UNKNOWN') return new EtcdError(code, { cause: error, details: error.message })
    return new EtcdError(code, { cause: error })
  }
  if (error.name === 'AbortError') return new EtcdError('ETCD_CANCELED', { cause: error })
  if (error.name === 'TimeoutError') return new EtcdError('ETCD_DEADLINE_EXCEEDED', { cause: error })
  if (error.name === 'InvariantError') return new EtcdError('ETCD_INTERNAL', { cause: error })
  return new EtcdError('ETCD_UNKNOWN', { cause: error, details: error.message })
}
