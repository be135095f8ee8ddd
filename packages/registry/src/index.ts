/**
 * A service registry: who offers what, where, and whether it lives.
 *
 * ```text
 * register, deregister, update -> batches -> one txn of the store each
 * heartbeat -> timer wheel of the member that judges -> only a change of health is written
 * store.watch -> views in memory -> discover, subscribe, changes
 * ```
 *
 * {@link createRegistry} needs a store and nothing else. Several registries over one store share the work of checking.
 *
 * @packageDocumentation
 */
export { createRegistry } from './create-registry.ts'
export { RegistryError, registryErrorCodes } from './errors.ts'
export type { RegistryErrorCode } from './errors.ts'
export { parseHeartbeatBatch, parseHeartbeatReply } from './health/forwarding-messages.ts'
export { HeartbeatStoreError, heartbeatStoreErrorCodes } from './heartbeat-store-errors.ts'
export type { HeartbeatStoreErrorCode } from './heartbeat-store-errors.ts'
export { instancePath, servicePath } from './keys.ts'
export { registryLimits } from './limits.ts'
export { probeHost } from './local-address.ts'
export type { ProbeHostDeps, ProbeHostOptions } from './local-address.ts'
export { createMemoryHeartbeatStore, memoryHeartbeatStoreDefaults } from './memory-heartbeat-store.ts'
export type {
  MemoryHeartbeatStore,
  MemoryHeartbeatStoreDeps,
  MemoryHeartbeatStoreOptions,
} from './memory-heartbeat-store.ts'
export type {
  HealthReason,
  Instance,
  InstanceChanges,
  InstanceKey,
  InstanceSpec,
  JsonValue,
  Location,
  Metadata,
  Namespace,
  NamespaceSpec,
  RemovalReason,
  Service,
  ServiceKey,
  ServiceSpec,
} from './model.ts'
export { registryDefaults } from './options.ts'
export type { ProtectionOptions, RegistryOptions, ResolvedRegistryOptions } from './options.ts'
export type {
  HeartbeatBatch,
  HeartbeatPeers,
  HeartbeatRecord,
  HeartbeatReply,
  HeartbeatStore,
} from './ports.ts'
export type {
  CallOptions,
  ChangeBatch,
  CheckerMember,
  DiscoverQuery,
  DiscoverResult,
  HeartbeatAnswer,
  InstanceChange,
  InstanceFilter,
  InstanceQuery,
  Namespaces,
  Page,
  PageRequest,
  Registry,
  RegistryDeps,
  RegistryEvents,
  RegistryEventSource,
  RegistryMember,
  RegistryState,
  RegistryStats,
  Services,
  ServiceQuery,
  ServiceSnapshot,
  ServiceSummary,
  SubscribeOptions,
  Subscription,
  WriteOptions,
} from './registry.ts'
export { registerSelf, selfRegistrationDefaults } from './self-registration.ts'
export type {
  SelfRegistration,
  SelfRegistrationDeps,
  SelfRegistrationOptions,
  SelfService,
} from './self-registration.ts'
export { startInOrder, startInOrderDefaults } from './start-in-order.ts'
export type { StartInOrderDeps, StartInOrderOptions } from './start-in-order.ts'
