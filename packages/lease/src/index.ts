/**
 * Leases: keys that vanish unless somebody keeps renewing them. The lessor knows who may live until when, and
 * returns whoever is overdue as data; its host deletes their keys.
 *
 * @packageDocumentation
 */
export type { LeaseErrorCode } from './errors.ts'
export { LeaseError, leaseErrorCodes } from './errors.ts'
export { createLessor } from './lease-book.ts'
export type {
  Checkpoint,
  Lease,
  LeaseId,
  LeaseRecord,
  Lessor,
  LessorState,
  Renewal,
  TimeToLive,
} from './lessor.ts'
export type { LeaseLimits, LessorOptions } from './options.ts'
export { lessorDefaults } from './options.ts'
