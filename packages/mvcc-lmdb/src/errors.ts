import { CodedError } from '@orrery/environment'

/** Every way in which this package fails, other than by a bug. */
export const lmdbErrorCodes = [
  /** The directory or its files cannot be opened: permissions, a missing parent, no address space. */
  'LMDB_OPEN_FAILED',
  /** The files are not ours, or not what was written. Discard them and rebuild; never repair. */
  'LMDB_DAMAGED',
  /** The file system has no room for the next batch. */
  'LMDB_DISK_FULL',
  /** The next batch could outgrow `mapMaxBytes`. */
  'LMDB_MAP_FULL',
  /** A batch could not be written or synced for another reason. */
  'LMDB_WRITE_FAILED',
  /** A record could not be read. */
  'LMDB_READ_FAILED',
  /** A put found its revision present, a delete did not, or somebody else writes to the files. */
  'LMDB_INCONSISTENT',
  /** The worker that writes has died. */
  'LMDB_WORKER_LOST',
  /** The record is larger than `recordMaxBytes`. */
  'LMDB_RECORD_TOO_LARGE',
  /** The backend was used after `close`. */
  'LMDB_CLOSED',
] as const
/** @see {@link lmdbErrorCodes} */
export type LmdbErrorCode = (typeof lmdbErrorCodes)[number]

/** An expected failure of the LMDB backend. Messages name the directory. */
export class LmdbError extends CodedError<LmdbErrorCode> {}
