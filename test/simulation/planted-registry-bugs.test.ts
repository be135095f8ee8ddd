import { simulateRegistry } from '@orrery/simulation'
import { expect, test } from 'vitest'
import { describeFailure } from './describe.ts'
import { plantedRegistryBugs } from './planted-registry-bugs.ts'

test.each(plantedRegistryBugs)(
  'the simulation of registries finds out that $name, and nothing without it',
  async ({ seedsMax, sabotage, options }) => {
    for (let seed = 1; seed <= seedsMax; seed++) {
      const { failure } = await simulateRegistry({ seed, ...options, sabotage })
      if (failure === undefined) continue
      const sound = await simulateRegistry({ seed, ...options })
      if (sound.failure !== undefined) expect.fail(describeFailure(sound, sound.failure))
      return
    }
    expect.fail(`not found with ${seedsMax} seeds`)
  },
)
