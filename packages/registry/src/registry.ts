import type { Environment } from '@orrery/environment'
import type { Store } from '@orrery/store'
import type { EventEmitter } from 'eventemitter3'
import type {
  Instance,
  InstanceChanges,
  InstanceKey,
  InstanceSpec,
  Location,
  Metadata,
  Namespace,
  NamespaceSpec,
  RemovalReason,
  Service,
  ServiceKey,
  ServiceSpec,
} from './model.ts'
import type { HeartbeatBatch, HeartbeatPeers, HeartbeatReply, HeartbeatStore } from './ports.ts'

/** What a registry is made of. */
export interface RegistryDeps {
  /** Where everything is kept. The registry neither opens nor closes it. */
  readonly store: Store
  /** @defaultValue Node's clock and entropy, no log */
  readonly environment?: Environment | undefined
  /**
   * How this member takes part in the checking of health when several registries share the store. Without it, the
   * registry takes itself for the only one.
   */
  readonly member?: RegistryMember | undefined
}

/** One of several registries over the same store. They share the work of checking by a consistent-hash ring. */
export interface RegistryMember {
  /** Unique among the members. */
  readonly name: string
  /** How heartbeats reach the member that judges them: forwarded to it, or through a store that all see. */
  readonly heartbeats:
    | { readonly type: 'forwarded'; readonly peers: HeartbeatPeers }
    | { readonly type: 'shared'; readonly store: HeartbeatStore }
}

/** Options of every call that waits. */
export interface CallOptions {
  /** Stops waiting: the call rejects with `signal.reason`. A write that was begun may take effect all the same. */
  readonly signal?: AbortSignal | undefined
}

/** Options of every write. */
export interface WriteOptions extends CallOptions {
  /**
   * Writes only if what is written is at this revision; 0: only if it does not exist. Otherwise the call fails
   * with `REGISTRY_CONFLICT`. @defaultValue whatever revision it is at
   */
  readonly ifRevision?: number | undefined
}

/**
 * - `ok`: noted; whoever judges the instance will know
 * - `unknown`: there is no such instance, it has to register again
 * - `unavailable`: this member cannot vouch that the heartbeat counts; try another one */
export type HeartbeatAnswer = 'ok' | 'unknown' | 'unavailable'

/** Which instances of a service are wanted. */
export interface InstanceFilter {
  /** Healthy ones, and not isolated. Where the service protects itself, its unhealthy ones too. @defaultValue `false` */
  readonly healthyOnly?: boolean | undefined
  /** All of these labels, with these values. */
  readonly metadata?: Metadata | undefined
  /** In this region, zone and campus, as far as they are given. */
  readonly location?: Partial<Location> | undefined
  readonly protocol?: string | undefined
  readonly version?: string | undefined
}

/** A question for the instances of a service. */
export interface DiscoverQuery extends ServiceKey, InstanceFilter {
  /** What the caller has already: if that is still so, the answer is `notModified`. */
  readonly revision?: number | undefined
  /**
   * The namespace of who asks. With it, the service is found too where another namespace exports one of that name
   * to it; without it, only in `namespace` itself. @defaultValue `namespace`
   */
  readonly from?: string | undefined
}

/** The instances of a service at a revision. Immutable, and shared by all who ask. */
export interface ServiceSnapshot {
  readonly type: 'snapshot'
  readonly namespace: string
  /** The name that was asked for; of an alias, not that of its target. */
  readonly service: string
  /** Grows with every change of the service or its instances, and is the same on every member. */
  readonly revision: number
  /** In order of their ids. */
  readonly instances: readonly Instance[]
  /** Unhealthy instances are among them because too few are healthy. */
  readonly protected: boolean
  readonly metadata: Metadata
}

/** What discovery answers. */
export type DiscoverResult =
  | ServiceSnapshot
  | { readonly type: 'notModified'; readonly revision: number }
  | { readonly type: 'notFound'; readonly revision: number }

/** How a subscriber is served. */
export interface SubscribeOptions extends CallOptions {
  /**
   * Gathers changes for so long before a snapshot is given. Unit: ms. @defaultValue `0`: until the end of the turn
   */
  readonly lingerMaxMs?: number | undefined
}

