import { Worker } from 'node:worker_threads'
import { createMemoryStore, openStore, restoreSnapshot, type Store, type StoreOptions } from '@orrery/store'
import { storeConformance } from '@orrery/store/testing'
import { afterAll, beforeAll, describe, test } from 'vitest'
import type { StoreRequest } from './conformance-thread-stores.ts'
import { freshPath } from './support.ts'
import { connect, overWire } from './support-wire.ts'

async function restoreDurable(snapshot: AsyncIterable<Uint8Array>): Promise<Store> {
  const directory = freshPath()
  await restoreSnapshot(snapshot, { directory })
  return openStore({ directory })
}

describe('a store in memory behind a wire', () => {
  test.each(storeConformance)('$name', async ({ run }) => {
    await run({
      open: async (options) => (await overWire(createMemoryStore({}, options))).store,
      restore: restoreDurable,
    })
  })
})

describe('a store in another thread', () => {
  let thread: Worker

  beforeAll(() => {
    thread = new Worker(new URL('./conformance-thread.js', import.meta.url), {
      execArgv: ['--conditions=@orrery/source'],
    })
  })

  afterAll(async () => {
    await thread.terminate()
  })

  function open(kind: StoreRequest['kind'], options: StoreOptions = {}): Promise<Store> {
    return connect(({ port, status }) => {
      const request = { port, status, kind, directory: freshPath(), options } satisfies StoreRequest
      thread.postMessage(request, [port])
    })
  }

  describe.each(['durable member', 'durable members'] as const)('of a %s', (kind) => {
    test.each(storeConformance)('$name', async ({ run }) => {
      await run({ open: (options) => open(kind, options), restore: restoreDurable })
    })
  })
})
