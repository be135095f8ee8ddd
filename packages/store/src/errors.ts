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
] as const

/** One of {@link storeErrorCodes}. */
export type StoreErrorCode = (typeof storeErrorCodes)[number]

/** A call that the store refused or could not finish. */
export class StoreError extends CodedError<StoreErrorCode> {}
