import { simulateRegistry } from '@orrery/simulation'
import { expect, test } from 'vitest'
import { plantedRegistryBugs } from './planted-registry-bugs.ts'

test.each(plantedRegistryBugs)(
  'the simulation of registries finds out that $name',
  async ({ seedsMax, sabotage }) => {
    for (let seed = 1; seed <= seedsMax; seed++) {
      const { failure } = await simulateRegistry({ seed, sabotage })
      if (failure !== undefined) return
    }
    expect.fail(`not found with ${seedsMax} seeds`)
  },
)
