import { createHash } from 'node:crypto'
import { flagOf, metadataOf, objectOf } from '../fields.ts'
import { registryLimits as limits } from '../limits.ts'
import type { Instance, InstanceChanges, InstanceSpec } from '../model.ts'
import { checkInstanceKey, checkServiceKey, printableOf } from '../names.ts'
import { type InstanceDraft, noExtensions, noMetadata, nowhere } from './drafts.ts'
import {
  changedInterval,
  evictAfterOf,
  extensionsOf,
  intervalOf,
  locationOf,
  orText,
  portOf,
  priorityOf,
  ttlOf,
  weightOf,
} from './instance-fields.ts'

/** What a registration is decided on. */
export interface RegistrationContext {
  /** What is there already. */
  readonly current: Instance | undefined
  /** Where none is given. Unit: ms. */
  readonly evictAfterMs: number
  /** The time of day. Unit: ms. */
  readonly wallMs: number
}

/**
 * What an instance becomes by its registration, which counts as a heartbeat.
 *
 * @throws RegistryError `REGISTRY_INVALID`
 */
export function toInstance(
  spec: InstanceSpec,
  { current, evictAfterMs: evictDefaultMs, wallMs }: RegistrationContext,
): InstanceDraft {
  const given = objectOf(spec, 'instance') as unknown as InstanceSpec
  checkServiceKey(given)
  const { namespace, service, healthy, isolated, location, metadata, extensions } = given
  const host = printableOf(given.host, 'host', limits.hostMaxChars)
  const port = portOf(given.port)
  const id = given.id === undefined ? defaultId([namespace, service, host, String(port)]) : given.id
  checkInstanceKey({ namespace, service, id })
  const ttlMs = given.ttlMs === undefined ? 0 : ttlOf(given.ttlMs)
  const reportedHealthy = healthy === undefined || flagOf(healthy, 'healthy')
  // Whoever registers has been heard of: it is not for missing heartbeats any more.
  const isSame = current?.healthy === reportedHealthy && current.healthReason !== 'expired'
  return {
    namespace,
    service,
    id,
    host,
    port,
    protocol: orText(given.protocol, '', 'protocol'),
    version: orText(given.version, '', 'version'),
    weight: given.weight === undefined ? 100 : weightOf(given.weight),
    priority: given.priority === undefined ? 0 : priorityOf(given.priority),
    location: location === undefined ? nowhere : locationOf(location, nowhere),
    metadata: metadata === undefined ? noMetadata : metadataOf(metadata),
    logicalSet: orText(given.logicalSet, '', 'logicalSet'),
    isolated: isolated === undefined ? (current?.isolated ?? false) : flagOf(isolated, 'isolated'),
    healthy: reportedHealthy,
    reportedHealthy,
    expired: false,
    healthReason: isSame ? current.healthReason : reportedHealthy ? 'registered' : 'reported',
    healthChangedMs: isSame ? current.healthChangedMs : wallMs,
    ttlMs,
    heartbeatIntervalMs: intervalOf(given.heartbeatIntervalMs, ttlMs),
    evictAfterMs: given.evictAfterMs === undefined ? evictDefaultMs : evictAfterOf(given.evictAfterMs),
    extensions: extensions === undefined ? noExtensions : extensionsOf(extensions, noExtensions),
  }
}

/**
 * What an instance becomes by a change.
 *
 * @throws RegistryError `REGISTRY_INVALID`
 */
export function changeInstance(current: Instance, changes: InstanceChanges, wallMs: number): InstanceDraft {
  const given = objectOf(changes, 'changes') as InstanceChanges
  const { isolated, location, metadata, extensions } = given
  const ttlMs = given.ttlMs === undefined ? current.ttlMs : ttlOf(given.ttlMs)
  const reportedHealthy =
    given.healthy === undefined ? current.reportedHealthy : flagOf(given.healthy, 'healthy')
  const expired = current.expired && ttlMs > 0
  const healthy = reportedHealthy && !expired
  const isSame = current.healthy === healthy
  return {
    namespace: current.namespace,
    service: current.service,
    id: current.id,
    host: given.host === undefined ? current.host : printableOf(given.host, 'host', limits.hostMaxChars),
    port: given.port === undefined ? current.port : portOf(given.port),
    protocol: orText(given.protocol, current.protocol, 'protocol'),
    version: orText(given.version, current.version, 'version'),
    weight: given.weight === undefined ? current.weight : weightOf(given.weight),
    priority: given.priority === undefined ? current.priority : priorityOf(given.priority),
    location: location === undefined ? current.location : locationOf(location, current.location),
    metadata: metadata === undefined ? current.metadata : metadataOf(metadata),
    logicalSet: orText(given.logicalSet, current.logicalSet, 'logicalSet'),
    isolated: isolated === undefined ? current.isolated : flagOf(isolated, 'isolated'),
    healthy,
    reportedHealthy,
    expired,
    healthReason: isSame ? current.healthReason : 'reported',
    healthChangedMs: isSame ? current.healthChangedMs : wallMs,
    ttlMs,
    heartbeatIntervalMs: changedInterval(current, ttlMs, given.heartbeatIntervalMs),
    evictAfterMs: given.evictAfterMs === undefined ? current.evictAfterMs : evictAfterOf(given.evictAfterMs),
    extensions: extensions === undefined ? current.extensions : extensionsOf(extensions, current.extensions),
  }
}

/** The same for who registers the same place again. Source: Polaris' ids of instances. */
function defaultId(parts: readonly string[]): string {
  return createHash('sha1').update(parts.join('##')).digest('hex')
}
