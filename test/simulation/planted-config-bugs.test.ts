import { simulateConfig } from '@orrery/simulation'
import { expect, test } from 'vitest'
import { describeFailure } from './describe.ts'
import { plantedConfigBugs } from './planted-config-bugs.ts'
import { findConfigBug, soundConfigRun } from './qualify.ts'

test.each(plantedConfigBugs)(
  'the simulation of configuration hubs finds out that $name, and nothing without it',
  async (bug) => {
    const { seeds } = await findConfigBug(bug)
    if (seeds === undefined) expect.fail(`not found with ${bug.seedsMax} seeds`)
    const sound = await simulateConfig(soundConfigRun(bug, seeds))
    if (sound.failure !== undefined) expect.fail(describeFailure(sound, sound.failure))
  },
)
