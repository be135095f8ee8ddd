import type { Timer } from '@orrery/environment'
import type { ChangeBatch, Instance, RegistryState, ServiceKey } from '@orrery/registry'
import { Applications, type ChangeTime, type Releases } from './applications.ts'
import type { ResolvedEurekaOptions } from './options.ts'
import { shownStatus } from './status.ts'

/** An instance whose heartbeats are missing. */
interface ExpiredInstance {
  instance: Instance
  /** Since when, by the monotonic clock. Unit: ms. */
  readonly sinceMs: number
}

/** A service with such instances. */
interface ExpiredService {
  readonly key: ServiceKey
  /** Nothing is said against them. */
  isProtected: boolean
  readonly instances: Map<string, ExpiredInstance>
}

/** What a {@link RegistryView} works with; see the options of the plugin. */
export type RegistryViewParts = Pick<
  ResolvedEurekaOptions,
  'registry' | 'environment' | 'deltaExpireInterval' | 'deltaMaxItems' | 'unhealthyExpireInterval'
>

/** The longest list that a registry gives at once. */
const pageItems = 10_000

/**
 * All namespaces of a registry as Eureka shows them. It follows the registry's events: nothing is polled, and a change that the registry
 * shows is shown here, too.
 */
export class RegistryView {
  readonly #parts: RegistryViewParts
  readonly #releases: Releases
  readonly #namespaces = new Map<string, Applications>()
  readonly #expired = new Map<string, ExpiredService>()
  /** Those that are still to be left out, in the order of their times. */
  readonly #toHide = new Set<ExpiredInstance>()
  #generation = 0
  #timer: Timer | undefined
  #sweeper: Timer | undefined
  #isLoaded = false
  #isAllProtected = false

  /** @param releases told of what nobody will read any more */
  constructor(parts: RegistryViewParts, releases: Releases) {
    this.#parts = parts
    this.#releases = releases
    const { events } = parts.registry
    events.on('changed', this.#onChanged)
    events.on('protectionChanged', this.#onProtectionChanged)
    events.on('stateChanged', this.#onStateChanged)
    this.#onStateChanged(parts.registry)
  }

  /** The registry can be read: it is ready, or shows what it last knew. */
  get isReadable(): boolean {
    const { state } = this.#parts.registry
    return this.#isLoaded && (state === 'ready' || state === 'failed')
  }

  /** Undefined: there is nothing in it. */
  namespace(name: string): Applications | undefined {
    return this.#namespaces.get(name)
  }

  /** Stops following. */
  close(): void {
    const { events } = this.#parts.registry
    events.off('changed', this.#onChanged)
    events.off('protectionChanged', this.#onProtectionChanged)
    events.off('stateChanged', this.#onStateChanged)
    this.#timer?.cancel()
    this.#sweeper?.cancel()
    this.#isLoaded = false
  }

  readonly #onStateChanged = ({ state }: { readonly state: RegistryState }): void => {
    if (state === 'ready' && !this.#isLoaded) this.#load()
  }

  readonly #onChanged = (batch: ChangeBatch): void => {
    // What happens before is part of what is loaded.
    if (!this.#isLoaded) return
    const { revision, atMs } = batch
    this.#recheckAfter(batch)
    for (const change of batch.instances) {
      if (change.type === 'removed') this.#remove(change.instance, { revision, atMs })
      else this.#put(change.instance, { sinceMs: atMs, revision, atMs })
    }
  }

  readonly #onProtectionChanged = ({ scope }: { readonly scope: ServiceKey | undefined }): void => {
    const time = this.#now()
    const one = scope && this.#expired.get(serviceId(scope))
    if (one !== undefined) this.#recheck(one, time)
    else if (scope === undefined) this.#recheckAll(time)
  }

  /**
   * Each change may change what the registry thinks of all instances, or of those of its service, and it tells so only later: by then
   * it may think otherwise again.
   */
  #recheckAfter({ instances, revision, atMs }: ChangeBatch): void {
    const isAllProtected = this.#parts.registry.protection()
    if (isAllProtected !== this.#isAllProtected) {
      this.#isAllProtected = isAllProtected
      this.#recheckAll({ revision, atMs })
      return
    }
    const touched = new Set(instances.map(({ instance }) => serviceId(instance)))
    for (const id of touched) {
      const service = this.#expired.get(id)
      if (service !== undefined) this.#recheck(service, { revision, atMs })
    }
  }

  #recheckAll(time: ChangeTime): void {
    for (const service of this.#expired.values()) this.#recheck(service, time)
  }

  #load(): void {
    const { registry, environment } = this.#parts
    const { revision } = registry
    const atMs = environment.clock.nowMs()
    const wallMs = environment.clock.wallMs()
    const expired: Instance[] = []
    for (const instance of this.#all()) {
      if (instance.expired) expired.push(instance)
      else
        this.#applications(instance.namespace).put(instance, shownStatus(instance, false), {
          revision,
          atMs,
          isQuiet: true,
        })
    }
    // The times of day of other members are good enough for when to leave something out.
    const sinceMs = ({ healthChangedMs }: Instance): number =>
      atMs - Math.max(0, Math.min(wallMs - healthChangedMs, 86_400_000))
    expired.sort((a, b) => sinceMs(a) - sinceMs(b))
    for (const instance of expired) {
      this.#put(instance, { revision, atMs, isQuiet: true, sinceMs: sinceMs(instance) })
    }
    this.#isAllProtected = registry.protection()
    this.#isLoaded = true
  }

  /** All instances, by service: a page of all of them would be sorted anew for each page. */
  *#all(): Iterable<Instance> {
    const { registry } = this.#parts
    for (let offset = 0; ; offset += pageItems) {
      const { items, total } = registry.services.list({ offset, limit: pageItems })
      for (const { service } of items) {
        const query = { namespace: service.namespace, service: service.name, limit: pageItems }
        for (let from = 0; ; from += pageItems) {
          const page = registry.instances({ ...query, offset: from })
          yield* page.items
          if (from + pageItems >= page.total) break
        }
      }
      if (offset + pageItems >= total) return
    }
  }