/**
 * Snapshots of one service, the present one first. Whoever is slow gets the newest when he asks next: no more than
 * one waits for him. A service that does not exist (yet) gives an empty one. Iterating ends when it is closed.
 */
export interface Subscription extends AsyncIterable<ServiceSnapshot, undefined>, AsyncDisposable {
  /** Snapshots that were skipped because newer ones took their place. */
  readonly skipped: number
  close(): void
}

/** Something that happened to an instance. */
export type InstanceChange =
  | { readonly type: 'registered'; readonly instance: Instance; readonly previous: undefined }
  | { readonly type: 'updated'; readonly instance: Instance; readonly previous: Instance }
  /** `healthy` or `expired` changed: `instance.healthReason` says why. */
  | { readonly type: 'healthChanged'; readonly instance: Instance; readonly previous: Instance }
  /** `instance` is what it was. */
  | { readonly type: 'removed'; readonly instance: Instance; readonly reason: RemovalReason }

/** What one revision of the store changed. */
export interface ChangeBatch {
  readonly revision: number
  /** When this member learned of it, by its monotonic clock. Unit: ms. */
  readonly atMs: number
  readonly instances: readonly InstanceChange[]
  /** Services that were created, changed or deleted (`service` undefined). */
  readonly services: readonly { readonly key: ServiceKey; readonly service: Service | undefined }[]
  /** Namespaces that were created, changed or deleted (`namespace` undefined). */
  readonly namespaces: readonly { readonly name: string; readonly namespace: Namespace | undefined }[]
}

/** Facts for observers. Listeners are called in order of revisions, must be quick, and must not throw. */
export interface RegistryEvents {
  changed: (batch: ChangeBatch) => void
  /** The registry fell behind the store's compaction and read everything anew; what differed came as a batch. */
  resynced: (event: { readonly revision: number }) => void
  /** Evictions are held back, or are not any more. `scope` undefined: of the whole registry. */
  protectionChanged: (event: {
    readonly scope: ServiceKey | undefined
    readonly active: boolean
    /** Instances with heartbeats, and how many of them are expired. */
    readonly instances: number
    readonly expired: number
  }) => void
  stateChanged: (event: { readonly state: RegistryState }) => void
}

/** Listening to {@link RegistryEvents}. */
export type RegistryEventSource = Pick<EventEmitter<RegistryEvents>, 'on' | 'once' | 'off'>

/**
 * - `created`: `start` was not called
 * - `starting`: reads its state
 * - `ready`: serves
 * - `failed`: the store ended its watch and does not take it up again: reads are served as they last were
 * - `closing`, `closed`: refuses calls with `REGISTRY_CLOSED`
 */
export type RegistryState = 'created' | 'starting' | 'ready' | 'failed' | 'closing' | 'closed'

/**
 * A part of a long list, as it is when it is read: what comes or goes between two pages moves the others.
 *
 * The first page of a list that has more costs as much as finding and sorting all of it. While further ones are read, the
 * order is remembered, and they cost what they hold: for four lists of instances, and four of services, until 5 s to 10 s
 * after the last page.
 */
export interface Page<Item> {
  readonly items: readonly Item[]
  /** Of the whole list. */
  readonly total: number
}

/** Which part of a list. */
export interface PageRequest {
  /** @defaultValue `0` */
  readonly offset?: number | undefined
  /** At most 10 000. @defaultValue `100` */
  readonly limit?: number | undefined
}

/** Which instances a list shows; all that is given has to fit. */
export interface InstanceQuery extends PageRequest {
  readonly namespace?: string | undefined
  readonly service?: string | undefined
  readonly id?: string | undefined
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly protocol?: string | undefined
  readonly version?: string | undefined
  readonly healthy?: boolean | undefined
  readonly isolated?: boolean | undefined
  readonly metadata?: Metadata | undefined
  readonly location?: Partial<Location> | undefined
}

