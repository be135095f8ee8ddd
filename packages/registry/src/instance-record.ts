import type { HealthReason, Instance, JsonValue, Location, Metadata } from './model.ts'
import type { InstanceDraft } from './validate.ts'

/** Where the store has put something. */
export interface Revisions {
  readonly revision: number
  readonly createdRevision: number
}

/**
 * An instance in memory. There are millions of them, so all have the same fields in the same order, and nothing of their
 * own that could be shared.
 */
class InstanceRecord implements Instance {
  readonly namespace: string
  readonly service: string
  readonly id: string
  readonly host: string
  readonly port: number
  readonly protocol: string
  readonly version: string
  readonly weight: number
  readonly priority: number
  readonly location: Location
  readonly metadata: Metadata
  readonly logicalSet: string
  readonly isolated: boolean
  readonly healthy: boolean
  readonly reportedHealthy: boolean
  readonly expired: boolean
  readonly healthReason: HealthReason
  readonly healthChangedMs: number
  readonly ttlMs: number
  readonly heartbeatIntervalMs: number
  readonly evictAfterMs: number
  readonly extensions: Readonly<Record<string, JsonValue>>
  readonly revision: number
  readonly createdRevision: number

  constructor(draft: InstanceDraft, { revision, createdRevision }: Revisions) {
    this.namespace = draft.namespace
    this.service = draft.service
    this.id = draft.id
    this.host = draft.host
    this.port = draft.port
    this.protocol = draft.protocol
    this.version = draft.version
    this.weight = draft.weight
    this.priority = draft.priority
    this.location = draft.location
    this.metadata = draft.metadata
    this.logicalSet = draft.logicalSet
    this.isolated = draft.isolated
    this.healthy = draft.healthy
    this.reportedHealthy = draft.reportedHealthy
    this.expired = draft.expired
    this.healthReason = draft.healthReason
    this.healthChangedMs = draft.healthChangedMs
    this.ttlMs = draft.ttlMs
    this.heartbeatIntervalMs = draft.heartbeatIntervalMs
    this.evictAfterMs = draft.evictAfterMs
    this.extensions = draft.extensions
    this.revision = revision
    this.createdRevision = createdRevision
  }
}

/** An instance as the store has it. */
export function createInstance(draft: InstanceDraft, revisions: Revisions): Instance {
  return new InstanceRecord(draft, revisions)
}
