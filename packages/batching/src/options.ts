import { BatchingError } from './errors.ts'

/** How items become batches. */
export interface BatchingOptions {
  /** Items that may wait; more are refused. Those in a batch do not count. @defaultValue `65_536` */
  readonly queueMaxItems?: number
  /** What may wait, as `sizeOf` counts it; more is refused. Unit: bytes. @defaultValue `67_108_864` (64 MiB) */
  readonly queueMaxBytes?: number
  /**
   * How long the first item of a batch waits for others. 0: until the end of the present turn, so that what
   * is submitted at once goes out at once. More makes larger batches, and every item later. A full batch does
   * not wait. Unit: ms. @defaultValue `0`
   */
  readonly lingerMaxMs?: number
  /** Items in one batch; 1 turns batching off. @defaultValue `1_024` */
  readonly batchMaxItems?: number
  /** What one batch holds; a single larger item goes alone. Unit: bytes. @defaultValue `1_048_576` (1 MiB) */
  readonly batchMaxBytes?: number
  /**
   * Batches that run at the same time. With more than 1, a later batch may finish before an earlier one.
   * @defaultValue `1`
   */
  readonly concurrencyMaxBatches?: number
  /**
   * An item that has waited for so long is dropped: whoever submitted it has given up, and what is late only
   * delays the others. `Infinity`: it waits for ever. Unit: ms. @defaultValue `10_000`
   */
  readonly taskLifeMaxMs?: number
}

/** What a batcher uses when its options do not say otherwise. */
export const batchingDefaults = {
  queueMaxItems: 65_536,
  queueMaxBytes: 67_108_864,
  lingerMaxMs: 0,
  batchMaxItems: 1_024,
  batchMaxBytes: 1_048_576,
  concurrencyMaxBatches: 1,
  taskLifeMaxMs: 10_000,
} as const satisfies Required<BatchingOptions>

const counts = [
  'queueMaxItems',
  'queueMaxBytes',
  'batchMaxItems',
  'batchMaxBytes',
  'concurrencyMaxBatches',
] as const

/** @throws BatchingError `BATCHING_INVALID_OPTION` */
export function resolveOptions(options: BatchingOptions): Required<BatchingOptions> {
  const resolved: Required<BatchingOptions> = { ...batchingDefaults, ...options }
  for (const name of counts) {
    const value = resolved[name]
    if (!Number.isSafeInteger(value) || value < 1)
      refuse(`${name} must be an integer from 1 on, not ${value}`)
  }
  const { lingerMaxMs, taskLifeMaxMs } = resolved
  if (!(lingerMaxMs >= 0 && lingerMaxMs < Infinity))
    refuse(`lingerMaxMs must be from 0 on, not ${lingerMaxMs}`)
  if (!(taskLifeMaxMs > lingerMaxMs)) {
    refuse(`taskLifeMaxMs must be more than lingerMaxMs ${lingerMaxMs}, not ${taskLifeMaxMs}`)
  }
  return resolved
}

function refuse(message: string): never {
  throw new BatchingError('BATCHING_INVALID_OPTION', message)
}
