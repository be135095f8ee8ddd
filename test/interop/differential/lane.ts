import { createRandom, type Random } from '@orrery/environment'
import type { Coverage } from './coverage.ts'
import { generateStep } from './generator.ts'
import type { Pair } from './pair.ts'
import { type RoundResult, runRound } from './round.ts'

/** Steps in one round; the state is emptied between rounds. */
export const roundSteps = 400

export interface LaneOptions {
  readonly pair: Pair
  readonly seed: number
  readonly coverage: Coverage
  /** Ends the lane when it gives false; asked before each round. */
  readonly goOn: (operations: number) => boolean
}

/** What a lane did. */
export interface LaneResult {
  readonly operations: number
  readonly requests: number
  readonly rounds: number
  /** The round in which the servers differed. */
  readonly failed?: { readonly round: number; readonly result: RoundResult }
}

/** Runs rounds one after the other on one pair of servers. */
export async function runLane({ pair, seed, coverage, goOn }: LaneOptions): Promise<LaneResult> {
  let operations = 0
  let requests = 0
  let round = 0
  while (goOn(operations)) {
    const result = await runRound({
      pair,
      coverage,
      next: stepsOf(createRandom(seed).fork(`round ${round}`)),
    })
    operations += result.operations
    requests += result.requests
    if (result.mismatch !== undefined)
      return { operations, requests, rounds: round, failed: { round, result } }
    round += 1
  }
  return { operations, requests, rounds: round }
}

function stepsOf(random: Random): Parameters<typeof runRound>[0]['next'] {
  let left = roundSteps
  return (knowledge) => (left-- > 0 ? generateStep(random, knowledge) : undefined)
}
