import { expect, test } from 'vitest'
import { plantedBugs } from './planted-bugs.ts'
import { findBug } from './qualify.ts'

// Who trusts a simulation should have seen it fail. `npm run simulate -- --qualify` prints the table.
test.each(plantedBugs)('the simulation finds it when $name ($source)', (bug) => {
  const { seeds } = findBug(bug)
  expect(seeds, `not found with ${bug.seedsMax} seeds`).toBeDefined()
})
