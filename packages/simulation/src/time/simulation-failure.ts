import type { Simulation } from './simulation.ts'

/** What was wrong with a run. */
export interface SimulationFailure {
  /** When the run ended. Unit: ms of virtual time. */
  readonly atMs: number
  readonly violation: string
  /** Where every member stood. */
  readonly cluster: string
  /** The last lines of the trace. */
  readonly trace: readonly string[]
  /** Shows the same again. */
  readonly command: string
}

/** A run that failed. */
export interface FailedRun {
  readonly simulation: Simulation
  readonly cluster: { describe(): string }
  /** Of `npm run simulate`: what is simulated. Undefined: what it is without. */
  readonly flag: string | undefined
  readonly members: number
  readonly options: {
    readonly seed: number
    readonly durationMs?: number
    readonly without?: readonly string[]
  }
}

/** @param violation what was wrong */
export function failureOf(
  { simulation, cluster, flag, members, options }: FailedRun,
  violation: string,
): SimulationFailure {
  const { seed, durationMs = 60_000, without = [] } = options
  const words = ['npm run simulate --', ...(flag === undefined ? [] : [flag])]
  words.push(`--seed ${seed} --members ${members} --seconds ${durationMs / 1_000}`)
  if (without.length > 0) words.push(`--without ${without.join()}`)
  return {
    atMs: simulation.nowMs,
    violation,
    cluster: cluster.describe(),
    trace: simulation.trace.lines,
    command: words.join(' '),
  }
}
