import { checkEntryKey, integerOf, jsonOf, objectOf, refuse, textOf } from '../fields.ts'
import { registryLimits as limits } from '../limits.ts'
import type { Instance, JsonValue, Location } from '../model.ts'
import { noExtensions } from './drafts.ts'

type TextField = 'protocol' | 'version' | 'logicalSet'

/** A text, or what it is where none is given. */
export function orText(value: unknown, usual: string, field: TextField): string {
  return value === undefined ? usual : textOf(value, field, limits[`${field}MaxChars`])
}

/** @throws RegistryError `REGISTRY_INVALID` */
export function portOf(value: unknown): number {
  return integerOf(value, 'port', { min: 0, max: limits.portMax })
}

/** @throws RegistryError `REGISTRY_INVALID` */
export function weightOf(value: unknown): number {
  return integerOf(value, 'weight', { min: 0, max: limits.weightMax })
}

/** @throws RegistryError `REGISTRY_INVALID` */
export function priorityOf(value: unknown): number {
  return integerOf(value, 'priority', { min: 0, max: limits.priorityMax })
}

/** A time to live; 0: it needs no heartbeats. Unit: ms. @throws RegistryError `REGISTRY_INVALID` */
export function ttlOf(value: unknown): number {
  if (value === 0) return 0
  const { ttlMinMs, ttlMaxMs } = limits
  return integerOf(value, 'ttlMs', { min: ttlMinMs, max: ttlMaxMs })
}

/** How long it may be expired; `Infinity`: for ever. Unit: ms. @throws RegistryError `REGISTRY_INVALID` */
export function evictAfterOf(value: unknown): number {
  if (value === Infinity) return Infinity
  return integerOf(value, 'evictAfterMs', { min: 0, max: Number.MAX_SAFE_INTEGER })
}

/** A third: two heartbeats may get lost. */
function defaultInterval(ttlMs: number): number {
  return Math.round(ttlMs / 3)
}

/**
 * How often heartbeats come; 0: none are expected. Unit: ms.
 *
 * @throws RegistryError `REGISTRY_INVALID`
 */
export function intervalOf(value: unknown, ttlMs: number): number {
  if (value === undefined) return defaultInterval(ttlMs)
  const { heartbeatIntervalMinMs, ttlMaxMs } = limits
  if (ttlMs > 0) return integerOf(value, 'heartbeatIntervalMs', { min: heartbeatIntervalMinMs, max: ttlMs })
  // Who needs no heartbeats may say how often they would come: none is expected.
  integerOf(value, 'heartbeatIntervalMs', { min: 0, max: ttlMaxMs })
  return 0
}

/**
 * How often heartbeats come after a change. Where nothing is said of it, it goes with the time to live. Unit: ms.
 *
 * @throws RegistryError `REGISTRY_INVALID`
 */
export function changedInterval(current: Instance, ttlMs: number, given: unknown): number {
  if (given !== undefined || ttlMs === 0) return intervalOf(given, ttlMs)
  if (ttlMs === current.ttlMs) return current.heartbeatIntervalMs
  const wasDefault = current.heartbeatIntervalMs === defaultInterval(current.ttlMs)
  return wasDefault ? defaultInterval(ttlMs) : Math.min(current.heartbeatIntervalMs, ttlMs)
}

/** A place, of which what is not given stays as it is. @throws RegistryError `REGISTRY_INVALID` */
export function locationOf(value: unknown, current: Location): Location {
  const given = objectOf(value, 'location')
  const part = (name: keyof Location): string => {
    const text = given[name]
    return text === undefined ? current[name] : textOf(text, `location.${name}`, limits.locationPartMaxChars)
  }
  return { region: part('region'), zone: part('zone'), campus: part('campus') }
}

/**
 * Those of the protocols that are given take the place of what was; undefined takes it away.
 *
 * @throws RegistryError `REGISTRY_INVALID`
 */
export function extensionsOf(
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
