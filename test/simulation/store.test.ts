import { simulateStore } from '@orrery/simulation'
import { describe, expect, test } from 'vitest'

/** Each takes about half a second. */
const seeds = 24

describe('members of a store, under drawn faults', () => {
  test.each(Array.from({ length: seeds }, (_, n) => n + 1))(
    'agree and keep their promises with seed %i',
    async (seed) => {
      const { violation, answered } = await simulateStore({ seed })
      expect(violation).toBeUndefined()
      expect(answered).toBeGreaterThan(0)
    },
  )

  test('do the same again with the same seed', async () => {
    const run = { seed: 5, durationMs: 5_000 }
    const first = await simulateStore(run)
    expect(await simulateStore(run)).toEqual(first)
    expect((await simulateStore({ ...run, seed: 6 })).hash).not.toBe(first.hash)
  })
})
