import { createMemoryStore, openStore, restoreSnapshot } from '@orrery/store'
import { storeConformance } from '@orrery/store/testing'
import { describe, test } from 'vitest'
import { freshPath, nextTurns, stillEnvironment } from './support.ts'

async function restoreDurable(snapshot: AsyncIterable<Uint8Array>): ReturnType<typeof openStore> {
  const directory = freshPath()
  await restoreSnapshot(snapshot, { directory })
  return openStore({ directory })
}

describe('a store in memory', () => {
  test.each(storeConformance)('$name', async ({ run }) => {
    await run({
      open: (options) => Promise.resolve(createMemoryStore({}, options)),
      restore: restoreDurable,
    })
  })
})

describe('a durable store', () => {
  test.each(storeConformance)('$name', async ({ run }) => {
    await run({ open: (options) => openStore({ directory: freshPath() }, options), restore: restoreDurable })
  })
})

describe('a store whose time is the suite’s', () => {
  test.each(storeConformance.filter(({ needs }) => !needs.includes('snapshots')))(
    '$name',
    async ({ run }) => {
      const environment = stillEnvironment()
      await run({
        open: (options) => Promise.resolve(createMemoryStore({ environment }, options)),
        advance: async (ms) => {
          await nextTurns()
          environment.clock.advance(ms)
          await nextTurns()
        },
      })
    },
  )
})
