import { hasCode } from '@orrery/environment'
import { NodeError, type NodeErrorCode } from '@orrery/raft-node'
import { StoreError, type StoreErrorCode } from '../errors.ts'

const codes: Record<NodeErrorCode, StoreErrorCode> = {
  NODE_CLOSED: 'STORE_CLOSED',
  NODE_FAILED: 'STORE_FAILED',
  NODE_TOO_MANY_PROPOSALS: 'STORE_TOO_MANY_REQUESTS',
  NODE_TIMED_OUT: 'STORE_TIMED_OUT',
  NODE_OUTCOME_UNKNOWN: 'STORE_OUTCOME_UNKNOWN',
  NODE_TERM_OVER: 'STORE_LEADER_CHANGED',
  NODE_REMOVED: 'STORE_REMOVED',
  NODE_MEMBER_EXISTS: 'STORE_MEMBER_EXISTS',
  NODE_MEMBER_NOT_FOUND: 'STORE_MEMBER_NOT_FOUND',
  NODE_MEMBER_REMOVED: 'STORE_MEMBER_NOT_FOUND',
  NODE_TOO_MANY_LEARNERS: 'STORE_TOO_MANY_LEARNERS',
  NODE_MEMBER_NOT_LEARNER: 'STORE_MEMBER_NOT_LEARNER',
  NODE_LEARNER_NOT_READY: 'STORE_LEARNER_NOT_READY',
  NODE_NOT_ENOUGH_STARTED_MEMBERS: 'STORE_NOT_ENOUGH_STARTED_MEMBERS',
  NODE_UNHEALTHY_CLUSTER: 'STORE_UNHEALTHY_CLUSTER',
  NODE_CHANGE_IN_PROGRESS: 'STORE_UNHEALTHY_CLUSTER',
  NODE_NO_LEADER: 'STORE_NO_LEADER',
  NODE_NOT_LEADER: 'STORE_NOT_LEADER',
  NODE_BAD_TRANSFEREE: 'STORE_BAD_TRANSFEREE',
  NODE_TRANSFER_TIMED_OUT: 'STORE_TRANSFER_TIMED_OUT',
  NODE_JOIN_REFUSED: 'STORE_JOIN_REFUSED',
  NODE_IDENTITY_MISMATCH: 'STORE_JOIN_REFUSED',
  NODE_DAMAGED: 'STORE_DAMAGED',
  NODE_INVALID_OPTION: 'STORE_OPTIONS_INVALID',
}

/** What a caller of the store gets to see of an error of its member. */
export function toStoreError(error: unknown): unknown {
  if (error instanceof NodeError) {
    return new StoreError(codes[error.code], error.message.replace(`${error.code}: `, ''), { cause: error })
  }
  if (hasCode(error, 'TRANSPORT_UNREACHABLE', 'TRANSPORT_REFUSED')) {
    return new StoreError('STORE_NO_LEADER', `another member does not answer: ${error.message}`, {
      cause: error,
    })
  }
  if (hasCode(error, 'TRANSPORT_CLOSED'))
    return new StoreError('STORE_CLOSED', 'the store is closed', { cause: error })
  return error
}

/** Runs what a member does for a caller of the store. @throws what {@link toStoreError} makes of its error */
export async function asStoreErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw toStoreError(error)
  }
}
