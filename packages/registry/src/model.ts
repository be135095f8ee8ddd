/** Names a service. */
export interface ServiceKey {
  readonly namespace: string
  readonly service: string
}

/** Names an instance. An id is unique within its service, not beyond. */
export interface InstanceKey extends ServiceKey {
  readonly id: string
}

/** Where something is, from coarse to fine. Empty: not known. */
export interface Location {
  readonly region: string
  readonly zone: string
  readonly campus: string
}

/** Labels, or what else a user attaches. */
export type Metadata = Readonly<Record<string, string>>

/** JSON, as protocols bring it along. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue }

/** A space of names: services of one do not see those of another unless they are exported. */
export interface Namespace {
  readonly name: string
  readonly comment: string
  readonly metadata: Metadata
  /** Namespaces that see all services of this one; `*`: every namespace. */
  readonly exportTo: readonly string[]
  /** The store revision of its last change: what `ifRevision` is compared with. */
  readonly revision: number
  readonly createdRevision: number
}

/** What a namespace can be created or changed with. */
export interface NamespaceSpec {
  readonly comment?: string | undefined
  readonly metadata?: Metadata | undefined
  readonly exportTo?: readonly string[] | undefined
}

/** A name that instances offer together. */
export interface Service {
  readonly namespace: string
  readonly name: string
  readonly metadata: Metadata
  /** Ports that the service is known for, for people. */
  readonly ports: string
  readonly business: string
  readonly department: string
  readonly comment: string
  /** Namespaces that see the service, besides its own and those its namespace is exported to; `*`: every one. */
  readonly exportTo: readonly string[]
  /** The service that this one is another name of. It then has no instances of its own. */
  readonly aliasOf: ServiceKey | undefined
  /**
   * When no larger part of the instances than this is healthy, discovery gives the unhealthy ones too, marked:
   * rather a try than nobody. From 0, only when none is healthy, to 1. Undefined: never, the list may be empty.
   */
  readonly protectThreshold: number | undefined
  /** The store revision of its last change: what `ifRevision` is compared with. */
  readonly revision: number
  readonly createdRevision: number
}

/** What a service can be created or changed with. */
export interface ServiceSpec {
  readonly metadata?: Metadata | undefined
  readonly ports?: string | undefined
  readonly business?: string | undefined
  readonly department?: string | undefined
  readonly comment?: string | undefined
  readonly exportTo?: readonly string[] | undefined
  /** Only when it is created. */
  readonly aliasOf?: ServiceKey | undefined
  /** `null` takes it back. */
  readonly protectThreshold?: number | null | undefined
}

/**
 * Why an instance is as healthy as it is.
 *
 * - `registered`: it has been taken at its word since it was registered
 * - `reported`: whoever speaks for it, or an operator, said so
 * - `heartbeat`: its heartbeats came back
 * - `expired`: no heartbeat came in its time to live
 */
export type HealthReason = 'registered' | 'reported' | 'heartbeat' | 'expired'

/**
 * Why an instance is gone.
 *
 * - `deregistered`: it, or an operator, took it away
 * - `evicted`: it was unhealthy for longer than it may be
 * - `serviceDeleted`: its service was deleted with all that it had
 * - `unknown`: it was not seen going: this member read the state anew
 */
export type RemovalReason = 'deregistered' | 'evicted' | 'serviceDeleted' | 'unknown'

/** A process, or a part of one, that can be called. Immutable: a change makes another one. */
export interface Instance {
  readonly namespace: string
  readonly service: string
  readonly id: string
  readonly host: string
  /** From 0 on, at most 65535. */
  readonly port: number
  readonly protocol: string
  readonly version: string
  /** Its share of calls among others, from 0 on, at most 65535. */
  readonly weight: number
  /** Lower ones are preferred. */
  readonly priority: number
  readonly location: Location
  readonly metadata: Metadata
  /** Which of several sets of instances it belongs to. */
  readonly logicalSet: string
  /** Kept out of traffic by a person or a tool, however healthy it is. */
  readonly isolated: boolean
  /** `reportedHealthy`, and its heartbeats are not missing. */
  readonly healthy: boolean
  /** What whoever speaks for it says. */
  readonly reportedHealthy: boolean
  /** Its heartbeats are missing. */
  readonly expired: boolean
  readonly healthReason: HealthReason
  /** When `healthy` last changed, by the time of day of the member that changed it. For people. Unit: ms. */
  readonly healthChangedMs: number
  /** How long it may go without a heartbeat. 0: it needs none. Unit: ms. */
  readonly ttlMs: number
  /** How often it means to send heartbeats: what is expected of it. Unit: ms. */
  readonly heartbeatIntervalMs: number
  /** How long it may be expired until it is removed. `Infinity`: for ever. Unit: ms. */
  readonly evictAfterMs: number
  /** What protocols keep of it besides, by the name of the protocol, as they gave it. */
  readonly extensions: Readonly<Record<string, JsonValue>>
  /** The store revision of its last change: what `ifRevision` is compared with. */
  readonly revision: number
  /** The store revision at which it was registered. */
  readonly createdRevision: number
}

/** What an instance is registered with. What is absent of an instance that exists already gets its default, but for `isolated`, which stays. */
export interface InstanceSpec extends ServiceKey {
  /** @defaultValue a hash of namespace, service, host and port */
  readonly id?: string | undefined
  readonly host: string
  readonly port: number
  /** @defaultValue `''` */
  readonly protocol?: string | undefined
  /** @defaultValue `''` */
  readonly version?: string | undefined
  /** @defaultValue `100` */
  readonly weight?: number | undefined
  /** @defaultValue `0` */
  readonly priority?: number | undefined
  readonly location?: Partial<Location> | undefined
  readonly metadata?: Metadata | undefined
  readonly logicalSet?: string | undefined
  readonly isolated?: boolean | undefined
  /** @defaultValue `true` */
  readonly healthy?: boolean | undefined
  /** How long it may go without a heartbeat; 0: it needs none. Unit: ms, 0 or from 1 000 to 86 400 000. @defaultValue `0` */
  readonly ttlMs?: number | undefined
  /** Unit: ms. @defaultValue a third of `ttlMs` */
  readonly heartbeatIntervalMs?: number | undefined
  /** Unit: ms; `Infinity`: it is never removed. @defaultValue the registry's `evictAfterMs` */
  readonly evictAfterMs?: number | undefined
  readonly extensions?: Readonly<Record<string, JsonValue>> | undefined
}

/** What can be changed of an instance. Absent: stays. */
export interface InstanceChanges {
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly protocol?: string | undefined
  readonly version?: string | undefined
  readonly weight?: number | undefined
  readonly priority?: number | undefined
  readonly location?: Partial<Location> | undefined
  /** Replaces all of it. */
  readonly metadata?: Metadata | undefined
  readonly logicalSet?: string | undefined
  readonly isolated?: boolean | undefined
  /** What is said of its health; does not bring back missing heartbeats. */
  readonly healthy?: boolean | undefined
  readonly ttlMs?: number | undefined
  readonly heartbeatIntervalMs?: number | undefined
  readonly evictAfterMs?: number | undefined
  /** Replaces those of the protocols named; `undefined` takes one away. */
  readonly extensions?: Readonly<Record<string, JsonValue | undefined>> | undefined
}
