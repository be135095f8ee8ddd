import { CodedError } from '@orrery/environment'

/** Every way in which an item does not get its result from `run`. */
export const batchingErrorCodes = [
  /** `queueMaxItems` or `queueMaxBytes` wait already. Nothing was queued: try again later. */
  'BATCHING_QUEUE_FULL',
  /** The item alone is larger than `queueMaxBytes`. */
  'BATCHING_ITEM_TOO_LARGE',
  /** The item waited for `taskLifeMaxMs` and was never handed to `run`. */
  'BATCHING_EXPIRED',
  /** The batcher is closed, or closing. Nothing was queued. */
  'BATCHING_CLOSED',
  /** An option is out of its range. */
  'BATCHING_INVALID_OPTION',
] as const

/** What went wrong, for programs. */
export type BatchingErrorCode = (typeof batchingErrorCodes)[number]

/** An expected failure of a batcher. */
export class BatchingError extends CodedError<BatchingErrorCode> {}
