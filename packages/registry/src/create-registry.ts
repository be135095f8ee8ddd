import { type Environment } from '@orrery/environment'
import { systemEnvironment } from '@orrery/environment/system'
import { PrefixFollower, type Store } from '@orrery/store'
import { EventEmitter } from 'eventemitter3'
import type { CatalogView } from './catalog/catalog-deps.ts'
import { createNamespaces } from './catalog/namespaces.ts'
import { createServices } from './catalog/services.ts'
import { createDecoder } from './codec.ts'
import { RegistryError } from './errors.ts'
import { createHeartbeatRoute } from './health/create-route.ts'
import { HealthChecker } from './health/health-checker.ts'
import type { HeartbeatRoute } from './health/heartbeat-route.ts'
import { ProtectionWatch } from './health/protection-watch.ts'
import { instancePath, servicePath } from './keys.ts'
import { InstanceList } from './lists/instance-list.ts'
import { ServiceList } from './lists/service-list.ts'
import type { Instance, InstanceChanges, InstanceKey, InstanceSpec, ServiceKey } from './model.ts'
import { type RegistryOptions, type ResolvedRegistryOptions, resolveOptions } from './options.ts'
import type { HeartbeatBatch, HeartbeatReply } from './ports.ts'
import type {
  CallOptions,
  ChangeBatch,
  CheckerMember,
  DiscoverQuery,
  DiscoverResult,
  HeartbeatAnswer,
  InstanceFilter,
  InstanceQuery,
  Namespaces,
  Page,
  Registry,
  RegistryDeps,
  RegistryEvents,
  RegistryEventSource,
  RegistryState,
  RegistryStats,
  Services,
  SubscribeOptions,
  Subscription,
  WriteOptions,
} from './registry.ts'
import { RegistryCounters } from './stats.ts'
import { ChangeLog } from './view/change-log.ts'
import { Discovery } from './view/discovery.ts'
import { pathOf } from './view/entry-path.ts'
import type { InstanceEntry } from './view/instance-entry.ts'
import { changesOfNamespace } from './view/namespace-changes.ts'
import { Publisher } from './view/publisher.ts'
import { Subscriptions } from './view/subscriptions.ts'
import { View, type ViewListener } from './view/view.ts'
import { InstanceWriter } from './writes/instance-writer.ts'
import { WriteQueue } from './writes/write-queue.ts'

/**
 * Creates a registry over a store. Nothing happens until it is started.
 *
 * @throws RegistryError `REGISTRY_OPTION_INVALID`
 */
export function createRegistry(deps: RegistryDeps, options: RegistryOptions = {}): Registry {
  return new StoreRegistry(deps, resolveOptions(options))
}

/** The parts wired together; each decides for itself what it does. */
class StoreRegistry implements Registry {
  readonly namespaces: Namespaces
  readonly services: Services
  readonly #environment: Environment
  readonly #store: Store
  readonly #options: ResolvedRegistryOptions
  readonly #events = new EventEmitter<RegistryEvents>()
  readonly #counters = new RegistryCounters()
  readonly #view: View
  readonly #follower: PrefixFollower
  readonly #instances: InstanceList
  readonly #services: ServiceList
  readonly #discovery: Discovery
  readonly #subscriptions: Subscriptions
  readonly #changes: ChangeLog
  readonly #queue: WriteQueue
  readonly #writer: InstanceWriter
  readonly #checker: HealthChecker
  readonly #route: HeartbeatRoute
  readonly #protection: ProtectionWatch
  #state: RegistryState = 'created'
  #started: Promise<void> | undefined
  #closed: Promise<void> | undefined

