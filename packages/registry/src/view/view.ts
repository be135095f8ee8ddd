import type { KeyValue, WatchEvent } from '@orrery/mvcc'
import { invariant, InvariantError } from '@orrery/environment'
import { createDecoder, decodeRemovals, type Decoder } from '../codec.ts'
import { ProtectionGauge } from '../health/protection.ts'
import type { Ring } from '../health/ring.ts'
import { type Area, areas, detached, escapeName, namesOf } from '../keys.ts'
import type { Instance, InstanceKey, Namespace, RemovalReason, Service, ServiceKey } from '../model.ts'
import type { ChangeBatch, InstanceChange } from '../registry.ts'
import { CheckerMembers } from './checker-members.ts'
import { InstanceEntry } from './instance-entry.ts'
import { ServiceView, type Watcher } from './service-view.ts'

/** Who has to know what the view takes in. */
export interface ViewListener extends EntryListener {
  /** Something stands in the store that no registry wrote. It is left out. */
  unreadable(path: string, error: unknown): void
  /** A service came, changed or went; not its instances. Undefined: nobody has to know. */
  serviceChanged?(view: ServiceView): void
}

/** Who has to know of each instance that comes, changes and goes. */
export interface EntryListener {
  added(entry: InstanceEntry): void
  changed(entry: InstanceEntry, previous: Instance): void
  removed(entry: InstanceEntry): void
}

/** Services of one name in all namespaces: what somebody sees who looks for exported ones too. */
export interface ServiceFamily {
  readonly views: Set<ServiceView>
  readonly watchers: Set<Watcher>
}

/** What one revision changes, while it is gathered. */
interface Gathered {
  readonly instances: InstanceChange[]
  readonly services: { readonly key: ServiceKey; readonly service: Service | undefined }[]
  readonly namespaces: { readonly name: string; readonly namespace: Namespace | undefined }[]
  /** Why instances go, by service path and id. */
  readonly reasons: Map<string, ReadonlyMap<string, RemovalReason>>
  readonly touched: Set<ServiceView>
}

/**
 * What the keys of the store say, folded: it takes events in the order of their revisions, and is the same on every
 * member that has taken the same ones.
 */
export class View {
  readonly #prefix: string
  readonly #listener: ViewListener
  readonly #decoder: Decoder = createDecoder()
  readonly #namespaces = new Map<string, Namespace>()
  /** By namespace, then name. */
  readonly #services = new Map<string, Map<string, ServiceView>>()
  readonly #families = new Map<string, ServiceFamily>()
  readonly #checkers = new CheckerMembers()
  /** Unit: instances. */
  instances = 0
  healthy = 0
  services = 0
  /** Of all instances. */
  readonly gauge = new ProtectionGauge()
  /** Everything up to this revision of the store is in. */
  revision = 0

  constructor(prefix: string, listener: ViewListener) {
    this.#prefix = prefix
    this.#listener = listener
  }

  get ring(): Ring {
    return this.#checkers.ring
  }

  namespace(name: string): Namespace | undefined {
    return this.#namespaces.get(name)
  }

  namespaces(): Iterable<Namespace> {
    return this.#namespaces.values()
  }

  service({ namespace, service }: ServiceKey): ServiceView | undefined {
    return this.#services.get(namespace)?.get(service)
  }

  entry({ namespace, service, id }: InstanceKey): InstanceEntry | undefined {
    return this.#services.get(namespace)?.get(service)?.entries.get(id)
  }

  /** @param path as `instancePath` makes it */
  entryAt(path: string): InstanceEntry | undefined {
    const [namespace, service, id, more] = readable(() => namesOf(path)) ?? []
    if (namespace === undefined || service === undefined || id === undefined) return undefined
    return more === undefined ? this.entry({ namespace, service, id }) : undefined
  }

