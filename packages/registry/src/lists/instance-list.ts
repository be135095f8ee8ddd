import type { Clock } from '@orrery/environment'
import { matchesInstance } from '../filters.ts'
import type { Instance } from '../model.ts'
import type { InstanceQuery, Page } from '../registry.ts'
import type { InstanceEntry } from '../view/instance-entry.ts'
import type { ServiceView } from '../view/service-view.ts'
import type { View } from '../view/view.ts'
import { Listings } from './listings.ts'
import { byPlace, sortedEntries } from './order.ts'

/** All instances of a view, in order of namespace, service and id, page by page. */
export class InstanceList {
  readonly #view: View
  readonly #listings: Listings<InstanceEntry, InstanceQuery>

  constructor(view: View, clock: Clock) {
    this.#view = view
    this.#listings = new Listings({ clock, nameOf, all: (query) => this.#all(query), fits, compare })
  }

  /** @throws RegistryError `REGISTRY_INVALID`: offset or limit is out of its range */
  page(query: InstanceQuery): Page<Instance> {
    const { metadata, location } = query
    const copy = { ...query, metadata: metadata && { ...metadata }, location: location && { ...location } }
    const { items, total } = this.#listings.page(copy)
    return { items: items.map(({ instance }) => instance), total }
  }

  /** An instance came, changed or went. */
  touch(entry: InstanceEntry): void {
    this.#listings.touch(entry)
  }

  /** From now on nothing is kept. */
  close(): void {
    this.#listings.close()
  }

  #all(query: InstanceQuery): readonly InstanceEntry[] {
    const all: InstanceEntry[] = []
    for (const { entries } of this.#services(query).sort(byPlace)) {
      const ids: string[] = []
      for (const [id, entry] of entries) if (matchesInstance(entry.instance, query)) ids.push(id)
      for (const id of ids.sort()) {
        const entry = entries.get(id)
        if (entry !== undefined) all.push(entry)
      }
    }
    return all
  }

  #services({ namespace, service }: InstanceQuery): ServiceView[] {
    if (namespace !== undefined && service !== undefined) {
      const view = this.#view.service({ namespace, service })
      return view === undefined ? [] : [view]
    }
    const views = [...this.#view.serviceViews(namespace)]
    return service === undefined ? views : views.filter((view) => view.service === service)
  }
}

function nameOf(query: InstanceQuery): string {
  const { namespace, service, id, host, port, protocol, version, healthy, isolated } = query
  const { region, zone, campus } = query.location ?? {}
  const labels = sortedEntries(query.metadata)
  const which = { namespace, service, id, host, port, protocol, version, healthy, isolated }
  return JSON.stringify({ ...which, region, zone, campus, labels })
}

function fits(entry: InstanceEntry, query: InstanceQuery): boolean {
  const { service: view, instance } = entry
  const { namespace, service } = query
  return (
    view.entries.get(instance.id) === entry &&
    (namespace === undefined || view.namespace === namespace) &&
    (service === undefined || view.service === service) &&
    matchesInstance(instance, query)
  )
}

function compare(a: InstanceEntry, b: InstanceEntry): number {
  const order = a.service === b.service ? 0 : byPlace(a.service, b.service)
  if (order !== 0) return order
  const [left, right] = [a.instance.id, b.instance.id]
  return left === right ? 0 : left < right ? -1 : 1
}
