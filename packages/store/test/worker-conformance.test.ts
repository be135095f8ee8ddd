import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { silentLogger } from '@orrery/environment'
import { systemClock } from '@orrery/environment/system'
import { createMemoryStore, openStore, restoreSnapshot, type Store, type StoreOptions } from '@orrery/store'
import { storeConformance } from '@orrery/store/testing'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { ConnectedStore } from '../src/worker/connected-store.ts'
import { ServedStore } from '../src/worker/served-store.ts'
import { allocateSharedStatus } from '../src/worker/shared-status.ts'
import type { StoreRequest } from './conformance-thread-stores.ts'
import { freshPath } from './support.ts'

async function restoreDurable(snapshot: AsyncIterable<Uint8Array>): Promise<Store> {
  const directory = freshPath()
  await restoreSnapshot(snapshot, { directory })
  return openStore({ directory })
}

/** The host's end of a wire whose other end begins to serve. */
async function connect(
  serve: (end: { readonly port: MessagePort; readonly status: SharedArrayBuffer }) => void,
): Promise<Store> {
  const status = allocateSharedStatus()
  const { port1, port2 } = new MessageChannel()
  const store = new ConnectedStore({
    port: port1,
    status,
    logger: silentLogger,
    release: () => Promise.resolve(),
  })
  serve({ port: port2, status })
  await store.opened()
  return store
}

describe('a store in memory behind a wire', () => {
  test.each(storeConformance)('$name', async ({ run }) => {
    await run({
      open: (options) =>
        connect(({ port, status }) => {
          const store = createMemoryStore({}, options)
          new ServedStore({ port, status, clock: systemClock }).open({ store, published: Promise.resolve() })
        }),
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

  describe.each(['durable member', 'cluster in memory'] as const)('of a %s', (kind) => {
    test.each(storeConformance)('$name', async ({ run }) => {
      await run({ open: (options) => open(kind, options), restore: restoreDurable })
    })
  })
})