  #put(instance: Instance, time: ChangeTime & { readonly sinceMs: number }): void {
    if (instance.expired) {
      const service = this.#expiredService(instance)
      const known = service.instances.get(instance.id)
      const entry = known ?? { instance, sinceMs: time.sinceMs }
      entry.instance = instance
      if (known === undefined) {
        service.instances.set(instance.id, entry)
        this.#toHide.add(entry)
        this.#setTimer()
      }
      this.#show(entry, service, time)
    } else {
      this.#recovered(instance)
      this.#applications(instance.namespace).put(instance, shownStatus(instance, false), time)
    }
  }

  #remove(instance: Instance, time: ChangeTime): void {
    this.#recovered(instance)
    this.#unshow(instance, time)
  }

  #unshow(instance: Instance, time: ChangeTime): void {
    const applications = this.#namespaces.get(instance.namespace)
    applications?.remove(instance, time)
    if (applications?.size === 0) this.#sweepLater()
  }

  #show({ instance, sinceMs }: ExpiredInstance, { isProtected }: ExpiredService, time: ChangeTime): void {
    const isHidden = !isProtected && sinceMs + this.#parts.unhealthyExpireInterval <= time.atMs
    if (isHidden) this.#unshow(instance, time)
    else this.#applications(instance.namespace).put(instance, shownStatus(instance, isProtected), time)
  }

  #expiredService(instance: Instance): ExpiredService {
    const id = serviceId(instance)
    let service = this.#expired.get(id)
    if (service === undefined) {
      const { namespace, service: name } = instance
      const key = { namespace, service: name }
      service = { key, isProtected: this.#parts.registry.protection(key), instances: new Map() }
      this.#expired.set(id, service)
    }
    return service
  }

  #recovered(instance: Instance): void {
    const id = serviceId(instance)
    const service = this.#expired.get(id)
    const entry = service?.instances.get(instance.id)
    if (service === undefined || entry === undefined) return
    service.instances.delete(instance.id)
    this.#toHide.delete(entry)
    if (service.instances.size === 0) this.#expired.delete(id)
  }

  /** Shows its instances anew if the registry judges otherwise now. */
  #recheck(service: ExpiredService, time: ChangeTime): void {
    const isProtected = this.#parts.registry.protection(service.key)
    if (isProtected === service.isProtected) return
    service.isProtected = isProtected
    for (const entry of service.instances.values()) this.#show(entry, service, time)
  }

  #setTimer(): void {
    if (this.#timer !== undefined) return
    const [next] = this.#toHide
    if (next === undefined) return
    const { environment, unhealthyExpireInterval } = this.#parts
    if (unhealthyExpireInterval === Infinity) return
    const delayMs = next.sinceMs + unhealthyExpireInterval - environment.clock.nowMs()
    this.#timer = environment.clock.setTimer(delayMs, () => {
      this.#timer = undefined
      this.#hideDue()
      this.#setTimer()
    })
  }

  #hideDue(): void {
    const time = this.#now()
    const dueMs = time.atMs - this.#parts.unhealthyExpireInterval
    for (const entry of this.#toHide) {
      if (entry.sinceMs > dueMs) return
      this.#toHide.delete(entry)
      const service = this.#expired.get(serviceId(entry.instance))
      // One that is protected stays, and is looked at again when that ends.
      if (service !== undefined) this.#show(entry, service, time)
    }
  }

  #now(): ChangeTime {
    const { registry, environment } = this.#parts
    return { revision: registry.revision, atMs: environment.clock.nowMs() }
  }

  #applications(namespace: string): Applications {
    let applications = this.#namespaces.get(namespace)
    if (applications === undefined) {
      const { deltaExpireInterval, deltaMaxItems } = this.#parts
      applications = new Applications({
        deltaLimits: { expireMs: deltaExpireInterval, maxItems: deltaMaxItems },
        nextGeneration: () => ++this.#generation,
        releases: this.#releases,
      })
      this.#namespaces.set(namespace, applications)
    }
    return applications
  }

  /** Forgets namespaces in which nothing is shown, once nobody has to be told of what was. */
  #sweepLater(): void {
    const { environment, deltaExpireInterval } = this.#parts
    this.#sweeper ??= environment.clock.setTimer(deltaExpireInterval, () => {
      this.#sweeper = undefined
      const nowMs = environment.clock.nowMs()
      for (const [name, applications] of this.#namespaces) {
        if (applications.size > 0) continue
        applications.delta.trim(nowMs)
        if (applications.isIdle) this.#namespaces.delete(name)
        else this.#sweepLater()
      }
    })
  }
}

function serviceId({ namespace, service }: ServiceKey): string {
  return `${namespace}\n${service}`
}
