import type { Clock } from '@orrery/environment'
import { matchesMetadata, matchesName } from '../filters.ts'
import type { Page, ServiceQuery, ServiceSummary } from '../registry.ts'
import type { ServiceView } from '../view/service-view.ts'
import type { View } from '../view/view.ts'
import { Listings } from './listings.ts'
import { byPlace, sortedEntries } from './order.ts'

/** All services of a view, in order of namespace and name, page by page. */
export class ServiceList {
  readonly #listings: Listings<ServiceView, ServiceQuery>

  constructor(view: View, clock: Clock) {
    const all = (query: ServiceQuery): readonly ServiceView[] =>
      [...view.serviceViews(query.namespace)].filter((one) => fits(one, query)).sort(byPlace)
    this.#listings = new Listings({ clock, nameOf, all, fits, compare: byPlace })
  }

  /** @throws RegistryError `REGISTRY_INVALID`: offset or limit is out of its range */
  page(query: ServiceQuery): Page<ServiceSummary> {
    const { metadata } = query
    const { items, total } = this.#listings.page({ ...query, metadata: metadata && { ...metadata } })
    return { items: [...summariesOf(items)], total }
  }

  /** A service came, changed or went, or an instance of it did. */
  touch(view: ServiceView): void {
    this.#listings.touch(view)
  }

  /** From now on nothing is kept. */
  close(): void {
    this.#listings.close()
  }
}

function nameOf(query: ServiceQuery): string {
  const { namespace, name, business, department, withHealthyInstance } = query
  const labels = sortedEntries(query.metadata)
  return JSON.stringify({ namespace, name, business, department, withHealthyInstance, labels })
}

function fits({ record, healthy }: ServiceView, query: ServiceQuery): boolean {
  const { namespace, name, business, department, metadata, withHealthyInstance } = query
  return (
    record !== undefined &&
    (namespace === undefined || record.namespace === namespace) &&
    (name === undefined || matchesName(record.name, name)) &&
    (business === undefined || record.business === business) &&
    (department === undefined || record.department === department) &&
    (metadata === undefined || matchesMetadata(record.metadata, metadata)) &&
    (withHealthyInstance !== true || healthy > 0)
  )
}

function* summariesOf(views: readonly ServiceView[]): Iterable<ServiceSummary> {
  for (const { record, entries, healthy, isolated, revision } of views) {
    if (record !== undefined) yield { service: record, instances: entries.size, healthy, isolated, revision }
  }
}
