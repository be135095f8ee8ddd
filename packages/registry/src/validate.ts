import { createHash } from 'node:crypto'
import {
  checkEntryKey,
  flagOf,
  integerOf,
  jsonOf,
  kindOf,
  metadataOf,
  objectOf,
  refuse,
  textOf,
} from './fields.ts'
import { registryLimits as limits } from './limits.ts'
import type {
  Instance,
  InstanceChanges,
  InstanceSpec,
  JsonValue,
  Location,
  Namespace,
  NamespaceSpec,
  Service,
  ServiceKey,
  ServiceSpec,
} from './model.ts'
import { checkInstanceKey, checkNamespaceName, checkServiceKey, exportToOf, printableOf } from './names.ts'

export { checkInstanceKey, checkNamespaceName, checkServiceKey } from './names.ts'

/** A namespace before the store has given it a revision. */
export type NamespaceDraft = Omit<Namespace, 'revision' | 'createdRevision'>
/** A service before the store has given it a revision. */
export type ServiceDraft = Omit<Service, 'revision' | 'createdRevision'>
/** An instance before the store has given it a revision. */
export type InstanceDraft = Omit<Instance, 'revision' | 'createdRevision'>

/** Shared by all that have none. */
export const noMetadata: Readonly<Record<string, string>> = Object.freeze({})
/** Shared by all that have none. */
export const noExtensions: Readonly<Record<string, JsonValue>> = Object.freeze({})
/** Shared by all whose place is not known. */
export const nowhere: Location = Object.freeze({ region: '', zone: '', campus: '' })

/**
 * What a namespace becomes.
 *
 * @param current what it is; undefined: it is created
 * @throws RegistryError `REGISTRY_INVALID`
 */
export function toNamespace(name: unknown, spec: NamespaceSpec, current?: Namespace): NamespaceDraft {
  checkNamespaceName(name)
  const { comment, metadata, exportTo } = objectOf(spec, 'namespace') as NamespaceSpec
  return {
    name,
    comment:
      comment === undefined ? (current?.comment ?? '') : textOf(comment, 'comment', limits.commentMaxChars),
    metadata: metadata === undefined ? (current?.metadata ?? noMetadata) : metadataOf(metadata),
    exportTo: exportTo === undefined ? (current?.exportTo ?? []) : exportToOf(exportTo),
  }
}

/**
 * What a service becomes.
 *
 * @param current what it is; undefined: it is created
 * @throws RegistryError `REGISTRY_INVALID`
 */
export function toService(key: ServiceKey, spec: ServiceSpec, current?: Service): ServiceDraft {
  checkServiceKey(key)
  const given = objectOf(spec, 'service') as ServiceSpec
  const text = (name: 'ports' | 'business' | 'department' | 'comment'): string => {
    const value = given[name]
    return value === undefined ? (current?.[name] ?? '') : textOf(value, name, limits[`${name}MaxChars`])
  }
  const { metadata, exportTo, aliasOf, protectThreshold } = given
  if (aliasOf !== undefined) checkServiceKey(aliasOf)
  return {
    namespace: key.namespace,
    name: key.service,
    metadata: metadata === undefined ? (current?.metadata ?? noMetadata) : metadataOf(metadata),
    ports: text('ports'),
    business: text('business'),
    department: text('department'),
    comment: text('comment'),
    exportTo: exportTo === undefined ? (current?.exportTo ?? []) : exportToOf(exportTo),
    aliasOf:
      aliasOf === undefined ? current?.aliasOf : { namespace: aliasOf.namespace, service: aliasOf.service },
    protectThreshold:
      protectThreshold === undefined ? current?.protectThreshold : thresholdOf(protectThreshold),
  }
}

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

/** Whether two are equal in all but their revisions and when their health changed. */
export function sameInstance(a: InstanceDraft, b: InstanceDraft): boolean {
  return plainFields.every((field) => a[field] === b[field]) && isSameInDepth(a, b)
}

const plainFields = [
  'namespace',
  'service',
  'id',
  'host',
  'port',
  'protocol',
  'version',
  'weight',
  'priority',
  'logicalSet',
  'isolated',
  'healthy',
  'reportedHealthy',
  'expired',
  'healthReason',
  'ttlMs',
  'heartbeatIntervalMs',
  'evictAfterMs',
] as const satisfies readonly (keyof InstanceDraft)[]

