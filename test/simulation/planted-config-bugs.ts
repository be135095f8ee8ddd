import type { PlantedConfigBug } from './planted-config-bugs-helpers.ts'
import { plantedConfigBugsOfHubs } from './planted-config-bugs-of-hubs.ts'
import { plantedConfigBugsOfStores } from './planted-config-bugs-of-stores.ts'

/** Bugs of configuration hubs, planted around of the production code. */
export const plantedConfigBugs: readonly PlantedConfigBug[] = [
  ...plantedConfigBugsOfStores,
  ...plantedConfigBugsOfHubs,
]
