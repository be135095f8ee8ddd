import { createRandom } from '@orrery/environment'
import type { RaftOptions } from '@orrery/raft'
import { expect, test } from 'vitest'
import type { ChaosOptions } from './support/chaos.ts'
import { Chaos } from './support/chaos.ts'

const seeds = Number(process.env['RAFT_SEEDS'] ?? 300)
const firstSeed = Number(process.env['RAFT_SEED'] ?? 1)
const steps = 2_000

type Scenario = Partial<ChaosOptions> & Pick<ChaosOptions, 'founders'>

/** Runs a scenario for many seeds. `RAFT_SEED=<seed> RAFT_SEEDS=1` replays one. */
function run(scenario: Scenario): number {
  let committed = 0
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    const random = createRandom(seed)
    const raft: RaftOptions = {
      electionTimeoutTicks: 5,
      preVote: random.below(4) > 0,
      checkQuorum: random.below(4) > 0,
      messageMaxBytes: 10,
      inflightMaxMessages: 1 + random.below(6),
      committedMaxBytes: 1 + random.below(20),
      uncommittedMaxBytes: 100,
      ...scenario.raft,
    }
    const chaos = new Chaos({
      changesMembership: false,
      tearsLogs: false,
      isRestless: false,
      ...scenario,
      random,
      raft,
    })
    try {
      for (let step = 0; step < steps; step++) chaos.step()
      chaos.heal(200)
    } catch (error) {
      throw new Error(`seed ${String(seed)}: ${chaos.describe()}`, { cause: error })
    }
    committed += chaos.committedIndex
  }
  return committed
}

test('three members stay safe, and agree when faults end', () => {
  expect(run({ founders: 3 })).toBeGreaterThan(seeds)
})

test('five members stay safe, and agree when faults end', () => {
  expect(run({ founders: 5 })).toBeGreaterThan(seeds)
})

test('a cluster whose members come and go stays safe, and agrees when faults end', () => {
  expect(run({ founders: 3, changesMembership: true })).toBeGreaterThan(seeds)
})

test('members on probation help neither to elect nor to lose what is committed', () => {
  expect(run({ founders: 3, tearsLogs: true })).toBeGreaterThan(seeds)
})

test('members that are challenged all the time stay safe, and agree when faults end', () => {
  const raft = { preVote: false, checkQuorum: false }
  expect(run({ founders: 5, isRestless: true, raft })).toBeGreaterThan(seeds)
  expect(run({ founders: 3, isRestless: true, changesMembership: true, raft })).toBeGreaterThan(seeds)
})
