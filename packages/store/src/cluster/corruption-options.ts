import { StoreError } from '../errors.ts'

/** When members compare what they hold. The same at all members. */
export interface CorruptionCheckOptions {
  /**
   * A member that was here before compares its history with the others' before it is published. When it differs
   * from a majority's, or from one and there is none, the member does not start. @defaultValue `false`
   */
  readonly atStart?: boolean
  /**
   * How often the leader compares the histories of all members at one revision: each reads all that it has.
   * Unit: ms. 0: never. @defaultValue `0`
   */
  readonly intervalMs?: number
  /**
   * Every member hashes its history when it is compacted, and the leader compares these hashes so often, and each
   * once. Unit: ms. 0: never. @defaultValue `0`
   */
  readonly compactionIntervalMs?: number
}

const defaults: Required<CorruptionCheckOptions> = { atStart: false, intervalMs: 0, compactionIntervalMs: 0 }

/** @throws StoreError `STORE_OPTIONS_INVALID` */
export function resolveCorruptionCheck(
  options: CorruptionCheckOptions = {},
): Required<CorruptionCheckOptions> {
  const resolved = { ...defaults, ...options }
  for (const name of ['intervalMs', 'compactionIntervalMs'] as const) {
    const value = resolved[name]
    if (value === 0 || (Number.isFinite(value) && value >= 1)) continue
    throw new StoreError('STORE_OPTIONS_INVALID', `${name} must be 0 or at least 1, got ${String(value)}`)
  }
  return resolved
}
