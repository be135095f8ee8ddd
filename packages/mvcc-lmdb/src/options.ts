/** Options of an LMDB backend. */
export interface LmdbBackendOptions {
  /**
   * A batch of writes is handed to the worker at the first seal at which it holds this many.
   * Unit: operations. @defaultValue `10_000`
   */
  readonly batchMaxOperations?: number
  /**
   * Or at the first seal at which its encoded operations are this long. Larger batches are cheaper per
   * operation; but while one is synced, whatever else is synced on the same disk waits, such as the log of those
   * who write, and memory that grows up to there is a pause of the caller. Unit: bytes. @defaultValue `524_288`
   */
  readonly batchMaxBytes?: number
  /**
   * Or when this long has passed since its first write. 0: at once. Unit: ms. @defaultValue `100`
   */
  readonly lingerMaxMs?: number
  /**
   * Address space reserved for the file, which cannot outgrow it: set it to twice the store's quota. It
   * occupies neither memory nor disk. Unit: bytes. @defaultValue `17_179_869_184` (16 GiB)
   */
  readonly mapMaxBytes?: number
  /**
   * Before opening files that were not closed cleanly, read and check everything in a child process. Takes
   * about a second per 1.5 million records. @defaultValue `false`
   */
  readonly verifyAfterUncleanShutdown?: boolean
}

/** @see {@link LmdbBackendOptions} */
export const lmdbBackendDefaults: Required<LmdbBackendOptions> = {
  batchMaxOperations: 10_000,
  batchMaxBytes: 512 * 1024,
  lingerMaxMs: 100,
  mapMaxBytes: 2 ** 34,
  verifyAfterUncleanShutdown: false,
}

/** The smallest file with room for one batch. */
const mapMinBytes = 2 ** 20

/**
 * Fills in defaults.
 *
 * @throws RangeError when a bound is not positive, or the linger negative
 */
export function resolveOptions(options: LmdbBackendOptions): Required<LmdbBackendOptions> {
  const resolved = { ...lmdbBackendDefaults, ...options }
  const { batchMaxOperations, batchMaxBytes, lingerMaxMs, mapMaxBytes } = resolved
  if (!(batchMaxOperations >= 1)) throw new RangeError('batchMaxOperations must be at least 1')
  if (!(batchMaxBytes >= 1)) throw new RangeError('batchMaxBytes must be at least 1')
  if (!(lingerMaxMs >= 0)) throw new RangeError('lingerMaxMs must not be negative')
  if (!Number.isSafeInteger(mapMaxBytes) || mapMaxBytes < mapMinBytes) {
    throw new RangeError(`mapMaxBytes must be an integer of at least ${mapMinBytes}`)
  }
  return resolved
}
