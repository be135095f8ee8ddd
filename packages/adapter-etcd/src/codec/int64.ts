/** A 64-bit integer in a message: a number where that is exact, else a bigint. Absent: 0. */
export type Int64 = number | bigint | null | undefined

/**
 * A revision, version, limit or count. Values beyond the safe integers are moved to their border: no store
 * gets there, so that they compare with everything in it as before.
 */
export function toSafeInteger(value: Int64): number {
  if (value === undefined || value === null) return 0
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number(value), Number.MAX_SAFE_INTEGER))
}

/** A lease or member id. */
export function toId(value: Int64): bigint {
  return BigInt(value ?? 0)
}
