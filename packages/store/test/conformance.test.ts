import { systemEnvironment } from '@orrery/environment/system'
import {
  createMemoryStore,
  inMemoryCluster,
  openStore,
  restoreSnapshot,
  type StoreOptions,
} from '@orrery/store'
import { storeConformance } from '@orrery/store/testing'
import { createWorkerDisk } from '@orrery/wal'
import { afterAll, describe, test } from 'vitest'
import { openStoreOn } from '../src/open-store.ts'
import { closedBy } from './support-stores.ts'
import { freshPath, nextTurns, stillEnvironment } from './support.ts'

/** One worker for all directories, since starting it is most of what opening a store costs. */
const disk = createWorkerDisk()
afterAll(() => disk.close())

function openDurable(directory: string, options?: StoreOptions): ReturnType<typeof openStore> {
  const shared = { submit: disk.submit.bind(disk), close: () => Promise.resolve() }
  return openStoreOn({ directory, environment: systemEnvironment(), disk: shared }, options)
}

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
    await run({ open: (options) => openDurable(freshPath(), options), restore: restoreDurable })
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

describe.each([1, 3])('a store that %i members in memory keep', (members) => {
  test.each(storeConformance)('$name', async ({ run }) => {
    await run({
      open: async (store = {}) => {
        const cluster = await inMemoryCluster({ members, store })
        return closedBy(await cluster.leader(), () => cluster.close())
      },
      restore: restoreDurable,
    })
  })
})
