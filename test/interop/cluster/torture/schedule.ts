import type { Random } from '@orrery/environment'

/** What is done to the cluster. */
export const faultKinds = [
  'killLeader',
  'killFollower',
  'killAll',
  'freezeLeader',
  'freezeFollower',
  'freezeTwo',
  'isolateLeader',
  'isolateFollower',
  'muteLeader',
  'deafLeader',
  'cutPair',
  'cutOneWay',
  'flap',
  'fullDisk',
  'replaceByVoter',
  'replaceByLearner',
  'removeRunning',
  'rollingRestart',
] as const
export type FaultKind = (typeof faultKinds)[number]

/** One fault, how long it lasts, and how long the cluster has peace afterwards. */
export interface Step {
  readonly fault: FaultKind
  /** Unit: ms. */
  readonly holdMs: number
  readonly pauseMs: number
  /** Decides what the kind leaves open. */
  readonly choice: number
  /** A fault of the wires at the same time. */
  readonly wire: 'isolateFollower' | 'cutOneWay' | 'flap' | undefined
}

const wireFaults = ['isolateFollower', 'cutOneWay', 'flap'] as const

/** Rounds of all faults, each round in another order. */
export function* drawSchedule(random: Random): Generator<Step, never> {
  for (;;) {
    for (const fault of shuffled(random, faultKinds)) {
      yield {
        fault,
        holdMs: 1_500 + random.below(4_500),
        pauseMs: 500 + random.below(2_500),
        choice: random.below(1_000),
        wire: random.below(5) === 0 ? wireFaults[random.below(wireFaults.length)] : undefined,
      }
    }
  }
}

function shuffled<T>(random: Random, list: readonly T[]): T[] {
  const result: T[] = []
  for (const item of list) result.splice(random.below(result.length + 1), 0, item)
  return result
}
