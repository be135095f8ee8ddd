import type { Environment } from '@orrery/environment'
import type { HeartbeatPeers, Registry, RegistryOptions } from '@orrery/registry'
import type { Store } from '@orrery/store'

/**
 * Bugs to plant, around what a registry works with and around itself: who trusts a simulation should have seen it fail.
 * Each is asked once for every process.
 */
export interface RegistrySabotage {
  /** What a registry sees of its store. `environment`: of its process, without any bug. */
  readonly store: (store: Store, environment: Environment) => Store
  /** What a registry has of its host. */
  readonly environment: (environment: Environment) => Environment
  /** How heartbeats get to other members. */
  readonly peers: (peers: HeartbeatPeers) => HeartbeatPeers
  /** What becomes of the options that a registry is given. */
  readonly options: (options: RegistryOptions) => RegistryOptions
  /** What clients, and other members, see of a registry. `environment`: of its process, without any bug. */
  readonly registry: (registry: Registry, environment: Environment) => Registry
}

/** Nothing is wrong. */
export const noRegistrySabotage: RegistrySabotage = {
  store: (store) => store,
  environment: (environment) => environment,
  peers: (peers) => peers,
  options: (options) => options,
  registry: (registry) => registry,
}
