/**
 * Limits the connections of a process, per host and in total, over any number of listeners.
 *
 * ```text
 * accepted socket -> guard -> host (address, or IPv6 prefix) -> counts -> the server's own listeners
 *                                                           \-> one too many: destroyed, nobody sees it
 * ```
 *
 * @packageDocumentation
 */
export { createConnectionLimits } from './connection-limits.ts'
export type {
  Admission,
  ConnectionLimits,
  ConnectionStats,
  GuardOptions,
  IncomingConnection,
  OpenConnection,
} from './connection-limits.ts'
export { ConnectionLimitsError, connectionLimitsErrorCodes } from './errors.ts'
export type { ConnectionLimitsErrorCode } from './errors.ts'
export { connectionLimitsDefaults, refusalReasons } from './options.ts'
export type { ConnectionLimitsOptions, Refusal, RefusalReason } from './options.ts'