function isSameInDepth(a: InstanceDraft, b: InstanceDraft): boolean {
  return (
    isEqual(a.location, b.location) && isEqual(a.metadata, b.metadata) && isEqual(a.extensions, b.extensions)
  )
}

/** Of JSON values; the order of keys does not matter. */
function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const [left, right] = [a, b] as Readonly<Record<string, unknown>>[]
  const keys = Object.keys(left ?? {})
  if (keys.length !== Object.keys(right ?? {}).length) return false
  return keys.every((key) => Object.hasOwn(right ?? {}, key) && isEqual(left?.[key], right?.[key]))
}

type TextField = 'protocol' | 'version' | 'logicalSet'

function orText(value: unknown, usual: string, field: TextField): string {
  return value === undefined ? usual : textOf(value, field, limits[`${field}MaxChars`])
}

function portOf(value: unknown): number {
  return integerOf(value, 'port', { min: 0, max: limits.portMax })
}

function weightOf(value: unknown): number {
  return integerOf(value, 'weight', { min: 0, max: limits.weightMax })
}

function priorityOf(value: unknown): number {
  return integerOf(value, 'priority', { min: 0, max: limits.priorityMax })
}

function ttlOf(value: unknown): number {
  if (value === 0) return 0
  const { ttlMinMs, ttlMaxMs } = limits
  return integerOf(value, 'ttlMs', { min: ttlMinMs, max: ttlMaxMs })
}

function evictAfterOf(value: unknown): number {
  if (value === Infinity) return Infinity
  return integerOf(value, 'evictAfterMs', { min: 0, max: Number.MAX_SAFE_INTEGER })
}

/** A third: two heartbeats may get lost. */
function defaultInterval(ttlMs: number): number {
  return Math.round(ttlMs / 3)
}

function intervalOf(value: unknown, ttlMs: number): number {
  if (value === undefined) return defaultInterval(ttlMs)
  const { heartbeatIntervalMinMs, ttlMaxMs } = limits
  if (ttlMs > 0) return integerOf(value, 'heartbeatIntervalMs', { min: heartbeatIntervalMinMs, max: ttlMs })
  // Who needs no heartbeats may say how often they would come: none is expected.
  integerOf(value, 'heartbeatIntervalMs', { min: 0, max: ttlMaxMs })
  return 0
}

function changedInterval(current: Instance, ttlMs: number, given: unknown): number {
  if (given !== undefined || ttlMs === 0) return intervalOf(given, ttlMs)
  if (ttlMs === current.ttlMs) return current.heartbeatIntervalMs
  const wasDefault = current.heartbeatIntervalMs === defaultInterval(current.ttlMs)
  return wasDefault ? defaultInterval(ttlMs) : Math.min(current.heartbeatIntervalMs, ttlMs)
}

function thresholdOf(value: unknown): number | undefined {
  if (value === null) return undefined
  if (typeof value !== 'number' || !(value >= 0 && value <= 1)) {
    refuse('protectThreshold', `must be a number from 0 to 1, or null, got ${kindOf(value)}`)
  }
  return value
}

function locationOf(value: unknown, current: Location): Location {
  const given = objectOf(value, 'location')
  const part = (name: keyof Location): string => {
    const text = given[name]
    return text === undefined ? current[name] : textOf(text, `location.${name}`, limits.locationPartMaxChars)
  }
  return { region: part('region'), zone: part('zone'), campus: part('campus') }
}

/** Those of the protocols that are given take the place of what was; undefined takes it away. */
function extensionsOf(
  value: unknown,
  current: Readonly<Record<string, JsonValue>>,
): Readonly<Record<string, JsonValue>> {
  const extensions: Record<string, JsonValue> = { ...current }
  for (const [protocol, extension] of Object.entries(objectOf(value, 'extensions'))) {
    checkEntryKey(protocol, 'extensions')
    if (extension === undefined) Reflect.deleteProperty(extensions, protocol)
    else extensions[protocol] = jsonOf(extension, `extensions.${protocol}`)
  }
  if (Object.keys(extensions).length === 0) return noExtensions
  const { extensionsMaxBytes } = limits
  const bytes = Buffer.byteLength(JSON.stringify(extensions))
  if (bytes > extensionsMaxBytes)
    refuse('extensions', `must take at most ${extensionsMaxBytes} bytes, got ${bytes}`)
  return extensions
}

/** The same for who registers the same place again. Source: Polaris' ids of instances. */
function defaultId(parts: readonly string[]): string {
  return createHash('sha1').update(parts.join('##')).digest('hex')
}
