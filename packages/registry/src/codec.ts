import { RegistryError } from './errors.ts'
import { createInstance } from './instance-record.ts'
import { Interning } from './interning.ts'
import { detached, escapeName, instancePath, servicePath } from './keys.ts'
import type {
  HealthReason,
  Instance,
  Location,
  Metadata,
  Namespace,
  RemovalReason,
  Service,
  ServiceKey,
} from './model.ts'
import {
  isRecord,
  isStoredInstance,
  isStoredNamespace,
  isStoredService,
  type StoredInstance,
} from './stored-values.ts'
import {
  type InstanceDraft,
  type NamespaceDraft,
  noExtensions,
  noMetadata,
  nowhere,
  type ServiceDraft,
} from './validate.ts'

// Values in the store are JSON, so that people can read them with any client. What equals its default is left out, which
// is most of it. Unknown fields are those of a later version.

/** What is read of a key. */
export interface StoredValue {
  readonly value: Uint8Array
  readonly createRevision: number
  readonly modRevision: number
}

/**
 * How long an instance may be expired when its value says nothing of it: part of the format, whatever a registry's option
 * is. Nearly all have it. Unit: ms.
 */
const usualEvictAfterMs = 600_000

const text = new TextDecoder()

/** Whom nothing is exported to. */
const nobody: readonly string[] = []

const healthReasons = [
  'registered',
  'reported',
  'heartbeat',
  'expired',
] as const satisfies readonly HealthReason[]

/** The value of a namespace. */
export function encodeNamespace({ comment, metadata, exportTo }: NamespaceDraft): string {
  return JSON.stringify({
    comment: orNothing(comment, ''),
    metadata: unlessEmpty(metadata),
    exportTo: exportTo.length === 0 ? undefined : exportTo,
  })
}

/** The value of a service. */
export function encodeService(draft: ServiceDraft): string {
  const { metadata, ports, business, department, comment, exportTo, aliasOf, protectThreshold } = draft
  return JSON.stringify({
    metadata: unlessEmpty(metadata),
    ports: orNothing(ports, ''),
    business: orNothing(business, ''),
    department: orNothing(department, ''),
    comment: orNothing(comment, ''),
    exportTo: exportTo.length === 0 ? undefined : exportTo,
    aliasOf,
    protectThreshold,
  })
}

/** The value of an instance. */
export function encodeInstance(draft: InstanceDraft): string {
  const { location, ttlMs, evictAfterMs } = draft
  return JSON.stringify({
    host: draft.host,
    port: draft.port,
    protocol: orNothing(draft.protocol, ''),
    version: orNothing(draft.version, ''),
    weight: orNothing(draft.weight, 100),
    priority: orNothing(draft.priority, 0),
    region: orNothing(location.region, ''),
    zone: orNothing(location.zone, ''),
    campus: orNothing(location.campus, ''),
    metadata: unlessEmpty(draft.metadata),
    logicalSet: orNothing(draft.logicalSet, ''),
    isolated: orNothing(draft.isolated, false),
    down: orNothing(!draft.reportedHealthy, false),
    expired: orNothing(draft.expired, false),
    reason: orNothing(draft.healthReason, 'registered'),
    since: draft.healthChangedMs,
    ttlMs: orNothing(ttlMs, 0),
    intervalMs: orNothing(draft.heartbeatIntervalMs, Math.round(ttlMs / 3)),
    // Infinity is none of JSON's numbers: it becomes null.
    evictAfterMs: orNothing(evictAfterMs, usualEvictAfterMs),
    extensions: unlessEmpty(draft.extensions),
  })
}

/** The value that says why instances went, by their ids. */
export function encodeRemovals(reasons: ReadonlyMap<string, RemovalReason>): string {
  const byReason: Record<string, string[]> = {}
  for (const [id, reason] of reasons) (byReason[reason] ??= []).push(id)
  return JSON.stringify(byReason)
}

const removalReasons: readonly string[] = [
  'deregistered',
  'evicted',
  'serviceDeleted',
] satisfies RemovalReason[]

/** Reads what {@link encodeRemovals} wrote. Reasons of a later version are unknown here. */
export function decodeRemovals(value: Uint8Array): ReadonlyMap<string, RemovalReason> {
  const reasons = new Map<string, RemovalReason>()
  for (const [reason, ids] of Object.entries(recordOf(value, isRecord, () => 'removals'))) {
    if (!Array.isArray(ids)) continue
    const known = removalReasons.includes(reason) ? (reason as RemovalReason) : 'unknown'
    for (const id of ids) if (typeof id === 'string') reasons.set(id, known)
  }
  return reasons
}

/** Reads values, and shares what is equal in many of them. */
export interface Decoder {
  /** @throws RegistryError `REGISTRY_INVALID`: the value is no namespace */
  namespace(name: string, kv: StoredValue): Namespace
  /** @throws RegistryError `REGISTRY_INVALID`: the value is no service */
  service(key: ServiceKey, kv: StoredValue): Service
  /** @throws RegistryError `REGISTRY_INVALID`: the value is no instance */
  instance(key: ServiceKey & { readonly id: string }, kv: StoredValue): Instance
}

/** Creates a decoder with a memory of its own for what is shared. */
export function createDecoder(): Decoder {
  return new SharingDecoder()
}

