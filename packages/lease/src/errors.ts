import { CodedError } from '@orrery/environment'

/** Every way in which a lessor refuses. */
export const leaseErrorCodes = [
  'LEASE_EXISTS',
  'LEASE_EXPIRED',
  'LEASE_ID_INVALID',
  'LEASE_NOT_FOUND',
  'LEASE_NOT_PRIMARY',
  'LEASE_OPTIONS_INVALID',
  'LEASE_TTL_INVALID',
  'LEASE_TTL_TOO_LARGE',
] as const

export type LeaseErrorCode = (typeof leaseErrorCodes)[number]

/** A refusal of the lessor. Nothing has changed. */
export class LeaseError extends CodedError<LeaseErrorCode> {}
