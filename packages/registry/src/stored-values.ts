import type { JsonValue, ServiceKey } from './model.ts'

// What stands in the values of keys. Anybody may have written it with a client of the store: types are looked at, unknown
// fields are left alone. Bounds are not looked at: a later version may have larger ones.

/** What stands in the value of a namespace. What is absent has its default. */
export interface StoredNamespace {
  readonly comment?: string
  readonly metadata?: Record<string, string>
  readonly exportTo?: readonly string[]
}

/** What stands in the value of a service. What is absent has its default. */
export interface StoredService extends StoredNamespace {
  readonly ports?: string
  readonly business?: string
  readonly department?: string
  readonly aliasOf?: ServiceKey
  readonly protectThreshold?: number
}

/** What stands in the value of an instance. What is absent has its default. */
export interface StoredInstance {
  readonly host: string
  readonly port: number
  readonly protocol?: string
  readonly version?: string
  readonly weight?: number
  readonly priority?: number
  readonly region?: string
  readonly zone?: string
  readonly campus?: string
  readonly metadata?: Record<string, string>
  readonly logicalSet?: string
  readonly isolated?: boolean
  readonly down?: boolean
  readonly expired?: boolean
  /** Those of a later version are not known here. */
  readonly reason?: string
  readonly since?: number
  readonly ttlMs?: number
  readonly intervalMs?: number
  /** Null: it is never removed. */
  readonly evictAfterMs?: number | null
  readonly extensions?: Record<string, JsonValue>
}

/** Whether a value from JSON is that of a namespace. */
export function isStoredNamespace(value: unknown): value is StoredNamespace {
  return (
    isRecord(value) && isText(value['comment']) && isLabels(value['metadata']) && isTexts(value['exportTo'])
  )
}

/** Whether a value from JSON is that of a service. */
export function isStoredService(value: unknown): value is StoredService {
  if (!isRecord(value) || !isStoredNamespace(value)) return false
  const { ports, business, department, aliasOf, protectThreshold }: Readonly<Record<string, unknown>> = value
  return (
    isText(ports) &&
    isText(business) &&
    isText(department) &&
    isNumber(protectThreshold) &&
    (aliasOf === undefined || isServiceKey(aliasOf))
  )
}

/** Whether a value from JSON is that of an instance. */
export function isStoredInstance(value: unknown): value is StoredInstance {
  return (
    isRecord(value) &&
    typeof value['host'] === 'string' &&
    typeof value['port'] === 'number' &&
    isText(value['protocol']) &&
    isText(value['version']) &&
    isNumber(value['weight']) &&
    isNumber(value['priority']) &&
    isText(value['region']) &&
    isText(value['zone']) &&
    isText(value['campus']) &&
    isLabels(value['metadata']) &&
    isText(value['logicalSet']) &&
    isFlag(value['isolated']) &&
    isFlag(value['down']) &&
    isFlag(value['expired']) &&
    isText(value['reason']) &&
    isNumber(value['since']) &&
    isNumber(value['ttlMs']) &&
    isNumber(value['intervalMs']) &&
    (value['evictAfterMs'] === null || isNumber(value['evictAfterMs'])) &&
    (value['extensions'] === undefined || isRecord(value['extensions']))
  )
}

/** Whether a value from JSON is an object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isText(value: unknown): boolean {
  return value === undefined || typeof value === 'string'
}

function isNumber(value: unknown): boolean {
  return value === undefined || typeof value === 'number'
}

function isFlag(value: unknown): boolean {
  return value === undefined || typeof value === 'boolean'
}

function isTexts(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.every((item) => typeof item === 'string'))
}

function isLabels(value: unknown): boolean {
  if (value === undefined) return true
  if (!isRecord(value)) return false
  for (const key in value) if (typeof value[key] !== 'string') return false
  return true
}

function isServiceKey(value: unknown): boolean {
  return isRecord(value) && typeof value['namespace'] === 'string' && typeof value['service'] === 'string'
}
