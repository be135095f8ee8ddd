import { refuse } from './fields.ts'
import { registryLimits } from './limits.ts'
import type { Instance, Metadata } from './model.ts'
import type { InstanceQuery, Page, PageRequest } from './registry.ts'

/** Whether an instance has all that is asked for. */
export function matchesInstance(
  instance: Instance,
  query: Omit<InstanceQuery, 'offset' | 'limit' | 'namespace' | 'service'>,
): boolean {
  const { id, host, port, protocol, version, healthy, isolated, metadata, location } = query
  return (
    (id === undefined || instance.id === id) &&
    (host === undefined || instance.host === host) &&
    (port === undefined || instance.port === port) &&
    (protocol === undefined || instance.protocol === protocol) &&
    (version === undefined || instance.version === version) &&
    (healthy === undefined || instance.healthy === healthy) &&
    (isolated === undefined || instance.isolated === isolated) &&
    (metadata === undefined || matchesMetadata(instance.metadata, metadata)) &&
    (location?.region === undefined || instance.location.region === location.region) &&
    (location?.zone === undefined || instance.location.zone === location.zone) &&
    (location?.campus === undefined || instance.location.campus === location.campus)
  )
}

/** Whether all labels that are asked for are there, with the same values. */
export function matchesMetadata(metadata: Metadata, wanted: Metadata): boolean {
  for (const key of Object.keys(wanted)) if (metadata[key] !== wanted[key]) return false
  return true
}

/** Whether a name is the one asked for; `*` at the begin or end of a pattern stands for whatever. */
export function matchesName(name: string, pattern: string): boolean {
  const open = { begin: pattern.startsWith('*'), end: pattern.length > 1 && pattern.endsWith('*') }
  const part = pattern.slice(open.begin ? 1 : 0, open.end ? -1 : undefined)
  if (open.begin && open.end) return name.includes(part)
  if (open.begin) return name.endsWith(part)
  return open.end ? name.startsWith(part) : name === part
}

/** @throws RegistryError `REGISTRY_INVALID`: offset or limit is out of its range */
export function pageOf<Item>(items: readonly Item[], { offset = 0, limit }: PageRequest): Page<Item> {
  const { pageMaxItems, pageDefaultItems } = registryLimits
  const size = limit ?? pageDefaultItems
  if (!Number.isSafeInteger(offset) || offset < 0)
    refuse('offset', `must be an integer from 0 on, got ${offset}`)
  if (!Number.isSafeInteger(size) || size < 1 || size > pageMaxItems) {
    refuse('limit', `must be an integer from 1 to ${pageMaxItems}, got ${size}`)
  }
  return { items: items.slice(offset, offset + size), total: items.length }
}
