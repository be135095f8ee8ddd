/**
 * The durable backend of the multi-version core, on LMDB. Writes go to memory and, in batches, through one
 * worker to disk; reads are answered from both.
 *
 * @packageDocumentation
 */
export type { LmdbErrorCode } from './errors.ts'
export { LmdbError, lmdbErrorCodes } from './errors.ts'
export type { LmdbBackend, LmdbBackendDependencies } from './lmdb-backend.ts'
export { openLmdbBackend } from './lmdb-backend.ts'
export type { LmdbBackendOptions } from './options.ts'
export { lmdbBackendDefaults } from './options.ts'
export type { VerifyReport } from './verify.ts'
export { verifyLmdb } from './verify.ts'
