import { CodedError } from '@orrery/environment'

/**
 * Why the adapter refuses.
 *
 * - `EUREKA_BODY_INVALID`: a body cannot be read, or lacks what it needs; the message begins with the field's name
 * - `EUREKA_BODY_TOO_LARGE`: a body is over one of the limits; the message says which
 * - `EUREKA_OPTION_INVALID`: an option is out of its range
 */
export const eurekaErrorCodes = [
  'EUREKA_BODY_INVALID',
  'EUREKA_BODY_TOO_LARGE',
  'EUREKA_OPTION_INVALID',
] as const

/** One of {@link eurekaErrorCodes}. */
export type EurekaErrorCode = (typeof eurekaErrorCodes)[number]

/** A refusal of the adapter. Nothing has changed. */
export class EurekaError extends CodedError<EurekaErrorCode> {}
