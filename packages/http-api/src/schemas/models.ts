import type {
  CheckerMember,
  Instance,
  Location,
  Namespace,
  RegistryStats,
  Service,
  ServiceKey,
  ServiceSnapshot,
  ServiceSummary,
} from '@orrery/registry'
import type { Schema, SchemasOf } from './schema.ts'
import { count, flag, list, metadata, object, ref, revision, text, texts } from './schema.ts'

// What the API answers with. The names begin with `Registry`, because a host's schemas share one space of names with
// those of its plugins.

const changed = revision('Of its last change: what ifRevision and If-Match are compared with.')
const created = revision('At which it was created.')
const namespaceName = text('The namespace.')
const serviceName = text('The service.')

/** A `Location`, field by field. */
export const location = {
  region: text('The coarsest. Empty: not known.'),
  zone: text('Within the region.'),
  campus: text('The finest, within the zone.'),
} satisfies SchemasOf<Location>

/** A `ServiceKey`. */
export const serviceKey = object({
  namespace: namespaceName,
  service: serviceName,
} satisfies SchemasOf<ServiceKey>)

/** An `InstanceKey`. */
export const instanceKey = object({
  namespace: namespaceName,
  service: serviceName,
  id: text('The instance. Unique within its service.'),
})

/** A `Namespace`. */
export const namespace = object(
  {
    name: text('Its name.'),
    comment: text('For people.'),
    metadata,
    exportTo: texts('Namespaces that see all services of this one; *: every namespace.'),
    revision: changed,
    createdRevision: created,
  } satisfies SchemasOf<Namespace>,
  { $id: 'RegistryNamespace', description: 'A space of names.' },
)

/** A `Service`. */
export const service = object(
  {
    namespace: namespaceName,
    name: text('Its name.'),
    metadata,
    ports: text('Ports that the service is known for, for people.'),
    business: text('For people.'),
    department: text('For people.'),
    comment: text('For people.'),
    exportTo: texts('Namespaces that see the service, besides its own; *: every namespace.'),
    aliasOf: { ...serviceKey, description: 'The service that this one is another name of.' },
    protectThreshold: {
      type: 'number',
      minimum: 0,
      maximum: 1,
      description:
        'When no larger part of its instances is healthy, discovery gives the unhealthy ones too. Absent: never.',
    },
    revision: changed,
    createdRevision: created,
  } satisfies SchemasOf<Service>,
  {
    $id: 'RegistryService',
    description: 'A name that instances offer together.',
    optional: ['aliasOf', 'protectThreshold'],
  },
)

/** A `ServiceSummary`. */
export const serviceSummary = object(
  {
    service: ref('RegistryService'),
    instances: count('How many it has.'),
    healthy: count('How many of them are healthy.'),
    isolated: count('How many of them are isolated.'),
    revision: revision('Grows with every change of the service or its instances.'),
  } satisfies SchemasOf<ServiceSummary>,
  { $id: 'RegistryServiceSummary', description: 'A service, and how many instances it has.' },
)

