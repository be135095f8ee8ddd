import type { Instance, Service, ServiceKey } from '../model.ts'
import type { ServiceSnapshot } from '../registry.ts'
import { ProtectionGauge } from '../health/protection.ts'
import { detached, servicePath } from '../keys.ts'
import type { InstanceEntry } from './instance-entry.ts'

/** Whoever wants to know that a service changed. */
export interface Watcher {
  wake(): void
}

/** More changes than this part of a list are not worked into a copy of it: it is sorted anew. */
const rebuildRatio = 8

const noMetadata = {}

/**
 * A service as this member knows it. It exists for names that are only asked for, too.
 *
 * A list of instances is made when somebody asks, from the list before and what changed since: a change in a service
 * of a thousand instances copies a thousand references and sorts nothing.
 */
export class ServiceView implements ServiceKey {
  readonly namespace: string
  readonly service: string
  /** `<namespace>/<service>`, escaped. */
  readonly path: string
  record: Service | undefined
  readonly entries = new Map<string, InstanceEntry>()
  /** Invariant: the greatest revision of the record, of an instance, or of a removal. */
  revision = 0
  healthy = 0
  isolated = 0
  readonly gauge = new ProtectionGauge()
  /** Most services have neither of them, and there may be as many services as instances. */
  #aliases: Set<ServiceView> | undefined
  #watchers: Set<Watcher> | undefined
  #sorted: readonly Instance[] | undefined
  /** Ids that changed since `#sorted`. Undefined while there is no list that could be brought up to date. */
  #changed: Set<string> | undefined
  #all: ServiceSnapshot | undefined
  #usable: ServiceSnapshot | undefined

  constructor(key: ServiceKey) {
    this.namespace = detached(key.namespace)
    this.service = detached(key.service)
    this.path = detached(servicePath(key))
  }

  /** Services that are aliases of this one. */
  get aliases(): Set<ServiceView> {
    return (this.#aliases ??= new Set())
  }

  get watchers(): Set<Watcher> {
    return (this.#watchers ??= new Set())
  }

  /** Nobody would miss it. */
  get isIdle(): boolean {
    return (
      this.record === undefined &&
      this.entries.size === 0 &&
      (this.#watchers === undefined || this.#watchers.size === 0) &&
      (this.#aliases === undefined || this.#aliases.size === 0)
    )
  }

  /** Something about the service changed; `id`: of which instance. */
  touch(revision: number, id?: string): void {
    if (revision > this.revision) this.revision = revision
    this.#all = undefined
    this.#usable = undefined
    if (id !== undefined) this.#changed?.add(id)
  }

  /** Wakes who watches it under any of its names. */
  wake(): void {
    this.#wakeOwn()
    if (this.#aliases !== undefined) for (const alias of this.#aliases) alias.#wakeOwn()
  }

  #wakeOwn(): void {
    if (this.#watchers !== undefined) for (const watcher of this.#watchers) watcher.wake()
  }

  /** All of its instances. */
  all(): ServiceSnapshot {
    return (this.#all ??= this.snapshotOf(this.#instances(), false))
  }

  /** Those that calls may go to: the healthy ones, or where these are too few, the others too. */
  usable(): ServiceSnapshot {
    return (this.#usable ??= this.#select())
  }

  snapshotOf(instances: readonly Instance[], isProtected: boolean): ServiceSnapshot {
    const { namespace, service, revision } = this
    const metadata = this.record?.metadata ?? noMetadata
    return { type: 'snapshot', namespace, service, revision, instances, protected: isProtected, metadata }
  }

  #select(): ServiceSnapshot {
    const offered = this.#instances().filter(({ isolated }) => !isolated)
    const healthy = offered.filter((instance) => instance.healthy)
    const threshold = this.record?.protectThreshold
    const isProtected =
      threshold !== undefined &&
      healthy.length < offered.length &&
      healthy.length <= threshold * offered.length
    return this.snapshotOf(isProtected ? offered : healthy, isProtected)
  }

  #instances(): readonly Instance[] {
    const sorted = this.#sorted
    const changed = this.#changed
    if (sorted === undefined || changed === undefined || changed.size * rebuildRatio > sorted.length) {
      this.#sorted = Array.from(this.entries.values(), ({ instance }) => instance).sort(byId)
    } else if (changed.size > 0) {
      this.#sorted = this.#update([...sorted], changed)
    }
    if (changed === undefined) this.#changed = new Set()
    else changed.clear()
    return this.#sorted ?? []
  }

  #update(list: Instance[], changed: ReadonlySet<string>): readonly Instance[] {
    for (const id of changed) {
      const at = placeOf(list, id)
      const isThere = list[at]?.id === id
      const entry = this.entries.get(id)
      if (entry === undefined) {
        if (isThere) list.splice(at, 1)
      } else if (isThere) list[at] = entry.instance
      else list.splice(at, 0, entry.instance)
    }
    return list
  }
}

function byId(a: Instance, b: Instance): number {
  return a.id < b.id ? -1 : 1
}

/** Where an id is in the list, or would be. */
function placeOf(list: readonly Instance[], id: string): number {
  let [low, high] = [0, list.length]
  while (low < high) {
    const middle = (low + high) >> 1
    const here = list[middle]
    if (here !== undefined && here.id < id) low = middle + 1
    else high = middle
  }
  return low
}
