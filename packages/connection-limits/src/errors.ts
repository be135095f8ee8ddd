import { CodedError } from '@orrery/environment'

/**
 * Why connection limits cannot be made.
 *
 * - `CONNECTION_LIMITS_INVALID`: an option is out of its range or form; the message begins with its name
 */
export const connectionLimitsErrorCodes = ['CONNECTION_LIMITS_INVALID'] as const

/** One of {@link connectionLimitsErrorCodes}. */
export type ConnectionLimitsErrorCode = (typeof connectionLimitsErrorCodes)[number]

/** An option that cannot be. Connections that are refused are answers, not errors. */
export class ConnectionLimitsError extends CodedError<ConnectionLimitsErrorCode> {}

/** @throws ConnectionLimitsError `CONNECTION_LIMITS_INVALID` */
export function refuseOption(message: string): never {
  throw new ConnectionLimitsError('CONNECTION_LIMITS_INVALID', message)
}