/** An `Instance`; what is for ever is `null`. */
export const instance = object(
  {
    namespace: namespaceName,
    service: serviceName,
    id: text('Unique within its service.'),
    host: text('Where it is reached.'),
    port: { type: 'integer', minimum: 0, maximum: 65_535 },
    protocol: text('What it speaks.'),
    version: text('Of what it runs.'),
    weight: { type: 'integer', minimum: 0, maximum: 65_535, description: 'Its share of calls among others.' },
    priority: { type: 'integer', description: 'Lower ones are preferred.' },
    location: object(location),
    metadata,
    logicalSet: text('Which of several sets of instances it belongs to.'),
    isolated: flag('Kept out of traffic, however healthy it is.'),
    healthy: flag('It is said to be healthy, and its heartbeats are not missing.'),
    reportedHealthy: flag('What whoever speaks for it says.'),
    expired: flag('Its heartbeats are missing.'),
    healthReason: { type: 'string', enum: ['registered', 'reported', 'heartbeat', 'expired'] },
    healthChangedMs: { type: 'number', description: 'When healthy last changed. Unit: ms since 1970.' },
    ttlMs: {
      type: 'number',
      minimum: 0,
      description: 'Longest time without a heartbeat; 0: it needs none. Unit: ms.',
    },
    heartbeatIntervalMs: {
      type: 'number',
      minimum: 0,
      description: 'How often it means to send them. Unit: ms.',
    },
    evictAfterMs: {
      type: ['number', 'null'],
      minimum: 0,
      description: 'How long it may be expired until it is removed; null: for ever. Unit: ms.',
    },
    extensions: {
      type: 'object',
      additionalProperties: true,
      description: 'What protocols keep of it besides, by the name of the protocol.',
    },
    revision: changed,
    createdRevision: created,
  } satisfies SchemasOf<Instance>,
  { $id: 'RegistryInstance', description: 'A process, or a part of one, that can be called.' },
)

/** A `ServiceSnapshot`. */
export const snapshot = object(
  {
    type: { type: 'string', const: 'snapshot' },
    namespace: namespaceName,
    service: text('The name that was asked for; of an alias, not that of its target.'),
    revision: revision('Grows with every change of the service or its instances, the same on every member.'),
    instances: list(ref('RegistryInstance'), 'In order of their ids.'),
    protected: flag('Unhealthy instances are among them because too few are healthy.'),
    metadata,
  } satisfies SchemasOf<ServiceSnapshot>,
  { $id: 'RegistrySnapshot', description: 'The instances of a service at a revision.' },
)

/** A `CheckerMember`. */
export const checker = object(
  {
    name: text('Of the member.'),
    address: text('Where other members reach it. Empty: there are none.'),
    self: flag('It is the one that answers.'),
    reachable: flag('Whether heartbeats reach it. Absent: none are forwarded to it.'),
  } satisfies SchemasOf<CheckerMember>,
  { $id: 'RegistryChecker', description: 'A member that checks health.', optional: ['reachable'] },
)

/** One count for each field of a type. */
function counts<Counts>(names: Readonly<Record<keyof Counts & string, true>>): Schema {
  return object(Object.fromEntries(Object.keys(names).map((name) => [name, { type: 'integer', minimum: 0 }])))
}

/** The parts of the stats that are told one by one elsewhere, too. */
export const protection = {
  active: flag('Evictions are held back, of the whole registry.'),
  services: count('Services whose evictions are held back.'),
  heldBack: count('Instances that would be evicted otherwise.'),
} satisfies SchemasOf<RegistryStats['protection']>

/** `RegistryStats`. */
export const stats = object(
  {
    namespaces: count('Namespaces.'),
    services: count('Services.'),
    instances: count('Instances.'),
    healthy: count('Healthy ones.'),
    subscriptions: count('Subscriptions in this process, over any protocol.'),
    judged: count('Instances that this member judges.'),
    heartbeats: counts<RegistryStats['heartbeats']>({ ok: true, unknown: true, unavailable: true }),
    healthChanges: counts<RegistryStats['healthChanges']>({
      registered: true,
      reported: true,
      heartbeat: true,
      expired: true,
    }),
    removals: counts<RegistryStats['removals']>({
      deregistered: true,
      evicted: true,
      serviceDeleted: true,
      unknown: true,
    }),
    protection: object(protection),
    judgingPaused: counts<RegistryStats['judgingPaused']>({
      stall: true,
      silentMember: true,
      heartbeatsUnavailable: true,
      noPlace: true,
    }),
    queued: counts<RegistryStats['queued']>({ register: true, deregister: true, health: true }),
  } satisfies SchemasOf<RegistryStats>,
  { $id: 'RegistryStats', description: 'What a member holds, and what it counted since it was started.' },
)
