import { simulateRaft } from '@orrery/simulation'
import type { PlantedBug } from './planted-bugs.ts'

/** When a bug was found. */
export interface Finding {
  /** How many seeds it took; undefined: more than allowed. */
  readonly seeds: number | undefined
  readonly violation: string
}

/** How long each cluster runs. Unit: ms of virtual time. */
const durationMs = 20_000

/** Runs clusters with a bug until one of them fails. */
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
    if (failure !== undefined) return { seeds: seed, violation: failure.violation.split('\n')[0] ?? '' }
  }
  return { seeds: undefined, violation: 'not found' }
}
