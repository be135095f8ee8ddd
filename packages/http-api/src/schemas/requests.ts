import type { InstanceChanges, InstanceSpec, NamespaceSpec, ServiceSpec } from '@orrery/registry'
import type { Schema, SchemasOf } from './schema.ts'
import { flag, list, metadata, object, text, texts } from './schema.ts'
import { instanceKey, location, serviceKey } from './models.ts'

/** Keys of a batch of heartbeats. */
export const heartbeatKeysMax = 10_000

/** A `NamespaceSpec`. */
export const namespaceSpec: Schema = object(
  {
    comment: text('For people.'),
    metadata,
    exportTo: texts('Namespaces that see all services of this one; *: every namespace.'),
  } satisfies SchemasOf<NamespaceSpec>,
  { $id: 'RegistryNamespaceSpec', description: 'A namespace, or what changes of it.', optional: 'all' },
)

const serviceChangeFields = {
  metadata,
  ports: text('Ports that the service is known for, for people.'),
  business: text('For people.'),
  department: text('For people.'),
  comment: text('For people.'),
  exportTo: texts('Namespaces that see the service, besides its own; *: every namespace.'),
  protectThreshold: {
    type: ['number', 'null'],
    minimum: 0,
    maximum: 1,
    description:
      'When no larger part of its instances is healthy, discovery gives the unhealthy ones too. null: never.',
  },
} satisfies SchemasOf<Omit<ServiceSpec, 'aliasOf'>>

/** A `ServiceSpec`. */
export const serviceSpec: Schema = object(
  {
    ...serviceChangeFields,
    aliasOf: { ...serviceKey, description: 'The service that this one becomes another name of.' },
  },
  { $id: 'RegistryServiceSpec', description: 'A service.', optional: 'all' },
)

/** What can be changed of a service. */
export const serviceChanges: Schema = object(serviceChangeFields, {
  $id: 'RegistryServiceChanges',
  description: 'What changes of a service. What is absent stays.',
  optional: 'all',
})

const instanceChangeFields = {
  host: text('Where it is reached.'),
  port: { type: 'integer', minimum: 0, maximum: 65_535 },
  protocol: text('What it speaks.'),
  version: text('Of what it runs.'),
  weight: { type: 'integer', minimum: 0, maximum: 65_535, description: 'Its share of calls. Default: 100.' },
  priority: { type: 'integer', description: 'Lower ones are preferred. Default: 0.' },
  location: object(location, { optional: 'all' }),
  metadata,
  logicalSet: text('Which of several sets of instances it belongs to.'),
  isolated: flag('Keeps it out of traffic, however healthy it is.'),
  healthy: flag('What is said of its health. Default: true.'),
  ttlMs: {
    type: 'number',
    minimum: 0,
    maximum: 86_400_000,
    description: 'Longest time without a heartbeat, from 1000 on; 0: it needs none. Unit: ms. Default: 0.',
  },
  heartbeatIntervalMs: {
    type: 'number',
    minimum: 0,
    description: 'How often it means to send them. Unit: ms. Default: a third of ttlMs.',
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
} satisfies SchemasOf<InstanceChanges>

/** An `InstanceSpec` without what its path says. */
export const instanceSpec: Schema = object(
  {
    id: text('Unique within its service. Default: a hash of namespace, service, host and port.'),
    ...instanceChangeFields,
  } satisfies SchemasOf<Omit<InstanceSpec, 'namespace' | 'service'>>,
  {
    $id: 'RegistryInstanceSpec',
    description:
      'An instance. What is absent gets its default, but for isolated, which stays as it is when the instance is known.',
    optional: [
      'id',
      ...Object.keys(instanceChangeFields).filter((name) => name !== 'host' && name !== 'port'),
    ],
  },
)

/** `InstanceChanges`. */
export const instanceChanges: Schema = object(
  {
    ...instanceChangeFields,
    extensions: {
      ...instanceChangeFields.extensions,
      description: 'Replaces those of the protocols named; null takes one away.',
    },
  },
  {
    $id: 'RegistryInstanceChanges',
    description: 'What changes of an instance. What is absent stays; metadata is replaced as a whole.',
    optional: 'all',
  },
)

/** A batch of heartbeats. */
export const heartbeatKeys: Schema = object(
  { keys: { ...list(instanceKey), maxItems: heartbeatKeysMax } },
  { $id: 'RegistryHeartbeatKeys', description: 'The instances that live.' },
)

/** The body of every route that has one. */
export const requestSchemas: readonly Schema[] = [
  namespaceSpec,
  serviceSpec,
  serviceChanges,
  instanceSpec,
  instanceChanges,
  heartbeatKeys,
]
