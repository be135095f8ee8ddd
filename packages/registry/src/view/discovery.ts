import { matchesInstance } from '../filters.ts'
import type { Instance, ServiceKey } from '../model.ts'
import type { DiscoverQuery, DiscoverResult, InstanceFilter, ServiceSnapshot } from '../registry.ts'
import type { SubscriptionSource } from './subscriptions.ts'
import type { ServiceView, Watcher } from './service-view.ts'
import type { View } from './view.ts'

/** Whom a question is about: a service, and in whose eyes. */
type Question = ServiceKey & InstanceFilter & { readonly from?: string | undefined }

/** Answers who offers a service. */
export class Discovery {
  readonly #view: View

  constructor(view: View) {
    this.#view = view
  }

  discover(query: DiscoverQuery): DiscoverResult {
    const { from, revision: known } = query
    if (from !== undefined) return this.#discoverVisible(query, from)
    const view = this.#view.service(query)
    if (view?.record === undefined) return { type: 'notFound', revision: view?.revision ?? 0 }
    const { aliasOf } = view.record
    if (aliasOf !== undefined) return this.#discoverAlias(query, view, aliasOf)
    if (known === view.revision) return { type: 'notModified', revision: known }
    return select(view, query)
  }

  /** What a subscriber of a service is given, which may not exist yet. */
  source(query: Question): SubscriptionSource {
    return {
      read: () => {
        const result = this.discover(query)
        if (result.type === 'snapshot') return { snapshot: result, exists: true }
        const { namespace, service } = query
        const place = { type: 'snapshot', namespace, service, revision: result.revision } as const
        return { snapshot: { ...place, instances: [], protected: false, metadata: {} }, exists: false }
      },
      watch: (watcher) => this.#watch(query, watcher),
    }
  }

  #watch(query: Question, watcher: Watcher): () => void {
    if (query.from !== undefined) {
      const family = this.#view.holdFamily(query.service)
      family.watchers.add(watcher)
      return () => {
        family.watchers.delete(watcher)
        this.#view.releaseFamily(query.service)
      }
    }
    const view = this.#view.hold(query)
    view.watchers.add(watcher)
    return () => {
      view.watchers.delete(watcher)
      this.#view.release(view)
    }
  }

  /** The revision covers the alias too: it may have been made to point elsewhere. */
  #discoverAlias(query: DiscoverQuery, alias: ServiceView, aliasOf: ServiceKey): DiscoverResult {
    const target = this.#view.service(aliasOf)
    const revision = Math.max(alias.revision, target?.revision ?? 0)
    if (target?.record === undefined) return { type: 'notFound', revision }
    if (query.revision === revision) return { type: 'notModified', revision }
    const { namespace, service } = alias
    return { ...select(target, query), namespace, service, revision }
  }

  /** Services of this name that can be seen from a namespace, as one. */
  #discoverVisible(query: DiscoverQuery, from: string): DiscoverResult {
    const sources: ServiceSnapshot[] = []
    // Whatever happens to a service of the name, or to who may see it, makes another revision.
    let revision = 0
    for (const view of this.#view.family(query.service)?.views ?? []) {
      const space = this.#view.namespace(view.namespace)
      revision = Math.max(revision, view.revision, space?.revision ?? 0)
      if (view.record === undefined) continue
      const isVisible =
        view.namespace === from ||
        isExportedTo(view.record.exportTo, from) ||
        isExportedTo(space?.exportTo ?? [], from)
      if (!isVisible) continue
      const { aliasOf } = view.record
      const target = aliasOf === undefined ? view : this.#view.service(aliasOf)
      if (target?.record === undefined) continue
      revision = Math.max(revision, target.revision)
      sources.push(select(target, query))
    }
    if (sources.length === 0) return { type: 'notFound', revision }
    if (query.revision === revision) return { type: 'notModified', revision }
    const { namespace, service } = query
    const [only] = sources
    const instances = sources.length === 1 && only !== undefined ? only.instances : mergeInstances(sources)
    return {
      type: 'snapshot',
      namespace,
      service,
      revision,
      instances,
      protected: sources.some((source) => source.protected),
      metadata: (sources.find((source) => source.namespace === namespace) ?? only)?.metadata ?? {},
    }
  }
}

function isExportedTo(exportTo: readonly string[], namespace: string): boolean {
  return exportTo.includes('*') || exportTo.includes(namespace)
}

function mergeInstances(sources: readonly ServiceSnapshot[]): readonly Instance[] {
  return sources.flatMap(({ instances }) => instances).sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** What is wanted of a service. Whoever wants all, or all that can be called, shares the list with others. */
function select(view: ServiceView, filter: InstanceFilter): ServiceSnapshot {
  const whole = filter.healthyOnly === true ? view.usable() : view.all()
  const { metadata, location, protocol, version } = filter
  if (metadata === undefined && location === undefined && protocol === undefined && version === undefined) {
    return whole
  }
  const wanted = { metadata, location, protocol, version }
  return view.snapshotOf(
    whole.instances.filter((instance) => matchesInstance(instance, wanted)),
    whole.protected,
  )
}
