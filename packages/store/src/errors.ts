import { CodedError } from '@orrery/environment'

/**
 * Why the store itself refuses or fails a call.
 *
 * - `STORE_CLOSED`: the store is closing or closed
 * - `STORE_FAILED`: a write to disk failed; nothing more is accepted until the store is reopened
 * - `STORE_NO_SPACE`: the quota is exhausted
 * - `STORE_CORRUPT`: the corrupt alarm is active
 * - `STORE_REQUEST_TOO_LARGE`: the encoded request exceeds the limit
 * - `STORE_TOO_MANY_REQUESTS`: too much is waiting to be written or applied
 * - `STORE_WATCH_ID_IN_USE`: the chosen watch id exists on this stream
 * - `STORE_WATCH_RANGE_EMPTY`: the end of the range is not above its key
 * - `STORE_LOCKED`: another store has the directory open
 * - `STORE_DAMAGED`: the directory's content is not what a store wrote
 * - `STORE_SNAPSHOT_INVALID`: a snapshot is cut, damaged or of another format
 * - `STORE_NOT_EMPTY`: a snapshot is to be restored over existing data
 * - `STORE_OPTIONS_INVALID`: an option is out of its range
 *
 * Of a store that a cluster keeps:
 *
 * - `STORE_TIMED_OUT`: no majority answered in time; a write may take effect all the same
 * - `STORE_OUTCOME_UNKNOWN`: the member caught up by a snapshot; a write may have taken effect
 * - `STORE_LEADER_CHANGED`: what only the leader could do did not happen, because another one leads
 * - `STORE_NO_LEADER`: no member leads, or the one that does is not reached
 * - `STORE_NOT_LEADER`: only the leader can do it
 * - `STORE_REMOVED`: this member was removed from the cluster
 * - `STORE_JOIN_REFUSED`: the cluster does not let this member in, or knows another data directory of it
 * - `STORE_NOT_REPLICATED`: the store keeps to one process
 * - `STORE_MEMBER_EXISTS`, `STORE_MEMBER_NOT_FOUND`: there is, or is not, such a member
 * - `STORE_PEER_ADDRESS_IN_USE`, `STORE_PEER_ADDRESS_INVALID`: of a member that is to be added or moved
 * - `STORE_TOO_MANY_LEARNERS`, `STORE_MEMBER_NOT_LEARNER`, `STORE_LEARNER_NOT_READY`: of learners
 * - `STORE_NOT_ENOUGH_STARTED_MEMBERS`, `STORE_UNHEALTHY_CLUSTER`: the change would endanger the cluster
 * - `STORE_BAD_TRANSFEREE`, `STORE_TRANSFER_TIMED_OUT`: leadership cannot be, or was not, handed over
 */
export const storeErrorCodes = [
  'STORE_CLOSED',
  'STORE_FAILED',
  'STORE_NO_SPACE',
  'STORE_CORRUPT',
  'STORE_REQUEST_TOO_LARGE',
  'STORE_TOO_MANY_REQUESTS',
  'STORE_WATCH_ID_IN_USE',
  'STORE_WATCH_RANGE_EMPTY',
  'STORE_LOCKED',
  'STORE_DAMAGED',
  'STORE_SNAPSHOT_INVALID',
  'STORE_NOT_EMPTY',
  'STORE_OPTIONS_INVALID',
  'STORE_TIMED_OUT',
  'STORE_OUTCOME_UNKNOWN',
  'STORE_LEADER_CHANGED',
  'STORE_NO_LEADER',
  'STORE_NOT_LEADER',
  'STORE_REMOVED',
  'STORE_JOIN_REFUSED',
  'STORE_NOT_REPLICATED',
  'STORE_MEMBER_EXISTS',
  'STORE_MEMBER_NOT_FOUND',
  'STORE_PEER_ADDRESS_IN_USE',
  'STORE_PEER_ADDRESS_INVALID',
  'STORE_TOO_MANY_LEARNERS',
  'STORE_MEMBER_NOT_LEARNER',
  'STORE_LEARNER_NOT_READY',
  'STORE_NOT_ENOUGH_STARTED_MEMBERS',
  'STORE_UNHEALTHY_CLUSTER',
  'STORE_BAD_TRANSFEREE',
  'STORE_TRANSFER_TIMED_OUT',
] as const

/** One of {@link storeErrorCodes}. */
export type StoreErrorCode = (typeof storeErrorCodes)[number]

/** A call that the store refused or could not finish. */
export class StoreError extends CodedError<StoreErrorCode> {}