  *serviceViews(namespace?: string): Iterable<ServiceView> {
    if (namespace !== undefined) {
      yield* this.#services.get(namespace)?.values() ?? []
      return
    }
    for (const services of this.#services.values()) yield* services.values()
  }

  *entries(): Iterable<InstanceEntry> {
    for (const view of this.serviceViews()) yield* view.entries.values()
  }

  family(name: string): ServiceFamily | undefined {
    return this.#families.get(name)
  }

  /** A view for a name that need not exist. Without {@link View.release} it stays for ever. */
  hold(key: ServiceKey): ServiceView {
    let services = this.#services.get(key.namespace)
    if (services === undefined) this.#services.set(key.namespace, (services = new Map<string, ServiceView>()))
    let view = services.get(key.service)
    if (view === undefined) {
      services.set(key.service, (view = new ServiceView(key)))
      this.holdFamily(key.service).views.add(view)
    }
    return view
  }

  holdFamily(name: string): ServiceFamily {
    let family = this.#families.get(name)
    if (family === undefined) this.#families.set(name, (family = { views: new Set(), watchers: new Set() }))
    return family
  }

  /** Forgets a view that nobody needs. */
  release(view: ServiceView): void {
    if (!view.isIdle || this.service(view) !== view) return
    const services = this.#services.get(view.namespace)
    services?.delete(view.service)
    if (services?.size === 0) this.#services.delete(view.namespace)
    this.#families.get(view.service)?.views.delete(view)
    this.releaseFamily(view.service)
  }

  releaseFamily(name: string): void {
    const family = this.#families.get(name)
    if (family?.views.size === 0 && family.watchers.size === 0) this.#families.delete(name)
  }

  /** Takes keys as they are, before anybody listens. */
  load(kvs: readonly KeyValue[]): void {
    const gathered = newGathered()
    for (const kv of kvs) this.#put(kv, gathered)
  }

  /**
   * Takes all events of one revision.
   *
   * @returns what they changed; undefined: nothing that concerns anybody outside
   */
  fold(events: readonly WatchEvent[], revision: number, atMs: number): ChangeBatch | undefined {
    const gathered = newGathered()
    for (const { type, kv } of events) if (type === 'put') this.#put(kv, gathered)
    for (const { type, kv } of events) {
      if (type === 'delete') this.#delete(this.#pathOf(kv.keyString), kv.modRevision, gathered)
    }
    return this.#batchOf(gathered, revision, atMs)
  }

  /**
   * Takes the whole state anew, after a gap.
   *
   * @param kvs all keys, at `revision`
   */
  replace(kvs: readonly KeyValue[], revision: number, atMs: number): ChangeBatch | undefined {
    const gathered = newGathered()
    const present = new Set(kvs.map(({ keyString }) => this.#pathOf(keyString)))
    for (const kv of kvs) this.#put(kv, gathered)
    for (const path of this.#paths()) if (!present.has(path)) this.#delete(path, revision, gathered)
    return this.#batchOf(gathered, revision, atMs)
  }

  #batchOf(gathered: Gathered, revision: number, atMs: number): ChangeBatch | undefined {
    this.revision = revision
    const { instances, services, namespaces, touched } = gathered
    for (const view of touched) {
      view.wake()
      const family = this.#families.get(view.service)
      if (family !== undefined) for (const watcher of family.watchers) watcher.wake()
      this.release(view)
    }
    if (instances.length + services.length + namespaces.length === 0) return undefined
    return { revision, atMs, instances, services, namespaces }
  }

  /** Paths of all that is known, as keys are, without the prefix. */
  *#paths(): Iterable<string> {
    for (const name of this.#namespaces.keys()) yield `namespaces/${escapeName(name)}`
    for (const name of this.#checkers.names()) yield `checkers/${escapeName(name)}`
    for (const view of this.serviceViews()) {
      if (view.record !== undefined) yield `services/${view.path}`
      for (const id of view.entries.keys()) yield `instances/${view.path}/${escapeName(id)}`
    }
  }

  #pathOf(key: string): string {
    invariant(key.startsWith(this.#prefix), 'a watch gives what it watches')
    return key.slice(this.#prefix.length)
  }

  #put(kv: KeyValue, gathered: Gathered): void {
    const path = this.#pathOf(kv.keyString)
    try {
      this.#putAt(path, kv, gathered)
    } catch (error) {
      if (error instanceof InvariantError) throw error
      this.#listener.unreadable(path, error)
    }
  }

  #putAt(path: string, kv: KeyValue, gathered: Gathered): void {
    const { area, names } = parse(path)
    const [namespace = '', service = '', id = ''] = names
    switch (area) {
      case 'namespaces':
        this.#putNamespace(namespace, kv, gathered)
        return
      case 'services':
        this.#putService({ namespace, service }, kv, gathered)
        return
      case 'instances':
        this.#putInstance({ namespace, service, id }, kv, gathered)
        return
      case 'removals': {
        const view = this.hold({ namespace, service })
        view.touch(kv.modRevision)
        gathered.touched.add(view)
        gathered.reasons.set(view.path, decodeRemovals(kv.value))
        return
      }
      case 'checkers':
        this.#checkers.put(namespace, kv)
        return
      case undefined:
    }
  }

  #putNamespace(name: string, kv: KeyValue, { namespaces, touched }: Gathered): void {
    const previous = this.#namespaces.get(name)
    if (previous?.revision === kv.modRevision) return
    const namespace = this.#decoder.namespace(name, kv)
    this.#namespaces.set(name, namespace)
    namespaces.push({ name, namespace })
    // Who sees its services may have changed.
    if (previous?.exportTo.join() === namespace.exportTo.join()) return
    for (const view of this.serviceViews(name)) touched.add(view)
  }

  #putService(key: ServiceKey, kv: KeyValue, { services, touched }: Gathered): void {
    const view = this.hold(key)
    if (view.record?.revision === kv.modRevision) return
    touched.add(view)
    const service = this.#decoder.service(key, kv)
    if (view.record === undefined) this.services++
    this.#unlinkAlias(view)
    view.record = service
    if (service.aliasOf !== undefined) this.hold(service.aliasOf).aliases.add(view)
    view.touch(kv.modRevision)
    services.push({ key, service })
    this.#listener.serviceChanged?.(view)
  }

  #putInstance(key: InstanceKey, kv: KeyValue, { instances, touched }: Gathered): void {
    const view = this.hold(key)
    const entry = view.entries.get(key.id)
    if (entry?.instance.revision === kv.modRevision) return
    touched.add(view)
    const instance = this.#decoder.instance(
      { namespace: view.namespace, service: view.service, id: entry?.instance.id ?? detached(key.id) },
      kv,
    )
    this.#count(view, instance, 1)
    if (entry === undefined) {
      const added = new InstanceEntry(view, instance)
      view.entries.set(instance.id, added)
      this.instances++
      view.touch(instance.revision, key.id)
      instances.push({ type: 'registered', instance, previous: undefined })
      this.#listener.added(added)
      return
    }
    const previous = entry.instance
    this.#count(view, previous, -1)
    entry.instance = instance
    view.touch(instance.revision, key.id)
    const isSame = previous.healthy === instance.healthy && previous.expired === instance.expired
    instances.push({ type: isSame ? 'updated' : 'healthChanged', instance, previous })
    this.#listener.changed(entry, previous)
  }

