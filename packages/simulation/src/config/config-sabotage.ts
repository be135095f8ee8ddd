import type { ConfigHub, ConfigHubOptions } from '@orrery/config-hub'
import type { Environment } from '@orrery/environment'
import type { Store } from '@orrery/store'

/**
 * Bugs to plant, around what a hub works with and around itself: who trusts a simulation should have seen it fail. Each is
 * asked once for every process.
 */
export interface ConfigSabotage {
  /** What a hub sees of its store. `environment`: of its process, without any bug. */
  readonly store: (store: Store, environment: Environment) => Store
  /** What a hub has of its host. */
  readonly environment: (environment: Environment) => Environment
  /** What becomes of the options that a hub is given. */
  readonly options: (options: ConfigHubOptions) => ConfigHubOptions
  /** What its clients see of a hub. `environment`: of its process, without any bug. */
  readonly hub: (hub: ConfigHub, environment: Environment) => ConfigHub
}

/** Nothing is wrong. */
export const noConfigSabotage: ConfigSabotage = {
  store: (store) => store,
  environment: (environment) => environment,
  options: (options) => options,
  hub: (hub) => hub,
}
