import type { Instance } from '../model.ts'
import type { ResolvedRegistryOptions } from '../options.ts'

/** Heartbeats are counted in millionths of one per second, so that sums stay whole numbers. */
const rateUnit = 1e9

/**
 * How many of the heartbeats that are expected come in, of a service or of all. Each instance counts by its own interval,
 * and as missing from the moment when it is expired: no sampling, no window, the same on every member.
 */
export class ProtectionGauge {
  /** Instances that have to send heartbeats. */
  instances = 0
  /** Of them, those whose heartbeats are missing. */
  expired = 0
  #expectedRate = 0
  #missingRate = 0

  /** Counts an instance in (1) or out (-1). */
  count({ ttlMs, heartbeatIntervalMs, expired }: Instance, by: 1 | -1): void {
    if (ttlMs === 0) return
    const rate = by * Math.round(rateUnit / Math.max(1, heartbeatIntervalMs))
    this.instances += by
    this.#expectedRate += rate
    if (!expired) return
    this.expired += by
    this.#missingRate += rate
  }

  /** Whether so many are missing that the fault is rather ours. */
  isAlarming({ enabled, threshold, instancesMin }: ResolvedRegistryOptions['protection']): boolean {
    if (!enabled || this.instances < instancesMin) return false
    return this.#expectedRate - this.#missingRate < threshold * this.#expectedRate
  }
}
