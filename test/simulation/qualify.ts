import {
  type ConfigSimulationOptions,
  simulateConfig,
  simulateRaft,
  simulateRegistry,
  simulateStore,
} from '@orrery/simulation'
import type { PlantedBug } from './planted-bugs.ts'
import type { PlantedConfigBug } from './planted-config-bugs-helpers.ts'
import type { PlantedRegistryBug } from './planted-registry-bugs.ts'
import type { PlantedStoreBug } from './planted-store-bugs.ts'

/** When a bug was found. */
export interface Finding {
  /** How many seeds it took; undefined: more than allowed. */
  readonly seeds: number | undefined
  readonly violation: string
}

/** How long each cluster runs; of registries, as long as they do without a bug. Unit: ms of virtual time. */
const durationMs = 20_000
const configDurationMs = 15_000

const notFound: Finding = { seeds: undefined, violation: 'not found' }

/** Runs clusters of cores with a bug until one of them fails. */
export function findBug({ sabotage, seedsMax, faults }: PlantedBug): Finding {
  for (let seed = 1; seed <= seedsMax; seed++) {
    const { failure } = simulateRaft({
      seed,
      durationMs,
      healingMaxMs: 20_000,
      sabotage,
      traceMaxLines: 1,
      ...(faults && { faults }),
    })
    if (failure !== undefined) return { seeds: seed, violation: firstLineOf(failure.violation) }
  }
  return notFound
}

/** Runs clusters of stores with a bug until one of them fails. */
export async function findStoreBug({ sabotage, seedsMax, faults }: PlantedStoreBug): Promise<Finding> {
  for (let seed = 1; seed <= seedsMax; seed++) {
    const { failure } = await simulateStore({ seed, durationMs, sabotage, ...(faults && { faults }) })
    if (failure !== undefined) return { seeds: seed, violation: firstLineOf(failure.violation) }
  }
  return notFound
}

/** Runs clusters of registries with a bug until one of them fails. */
export async function findRegistryBug({ sabotage, seedsMax, options }: PlantedRegistryBug): Promise<Finding> {
  for (let seed = 1; seed <= seedsMax; seed++) {
    const { failure } = await simulateRegistry({ seed, ...options, sabotage })
    if (failure !== undefined) return { seeds: seed, violation: firstLineOf(failure.violation) }
  }
  return notFound
}

/** Runs clusters of configuration hubs with a bug until one of them fails. */
export async function findConfigBug(bug: PlantedConfigBug): Promise<Finding> {
  const { sabotage, seedsMax } = bug
  for (let seed = 1; seed <= seedsMax; seed++) {
    const { failure } = await simulateConfig({ ...soundConfigRun(bug, seed), sabotage })
    if (failure !== undefined) return { seeds: seed, violation: firstLineOf(failure.violation) }
  }
  return notFound
}

/** The same run without the bug. */
export function soundConfigRun({ faults }: PlantedConfigBug, seed: number): ConfigSimulationOptions {
  return { seed, durationMs: configDurationMs, ...(faults && { faults }) }
}

function firstLineOf(text: string): string {
  return text.split('\n')[0] ?? ''
}
