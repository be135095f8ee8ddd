import { describe, test } from 'vitest'
import { homes } from './homes.ts'
import { hubLaws } from './hub-laws.ts'
import { HubTrial } from './hub-trial.ts'

describe.each(Object.entries(homes))('a configuration hub on %s:', (_, open) => {
  test.each(Object.entries(hubLaws))('%s', async (_law, check) => {
    await using trial = new HubTrial(await open())
    await check(trial)
  })
})
