import type { HealthReason, RemovalReason } from './model.ts'
import type { ChangeBatch, HeartbeatAnswer } from './registry.ts'

/** What has happened since a registry was created. */
export class RegistryCounters {
  readonly heartbeats: Record<HeartbeatAnswer, number> = { ok: 0, unknown: 0, unavailable: 0 }
  readonly #healthChanges: Record<HealthReason, number> = {
    registered: 0,
    reported: 0,
    heartbeat: 0,
    expired: 0,
  }
  readonly #removals: Record<RemovalReason, number> = {
    deregistered: 0,
    evicted: 0,
    serviceDeleted: 0,
    unknown: 0,
  }

  count({ instances }: ChangeBatch): void {
    for (const change of instances) {
      if (change.type === 'healthChanged') this.#healthChanges[change.instance.healthReason]++
      else if (change.type === 'removed') this.#removals[change.reason]++
    }
  }

  snapshot(): {
    readonly heartbeats: Readonly<Record<HeartbeatAnswer, number>>
    readonly healthChanges: Readonly<Record<HealthReason, number>>
    readonly removals: Readonly<Record<RemovalReason, number>>
  } {
    return {
      heartbeats: { ...this.heartbeats },
      healthChanges: { ...this.#healthChanges },
      removals: { ...this.#removals },
    }
  }
}
