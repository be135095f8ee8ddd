import type { InstanceDraft } from './drafts.ts'

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