/** Which services a list shows; all that is given has to fit. */
export interface ServiceQuery extends PageRequest {
  readonly namespace?: string | undefined
  /** A name, or with `*` at its begin or end a part of one. */
  readonly name?: string | undefined
  readonly business?: string | undefined
  readonly department?: string | undefined
  readonly metadata?: Metadata | undefined
  /** Only those with a healthy instance. */
  readonly withHealthyInstance?: boolean | undefined
}

/** A service in a list, with how many instances it has. */
export interface ServiceSummary {
  readonly service: Service
  readonly instances: number
  readonly healthy: number
  readonly isolated: number
  /** Grows with every change of the service or its instances. */
  readonly revision: number
}

/** Namespaces. */
export interface Namespaces {
  /** @throws RegistryError `REGISTRY_NAMESPACE_EXISTS`, `REGISTRY_INVALID` */
  create(name: string, spec?: NamespaceSpec, options?: CallOptions): Promise<Namespace>
  /** Changes what is given. @throws RegistryError `REGISTRY_NAMESPACE_NOT_FOUND`, `REGISTRY_CONFLICT`, `REGISTRY_INVALID` */
  update(name: string, changes: NamespaceSpec, options?: WriteOptions): Promise<Namespace>
  /** @throws RegistryError `REGISTRY_NAMESPACE_NOT_FOUND`, `REGISTRY_NAMESPACE_IN_USE`, `REGISTRY_CONFLICT` */
  delete(name: string, options?: WriteOptions): Promise<void>
  get(name: string): Namespace | undefined
  /** All, in order of name. */
  list(): readonly Namespace[]
}

/** Services. */
export interface Services {
  /** @throws RegistryError `REGISTRY_SERVICE_EXISTS`, `REGISTRY_NAMESPACE_NOT_FOUND`, `REGISTRY_ALIAS_INVALID`, `REGISTRY_SERVICE_NOT_FOUND` (of an alias' target), `REGISTRY_INVALID` */
  create(key: ServiceKey, spec?: ServiceSpec, options?: CallOptions): Promise<Service>
  /** Changes what is given. @throws RegistryError `REGISTRY_SERVICE_NOT_FOUND`, `REGISTRY_CONFLICT`, `REGISTRY_ALIAS_INVALID`, `REGISTRY_INVALID` */
  update(key: ServiceKey, changes: ServiceSpec, options?: WriteOptions): Promise<Service>
  /**
   * Deletes a service that no other is an alias of.
   *
   * With its instances, that takes as many txns as there are hundreds of them: first the instances go, part by part, and in
   * the end the service, at once with the last look whether it has any. A call that fails or is given up in between leaves
   * the service with those that have not gone yet; the same call again, with the same `ifRevision`, goes on from there.
   * When that finds no service, the call before had done it all.
   *
   * @param options `withInstances`: removes its instances with it, at most 100 000
   * @throws RegistryError `REGISTRY_SERVICE_NOT_FOUND`, `REGISTRY_SERVICE_IN_USE`, `REGISTRY_CONFLICT`,
   * `REGISTRY_OVERLOADED`
   */
  delete(
    key: ServiceKey,
    options?: WriteOptions & { readonly withInstances?: boolean | undefined },
  ): Promise<void>
  get(key: ServiceKey): Service | undefined
  /** In order of namespace and name. */
  list(query?: ServiceQuery): Page<ServiceSummary>
}

/** What a registry counts since it was created. */
export interface RegistryStats {
  readonly namespaces: number
  readonly services: number
  readonly instances: number
  readonly healthy: number
  readonly subscriptions: number
  /** Of them, how many this member judges. */
  readonly judged: number
  readonly heartbeats: Readonly<Record<HeartbeatAnswer, number>>
  /** Changes of health that this member learned of, by their reason. */
  readonly healthChanges: Readonly<Record<'registered' | 'reported' | 'heartbeat' | 'expired', number>>
  /** Removals that this member learned of, by their reason. */
  readonly removals: Readonly<Record<RemovalReason, number>>
  /** Evictions that are held back now because too many instances are expired. */
  readonly protection: { readonly active: boolean; readonly services: number; readonly heldBack: number }
  /**
   * How often judging stood still: by an own stall, a silent member, heartbeats that could not be read, or for want
   * of a place among the checkers.
   */
  readonly judgingPaused: Readonly<
    Record<'stall' | 'silentMember' | 'heartbeatsUnavailable' | 'noPlace', number>
  >
  /** What waits to be written, by kind. */
  readonly queued: Readonly<Record<'register' | 'deregister' | 'health', number>>
}