  #delete(path: string, revision: number, gathered: Gathered): void {
    // What could not be read when it was put is not here.
    const { area, names } = readable(() => parse(path)) ?? { area: undefined, names: [] }
    const [namespace = '', service = '', id = ''] = names
    if (area === 'namespaces') {
      if (this.#namespaces.delete(namespace))
        gathered.namespaces.push({ name: namespace, namespace: undefined })
      for (const view of this.serviceViews(namespace)) gathered.touched.add(view)
    } else if (area === 'services') this.#deleteService({ namespace, service }, revision, gathered)
    else if (area === 'instances') this.#deleteInstance({ namespace, service, id }, revision, gathered)
    else if (area === 'checkers') this.#checkers.delete(namespace)
  }

  #deleteService(key: ServiceKey, revision: number, { services, touched }: Gathered): void {
    const view = this.service(key)
    if (view?.record === undefined) return
    this.#unlinkAlias(view)
    view.record = undefined
    this.services--
    view.touch(revision)
    services.push({ key, service: undefined })
    touched.add(view)
    this.#listener.serviceChanged?.(view)
  }

  #deleteInstance(key: InstanceKey, revision: number, { instances, touched, reasons }: Gathered): void {
    const view = this.service(key)
    const entry = view?.entries.get(key.id)
    if (view === undefined || entry === undefined) return
    view.entries.delete(key.id)
    this.instances--
    this.#count(view, entry.instance, -1)
    view.touch(revision, key.id)
    const reason = reasons.get(view.path)?.get(key.id) ?? 'unknown'
    instances.push({ type: 'removed', instance: entry.instance, reason })
    touched.add(view)
    this.#listener.removed(entry)
  }

  #unlinkAlias(view: ServiceView): void {
    const { aliasOf } = view.record ?? {}
    if (aliasOf === undefined) return
    const target = this.service(aliasOf)
    target?.aliases.delete(view)
    if (target !== undefined) this.release(target)
  }

  #count(view: ServiceView, instance: Instance, by: 1 | -1): void {
    const { healthy, isolated } = instance
    this.gauge.count(instance, by)
    view.gauge.count(instance, by)
    if (healthy) {
      this.healthy += by
      view.healthy += by
    }
    if (isolated) view.isolated += by
  }
}

function newGathered(): Gathered {
  return { instances: [], services: [], namespaces: [], reasons: new Map(), touched: new Set() }
}

/** Undefined: an escape stands for nothing. No registry writes that, but others may, and may send it. */
function readable<Result>(read: () => Result): Result | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof URIError) return undefined
    throw error
  }
}

/** How many names stand in a key. */
const namesCount: Readonly<Record<Area, number>> = {
  namespaces: 1,
  services: 2,
  instances: 3,
  removals: 2,
  checkers: 1,
}

/**
 * Keys of areas that are not known belong to a later version.
 *
 * @throws URIError when no registry writes such a key
 */
function parse(path: string): { readonly area: Area | undefined; readonly names: readonly string[] } {
  const at = path.indexOf('/')
  const area = areas.find((one) => one === path.slice(0, at))
  if (area === undefined) return { area, names: [] }
  const names = namesOf(path.slice(at + 1))
  if (names.length !== namesCount[area]) throw new URIError(`${area} are known by ${namesCount[area]} names`)
  return { area, names }
}
