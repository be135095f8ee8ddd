import { CodedError } from '@orrery/environment'

/**
 * Why a heartbeat store fails a call.
 *
 * - `HEARTBEATS_UNAVAILABLE`: the store cannot be reached, is too busy, or answered what makes no sense; the call
 *   may have taken effect all the same
 * - `HEARTBEATS_CLOSED`: it is closed
 * - `HEARTBEATS_OPTION_INVALID`: an option is out of its range
 */
export const heartbeatStoreErrorCodes = [
  'HEARTBEATS_UNAVAILABLE',
  'HEARTBEATS_CLOSED',
  'HEARTBEATS_OPTION_INVALID',
] as const

/** One of {@link heartbeatStoreErrorCodes}. */
export type HeartbeatStoreErrorCode = (typeof heartbeatStoreErrorCodes)[number]

/** What every implementation of `HeartbeatStore` fails with: its users need not know which one it is. */
export class HeartbeatStoreError extends CodedError<HeartbeatStoreErrorCode> {}
