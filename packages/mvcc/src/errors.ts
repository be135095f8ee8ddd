import { CodedError } from '@orrery/environment'

/**
 * Why the core refuses a request. It changes nothing when it does.
 *
 * - `MVCC_KEY_REQUIRED`: an empty key
 * - `MVCC_KEY_NOT_FOUND`: `ignoreValue` or `ignoreLease` for a key that does not exist, or an empty txn operation
 * - `MVCC_VALUE_PROVIDED`: a value together with `ignoreValue`
 * - `MVCC_LEASE_PROVIDED`: a lease together with `ignoreLease`
 * - `MVCC_LEASE_NOT_FOUND`: a put names a lease that does not exist
 * - `MVCC_TOO_MANY_OPS`: more operations in one list of a txn than allowed
 * - `MVCC_DUPLICATE_KEY`: one execution path of a txn changes a key twice
 * - `MVCC_COMPACTED`: the revision asked for is older than the last compaction, or compacted already
 * - `MVCC_FUTURE_REVISION`: the revision asked for does not exist yet
 */
export const mvccErrorCodes = [
  'MVCC_KEY_REQUIRED',
  'MVCC_KEY_NOT_FOUND',
  'MVCC_VALUE_PROVIDED',
  'MVCC_LEASE_PROVIDED',
  'MVCC_LEASE_NOT_FOUND',
  'MVCC_TOO_MANY_OPS',
  'MVCC_DUPLICATE_KEY',
  'MVCC_COMPACTED',
  'MVCC_FUTURE_REVISION',
] as const

/** One of {@link mvccErrorCodes}. */
export type MvccErrorCode = (typeof mvccErrorCodes)[number]

/** A request that the core refuses. */
export class MvccError extends CodedError<MvccErrorCode> {}
