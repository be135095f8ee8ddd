import { LeaseError } from './errors.ts'

/** What decides the outcome of a `grant`: must be the same on every member of a cluster. */
export interface LeaseLimits {
  /** Shortest time to live; shorter requests, zero and negative ones too, are raised to it. Unit: ms. @defaultValue `2_000` */
  readonly ttlMinMs?: number
  /** Longest time to live; longer requests are refused. Unit: ms, at most 2^52. @defaultValue `9_000_000_000_000` */
  readonly ttlMaxMs?: number
}

export interface LessorOptions extends LeaseLimits {
  /** Resolution of expiry: a lease is reported up to this much late, never early. Unit: ms. @defaultValue `100` */
  readonly tickMs?: number
  /** Leases returned by one `expired` call. Unit: leases. @defaultValue `1_000` */
  readonly expiredMaxLeases?: number
  /** A reported lease that is still there is reported again after this time. Unit: ms. @defaultValue `3_000` */
  readonly expiredRetryMs?: number
  /**
   * Leases that one `expired` or `checkpointsDue` call looks at, to bound its time: about 0.2 µs each.
   * What is left over is done by the next call. Unit: leases. @defaultValue `10_000`
   */
  readonly sweepMaxLeases?: number
  /**
   * How often the remaining time of a lease is due for the log. Leases that live no longer than this are never
   * checkpointed. Unit: ms. `Infinity`: none are. @defaultValue `300_000`
   */
  readonly checkpointIntervalMs?: number
  /** Checkpoints returned by one `checkpointsDue` call. Unit: leases. @defaultValue `1_000` */
  readonly checkpointMaxLeases?: number
  /**
   * After a promotion, so many leases expire per second at most; the rest live longer. Unit: leases per second.
   * `Infinity`: no limit. @defaultValue `1_000`
   */
  readonly revokeMaxPerSecond?: number
}

export const lessorDefaults: Required<LessorOptions> = {
  ttlMinMs: 2_000,
  ttlMaxMs: 9_000_000_000_000,
  tickMs: 100,
  expiredMaxLeases: 1_000,
  expiredRetryMs: 3_000,
  sweepMaxLeases: 10_000,
  checkpointIntervalMs: 300_000,
  checkpointMaxLeases: 1_000,
  revokeMaxPerSecond: 1_000,
}

/** @throws LeaseError `LEASE_OPTIONS_INVALID` */
export function resolveOptions(options: LessorOptions): Required<LessorOptions> {
  const resolved = { ...lessorDefaults, ...options }
  for (const [name, value] of Object.entries(resolved)) {
    if (!(value >= 1))
      throw new LeaseError('LEASE_OPTIONS_INVALID', `${name} must be at least 1, not ${value}`)
  }
  const { tickMs, ttlMinMs, ttlMaxMs } = resolved
  if (!Number.isSafeInteger(tickMs)) {
    throw new LeaseError('LEASE_OPTIONS_INVALID', `tickMs must be an integer, not ${tickMs}`)
  }
  if (ttlMinMs > ttlMaxMs || ttlMaxMs > 2 ** 52) {
    throw new LeaseError(
      'LEASE_OPTIONS_INVALID',
      `ttlMinMs ${ttlMinMs}, ttlMaxMs ${ttlMaxMs} and 2^52 must be in ascending order`,
    )
  }
  return resolved
}
