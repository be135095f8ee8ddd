import { simulateRaft } from '@orrery/simulation'
import { expect, test } from 'vitest'
import { describeFailure } from './describe.ts'
import { plantedBugs } from './planted-bugs.ts'
import { findBug } from './qualify.ts'

// Who trusts a simulation should have seen it fail. `npm run simulate -- --qualify` prints the table.
test.each(plantedBugs)('the simulation finds it when $name ($source)', (bug) => {
  const { seeds } = findBug(bug)
  expect(seeds, `not found with ${bug.seedsMax} seeds`).toBeDefined()
})

test('without a bug nothing is found, under the faults that were chosen for one', () => {
  const chosen = new Set(plantedBugs.flatMap(({ faults }) => (faults === undefined ? [] : [faults])))
  expect(chosen.size).toBeGreaterThan(3)
  for (const faults of chosen) {
    for (const seed of [1, 2, 3]) {
      const report = simulateRaft({ seed, durationMs: 10_000, faults })
      if (report.failure !== undefined) expect.fail(describeFailure(report, report.failure))
    }
  }
})
