import type { Environment } from '@orrery/environment'
import type { HeartbeatPeers, Registry } from '@orrery/registry'
import type { Store } from '@orrery/store'

/** Bugs to plant, around what a registry works with and around itself. */
export interface RegistrySabotage {
  /** What a registry sees of its store. */
  readonly store: (store: Store) => Store
  /** What a registry has of its host. */
  readonly environment: (environment: Environment) => Environment
  /** How heartbeats get to other members. */
  readonly peers: (peers: HeartbeatPeers) => HeartbeatPeers
  /** What clients see of a registry. */
  readonly registry: (registry: Registry) => Registry
}

/** Nothing is wrong. */
export const noRegistrySabotage: RegistrySabotage = {
  store: (store) => store,
  environment: (environment) => environment,
  peers: (peers) => peers,
  registry: (registry) => registry,
}
