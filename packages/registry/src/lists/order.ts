import type { Metadata, ServiceKey } from '../model.ts'

/** In order of namespace and name. */
export function byPlace(a: ServiceKey, b: ServiceKey): number {
  if (a.namespace !== b.namespace) return a.namespace < b.namespace ? -1 : 1
  return a.service === b.service ? 0 : a.service < b.service ? -1 : 1
}

/** Labels that are asked for, in order of their keys. */
export function sortedEntries(metadata: Metadata = {}): readonly (readonly [string, string])[] {
  return Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1))
}
