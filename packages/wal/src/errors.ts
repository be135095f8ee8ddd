import { CodedError } from '@orrery/environment'

/** Every way in which the log refuses or fails. */
export const walErrorCodes = [
  /** A write or sync failed earlier. The log does nothing any more; the first failure is the `cause`. */
  'WAL_FAILED',
  /** The log is closed, or closing. */
  'WAL_CLOSED',
  /** Somebody else has the directory open. `details.holderPid` names the process when it is known. */
  'WAL_LOCKED',
  /** Stored bytes are not what was written. `details.file` and `details.offset` say where. */
  'WAL_CORRUPT',
  /** The log was written by a later version of this package. */
  'WAL_UNSUPPORTED_VERSION',
  /** There is no log in the directory and `ifMissing` is `'fail'`. */
  'WAL_MISSING',
  /** One disk operation failed. `details.errno` holds the code of the operating system. */
  'WAL_DISK_FAILED',
  /** More than `queueMaxBytes` wait for the disk. Nothing was queued: try again after `onDurable`. */
  'WAL_QUEUE_FULL',
  /** An entry, or the entries of one `appendAll`, do not fit in one record. */
  'WAL_ENTRY_TOO_LARGE',
  /** An index lies outside of what the log holds. */
  'WAL_INDEX_OUT_OF_RANGE',
  /** The entry that was waited for has been removed by `truncateSuffix`. */
  'WAL_TRUNCATED',
  /** An option is out of its range. */
  'WAL_INVALID_OPTION',
] as const

/** What went wrong, for programs. */
export type WalErrorCode = (typeof walErrorCodes)[number]

/** The facts of a {@link WalError}, as far as they apply to its code. */
export interface WalErrorDetails {
  /** Path of the file that is damaged or could not be used. */
  readonly file?: string
  /** Where in `file` the damage begins. Unit: bytes. */
  readonly offset?: number
  /** Code of the operating system, for example `'ENOSPC'`. */
  readonly errno?: string
  /** Position, in its batch, of the disk operation that failed. */
  readonly operation?: number
  /** Process that holds the directory. */
  readonly holderPid?: number
}

/** An expected failure of the log. */
export class WalError extends CodedError<WalErrorCode> {
  /** Which file, where, and by whom: for people and for tools. */
  readonly details: WalErrorDetails

  constructor(
    code: WalErrorCode,
    message: string,
    options: ErrorOptions & { details?: WalErrorDetails } = {},
  ) {
    super(code, message, options)
    this.details = options.details ?? {}
  }
}

/** The error for bytes that are not what was written. */
export function corrupt(file: string, offset: number, reason: string): WalError {
  return new WalError('WAL_CORRUPT', `${file}, byte ${offset}: ${reason}`, { details: { file, offset } })
}
