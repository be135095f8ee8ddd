import { simulateStore } from '@orrery/simulation'
import { expect, test } from 'vitest'
import { describeFailure } from './describe.ts'
import { plantedStoreBugs } from './planted-store-bugs.ts'
import { findStoreBug } from './qualify.ts'

test.each(plantedStoreBugs)('the simulation of stores finds it when $name ($source)', async (bug) => {
  const { seeds } = await findStoreBug(bug)
  expect(seeds, `not found with ${bug.seedsMax} seeds`).toBeDefined()
})

test('without a bug nothing is found, under the faults that were chosen for one', async () => {
  const chosen = new Set(plantedStoreBugs.flatMap(({ faults }) => (faults === undefined ? [] : [faults])))
  expect(chosen.size).toBeGreaterThan(2)
  for (const faults of chosen) {
    for (const seed of [1, 2, 3]) {
      const report = await simulateStore({ seed, durationMs: 10_000, faults })
      if (report.failure !== undefined) expect.fail(describeFailure(report, report.failure))
    }
  }
})
