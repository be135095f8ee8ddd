/**
 * A batching controller: items go in one by one, are worked on in batches, and each gets its own result.
 *
 * ```text
 * submit -> queue (items, bytes, task life) -> batch (items, bytes, linger) -> run, so many at a time -> results
 * ```
 *
 * {@link createBatcher} answers with promises. What it decides is decided by {@link createBatchQueue}, which
 * is pure: for hosts that have their own way to wait.
 *
 * @packageDocumentation
 */
export { BatchEntry, createBatchQueue } from './batch-queue.ts'
export type { AddResult, BatchQueue } from './batch-queue.ts'
export { createBatcher, ItemFailure } from './batcher.ts'
export type { Batcher, BatcherParts, BatcherStats, CancelSignal } from './batcher.ts'
export { BatchingError, batchingErrorCodes } from './errors.ts'
export type { BatchingErrorCode } from './errors.ts'
export { batchingDefaults } from './options.ts'
export type { BatchingOptions } from './options.ts'