/** Metadata that is larger is rarely equal. Unit: UTF-16 code units of keys and values, and of their lengths. */
const labelsMaxChars = 512

class SharingDecoder implements Decoder {
  readonly #texts = new Interning<string>()
  readonly #locations = new Interning<Location>()
  readonly #labels = new Interning<Metadata>(labelsMaxChars)

  namespace(name: string, kv: StoredValue): Namespace {
    const { comment, metadata, exportTo } = recordOf(
      kv.value,
      isStoredNamespace,
      () => `namespaces/${escapeName(name)}`,
    )
    return {
      name,
      comment: comment ?? '',
      metadata: metadata ?? noMetadata,
      exportTo: exportTo ?? nobody,
      ...revisionsOf(kv),
    }
  }

  service(key: ServiceKey, kv: StoredValue): Service {
    const stored = recordOf(kv.value, isStoredService, () => `services/${servicePath(key)}`)
    return {
      namespace: this.#text(key.namespace),
      name: detached(key.service),
      metadata: stored.metadata ?? noMetadata,
      ports: stored.ports ?? '',
      business: stored.business ?? '',
      department: stored.department ?? '',
      comment: stored.comment ?? '',
      exportTo: stored.exportTo ?? nobody,
      aliasOf: stored.aliasOf,
      protectThreshold: stored.protectThreshold,
      revision: kv.modRevision,
      createdRevision: kv.createRevision,
    }
  }

  instance(key: ServiceKey & { readonly id: string }, kv: StoredValue): Instance {
    const stored = recordOf(kv.value, isStoredInstance, () => `instances/${instancePath(key)}`)
    const { ttlMs = 0, down = false, expired = false, evictAfterMs = usualEvictAfterMs } = stored
    const draft: InstanceDraft = {
      namespace: key.namespace,
      service: key.service,
      id: key.id,
      host: stored.host,
      port: stored.port,
      protocol: this.#text(stored.protocol),
      version: this.#text(stored.version),
      weight: stored.weight ?? 100,
      priority: stored.priority ?? 0,
      location: this.#location(stored),
      metadata: this.#metadata(stored.metadata),
      logicalSet: this.#text(stored.logicalSet),
      isolated: stored.isolated ?? false,
      healthy: !down && !expired,
      reportedHealthy: !down,
      expired,
      healthReason: reasonOf(stored.reason),
      healthChangedMs: stored.since ?? 0,
      ttlMs,
      heartbeatIntervalMs: stored.intervalMs ?? Math.round(ttlMs / 3),
      evictAfterMs: evictAfterMs ?? Infinity,
      extensions: stored.extensions ?? noExtensions,
    }
    return createInstance(draft, revisionsOf(kv))
  }

  #text(value: string | undefined): string {
    return value === undefined || value === '' ? '' : this.#texts.get(value, () => value)
  }

  #location({ region = '', zone = '', campus = '' }: StoredInstance): Location {
    if (region === '' && zone === '' && campus === '') return nowhere
    // With lengths, as the parts may have any characters.
    const name = `${region.length},${zone.length},${region}${zone}${campus}`
    return this.#locations.get(name, () => ({ region, zone, campus }))
  }

  /**
   * Values are shared, and all of it when each of them was known already: where one was not, nobody is known to have the
   * same metadata. Keys are shared anyway, by the engine.
   */
  #metadata(metadata: Record<string, string> | undefined): Metadata {
    if (metadata === undefined) return noMetadata
    let name: string | undefined = ''
    for (const key in metadata) {
      const value = metadata[key]
      if (value === undefined) continue
      const known = value === '' ? '' : this.#texts.find(value)
      metadata[key] = known ?? this.#texts.remember(value, value)
      if (known === undefined) name = undefined
      // With lengths, as keys and values may have any characters.
      else if (name !== undefined) name += `${key.length},${value.length},${key}${value}`
    }
    return name === undefined ? metadata : this.#labels.get(name, () => metadata)
  }
}

/** @throws RegistryError `REGISTRY_INVALID`: the value is not what the guard is for */
function recordOf<T>(value: Uint8Array, isRecordOf: (read: unknown) => read is T, place: () => string): T {
  let read: unknown
  try {
    read = JSON.parse(text.decode(value))
  } catch (cause) {
    throw notOurs(place(), cause)
  }
  if (!isRecordOf(read)) throw notOurs(place())
  return read
}

function notOurs(place: string, cause?: unknown): RegistryError {
  return new RegistryError(
    'REGISTRY_INVALID',
    `${place}: what the store holds is not what a registry wrote`,
    { cause },
  )
}

function revisionsOf({ modRevision, createRevision }: StoredValue): {
  readonly revision: number
  readonly createdRevision: number
} {
  return { revision: modRevision, createdRevision: createRevision }
}

/** A reason of a later version is somebody's word here. */
function reasonOf(reason: string | undefined): HealthReason {
  if (reason === undefined) return 'registered'
  return healthReasons.find((known) => known === reason) ?? 'reported'
}

function orNothing<T>(value: T, usual: T): T | undefined {
  return value === usual ? undefined : value
}

function unlessEmpty<T extends object>(record: T): T | undefined {
  for (const _key in record) return record
  return undefined
}