/** Who takes part in checking health. */
export interface CheckerMember {
  readonly name: string
  readonly address: string
  readonly self: boolean
  /** Undefined: heartbeats are not forwarded to it, or it is this member. Otherwise whether they reach it. */
  readonly reachable: boolean | undefined
}

/** A service registry. Reads come from views in memory, which follow the store; they never wait. */
export interface Registry extends AsyncDisposable {
  readonly state: RegistryState
  readonly events: RegistryEventSource
  readonly namespaces: Namespaces
  readonly services: Services
  /** The store revision up to which the views have followed. */
  readonly revision: number

  /** Reads the state, then follows it. @throws RegistryError `REGISTRY_CLOSED`; StoreError */
  start(options?: CallOptions): Promise<void>

  /**
   * Registers an instance, or changes it to what is given. Resolves when this member's views show it.
   *
   * @throws RegistryError `REGISTRY_INVALID`, `REGISTRY_CONFLICT`, `REGISTRY_OVERLOADED`, `REGISTRY_ALIAS_INVALID`;
   * where they are not created by themselves `REGISTRY_NAMESPACE_NOT_FOUND`, `REGISTRY_SERVICE_NOT_FOUND`
   */
  register(spec: InstanceSpec, options?: WriteOptions): Promise<Instance>
  /**
   * Removes an instance. It never overtakes a `register` of the same instance that was called before it.
   *
   * @throws RegistryError `REGISTRY_INSTANCE_NOT_FOUND`, `REGISTRY_CONFLICT`, `REGISTRY_OVERLOADED`
   */
  deregister(key: InstanceKey, options?: WriteOptions): Promise<{ readonly revision: number }>
  /**
   * Changes an instance.
   *
   * @param changes what changes, or a function of what it is now, which may be called again when somebody else was faster;
   * undefined: nothing
   * @throws RegistryError `REGISTRY_INSTANCE_NOT_FOUND`, `REGISTRY_CONFLICT`, `REGISTRY_INVALID`, `REGISTRY_OVERLOADED`
   */
  update(
    key: InstanceKey,
    changes: InstanceChanges | ((current: Instance) => InstanceChanges | undefined),
    options?: WriteOptions,
  ): Promise<Instance>

  /** Notes that an instance lives. Writes nothing unless it was expired. */
  heartbeat(key: InstanceKey): HeartbeatAnswer
  /** Takes what another member forwards. For the host's transport. */
  receiveHeartbeats(batch: HeartbeatBatch): HeartbeatReply

  instance(key: InstanceKey): Instance | undefined
  /** In order of namespace, service and id. */
  instances(query?: InstanceQuery): Page<Instance>
  /** The instances of a service as this member knows them. */
  discover(query: DiscoverQuery): DiscoverResult
  /** The same, with every write that was acknowledged anywhere before the call. Waits for the cluster. */
  discoverLinearizable(query: DiscoverQuery, options?: CallOptions): Promise<DiscoverResult>
  subscribe(
    query: ServiceKey & InstanceFilter & { readonly from?: string },
    options?: SubscribeOptions,
  ): Subscription
  /**
   * What changed after a revision, the oldest first; undefined: that is no longer known, read everything.
   * `namespace`: only there.
   */
  changesSince(revision: number, namespace?: string): readonly ChangeBatch[] | undefined
  /** Resolves when the views have reached a revision of the store. */
  reached(revision: number, options?: CallOptions): Promise<void>

  /** Whether evictions are held back, of a service or of the whole registry. */
  protection(service?: ServiceKey): boolean
  /** Who checks health. One entry, without address, when this registry is the only one. */
  checkers(): readonly CheckerMember[]
  stats(): RegistryStats

  /** Finishes writes in flight, gives up its share of checking, ends subscriptions. Safe to call twice. */
  close(): Promise<void>
}