  constructor(
    { store, environment = systemEnvironment(), member }: RegistryDeps,
    options: ResolvedRegistryOptions,
  ) {
    const { prefix, autoCreate, evictAfterMs } = options
    this.#environment = environment
    this.#store = store
    this.#options = options
    this.#view = new View(prefix, this.#listener())
    this.#instances = new InstanceList(this.#view, environment.clock)
    this.#services = new ServiceList(this.#view, environment.clock)
    this.#discovery = new Discovery(this.#view)
    this.#subscriptions = new Subscriptions(environment.clock)
    this.#changes = new ChangeLog(options.changesMaxItems)
    this.#follower = new PrefixFollower(
      { store, environment, prefix, owner: 'the registry', closed: closedError },
      this.#publisher(),
    )
    this.#queue = new WriteQueue({ store, environment, prefix, fence: () => this.#route.fence() }, options)
    const decoder = createDecoder()
    const reached = (revision: number, call: CallOptions): Promise<void> => this.reached(revision, call)
    this.#writer = new InstanceWriter({
      queue: this.#queue,
      view: this.#view,
      autoCreate,
      evictAfterMs,
      wallMs: () => environment.clock.wallMs(),
      reached,
      read: async (key, { signal }) => {
        const kv = await store.get(`${prefix}instances/${instancePath(key)}`, { signal })
        return kv && decoder.instance(key, kv)
      },
      hasService: async (key, { signal }) =>
        (await store.get(`${prefix}services/${servicePath(key)}`, { signal })) !== undefined,
    })
    this.#route = createHeartbeatRoute(
      {
        store,
        environment,
        prefix,
        checkerTtlMs: options.checkerTtlMs,
        entryAt: (path) => this.#view.entryAt(path),
        beat: this.#beat,
        lost: () => this.#checker.renewAll(),
      },
      member,
    )
    this.#protection = new ProtectionWatch(this.#view, {
      options: options.protection,
      changed: (event) => this.#events.emit('protectionChanged', event),
    })
    this.#checker = new HealthChecker(
      {
        environment,
        view: this.#view,
        queue: this.#queue,
        self: member?.name,
        hindrance: (nowMs) => this.#route.hindrance(nowMs),
        lookUp: this.#route.lookUp,
        protectionChanged: () => this.#protection.look(),
      },
      options,
    )
    const catalog = { store, prefix, autoCreate, view: this.#catalogView(reached) }
    this.namespaces = createNamespaces(catalog)
    this.services = createServices(catalog)
  }

  get state(): RegistryState {
    return this.#state
  }

  get events(): RegistryEventSource {
    return this.#events
  }

  get revision(): number {
    return this.#view.revision
  }

  start(options: CallOptions = {}): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(closedError())
    return (this.#started ??= this.#start(options))
  }

  async register(spec: InstanceSpec, options: WriteOptions = {}): Promise<Instance> {
    this.#requireReady()
    const instance = await this.#writer.register(spec, options)
    // It lives, even if it was registered like this before and nothing had to be written.
    const entry = this.#view.entry(instance)
    if (entry !== undefined && instance.ttlMs > 0) this.#take(entry)
    return instance
  }

  async deregister(key: InstanceKey, options: WriteOptions = {}): Promise<{ readonly revision: number }> {
    this.#requireReady()
    return await this.#writer.deregister(key, options)
  }

  async update(
    key: InstanceKey,
    changes: InstanceChanges | ((current: Instance) => InstanceChanges | undefined),
    options: WriteOptions = {},
  ): Promise<Instance> {
    this.#requireReady()
    return await this.#writer.update(key, changes, options)
  }

  heartbeat(key: InstanceKey): HeartbeatAnswer {
    const entry = this.#view.entry(key)
    const answer = entry === undefined ? this.#unknown() : this.#take(entry)
    this.#counters.heartbeats[answer]++
    return answer
  }

  receiveHeartbeats(batch: HeartbeatBatch): HeartbeatReply {
    this.#requireReady()
    return this.#route.receive(batch)
  }

  instance(key: InstanceKey): Instance | undefined {
    return this.#view.entry(key)?.instance
  }

  instances(query: InstanceQuery = {}): Page<Instance> {
    return this.#instances.page(query)
  }

  discover(query: DiscoverQuery): DiscoverResult {
    return this.#discovery.discover(query)
  }

  async discoverLinearizable(query: DiscoverQuery, options: CallOptions = {}): Promise<DiscoverResult> {
    this.#requireReady()
    const key = `${this.#options.prefix}services/${servicePath(query)}`
    const { revision } = await this.#store.range({ key, countOnly: true }, { signal: options.signal })
    await this.reached(revision, options)
    return this.#discovery.discover(query)
  }

  subscribe(
    query: ServiceKey & InstanceFilter & { readonly from?: string },
    options: SubscribeOptions = {},
  ): Subscription {
    this.#requireReady()
    return this.#subscriptions.open(this.#discovery.source(query), options)
  }

  changesSince(revision: number, namespace?: string): readonly ChangeBatch[] | undefined {
    const batches = this.#changes.after(revision)
    return batches && namespace !== undefined ? changesOfNamespace(batches, namespace) : batches
  }

  reached(revision: number, options: CallOptions = {}): Promise<void> {
    return this.#follower.reached(revision, options)
  }

  protection(service?: ServiceKey): boolean {
    const { protection } = this.#options
    if (this.#view.gauge.isAlarming(protection)) return true
    return service !== undefined && this.#view.service(service)?.gauge.isAlarming(protection) === true
  }

  checkers(): readonly CheckerMember[] {
    return this.#route.members()
  }

  stats(): RegistryStats {
    const { instances, healthy, services } = this.#view
    return {
      namespaces: [...this.#view.namespaces()].length,
      services,
      instances,
      healthy,
      subscriptions: this.#subscriptions.size,
      judged: this.#checker.judged,
      ...this.#counters.snapshot(),
      protection: { ...this.#protection.stats, heldBack: this.#checker.heldBack },
      judgingPaused: { ...this.#checker.pauses },
      queued: this.#queue.queued,
    }
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #start({ signal }: CallOptions): Promise<void> {
    this.#setState('starting')
    await this.#follower.start(signal)
    await this.#route.start({ signal })
    if (this.#closed !== undefined) throw closedError()
    this.#checker.start()
    this.#setState('ready')
  }

  async #close(): Promise<void> {
    this.#setState('closing')
    this.#checker.stop()
    this.#subscriptions.close()
    this.#instances.close()
    this.#services.close()
    await this.#queue.close()
    await this.#route.close()
    await this.#follower.close()
    this.#setState('closed')
  }

  #take(entry: InstanceEntry): 'ok' | 'unavailable' {
    if (entry.ttlMs === 0) return 'ok'
    const answer = this.#route.take(entry)
    if (entry.expired && answer === 'ok') this.#checker.revive(entry)
    return answer
  }

  /** Who is not ready does not know what it does not know. */
  #unknown(): HeartbeatAnswer {
    return this.#state === 'ready' ? 'unknown' : 'unavailable'
  }

  /** An instance has been heard of that this member judges, or is about to. */
  readonly #beat = (entry: InstanceEntry): void => {
    this.#checker.beat(entry)
    if (entry.expired) this.#checker.revive(entry)
  }

  #listener(): ViewListener {
    const list = (entry: InstanceEntry): void => {
      this.#instances.touch(entry)
      this.#services.touch(entry.service)
    }
    return {
      added: (entry) => {
        list(entry)
        this.#checker.added(entry)
        if (entry.instance.expired) this.#protection.suspect(entry.service)
      },
      changed: (entry, previous) => {
        list(entry)
        this.#checker.changed(entry, previous)
        this.#protection.suspect(entry.service)
      },
      removed: (entry) => {
        list(entry)
        this.#checker.removed(entry)
        this.#protection.suspect(entry.service)
        this.#route.forget(pathOf(entry))
      },
      serviceChanged: (view) => this.#services.touch(view),
      unreadable: (path, error) => {
        const key = this.#options.prefix + path
        this.#environment.logger.error('the registry skips what it cannot read', { key, error })
      },
    }
  }

  #publisher(): Publisher {
    return new Publisher({
      clock: this.#environment.clock,
      view: this.#view,
      changes: this.#changes,
      counters: this.#counters,
      events: this.#events,
      setRing: (ring) => {
        this.#route.setRing(ring)
        this.#checker.setRing(ring)
      },
      failed: (error) => {
        this.#environment.logger.error('the registry cannot follow its store any more', { error })
        this.#checker.stop()
        this.#setState('failed')
      },
    })
  }

  #catalogView(reached: CatalogView['reached']): CatalogView {
    const view = this.#view
    return {
      namespace: (name: string) => view.namespace(name),
      namespaces: () => view.namespaces(),
      service: (key: ServiceKey) => view.service(key)?.record,
      services: (query) => this.#services.page(query),
      reached,
      ensureOpen: () => this.#requireReady(),
    }
  }

  #requireReady(): void {
    if (this.#state === 'ready') return
    if (this.#closed !== undefined) throw closedError()
    throw new RegistryError('REGISTRY_NOT_READY', `the registry is ${this.#state}`)
  }

  #setState(state: RegistryState): void {
    this.#state = state
    this.#events.emit('stateChanged', { state })
  }
}

function closedError(): RegistryError {
  return new RegistryError('REGISTRY_CLOSED', 'the registry is closed')
}
