import { createRecordingLogger } from '@orrery/environment/testing'
import { openStoreInWorker, StoreError, type WorkerStore, type WorkerStoreDeps } from '@orrery/store'
import { describe, expect, test } from 'vitest'
import { closedLater, errorOf, freshPath, nextTurns } from './support.ts'
import type { ThreadOrder } from './worker-thread-store.ts'

const module = new URL('./worker-thread.js', import.meta.url)
/** Sources are found as the host finds them. */
const options = { execArgv: ['--conditions=@orrery/source'] }

function open(data: ThreadOrder, deps: Omit<WorkerStoreDeps, 'module'> = {}): Promise<WorkerStore> {
  return openStoreInWorker({ module, data, ...deps }, options)
}

function activeResources(): Map<string, number> {
  const found = new Map<string, number>()
  for (const type of process.getActiveResourcesInfo()) found.set(type, (found.get(type) ?? 0) + 1)
  return found
}

describe('a store in a thread of its own', () => {
  test('answers while the loop of its host is blocked', async () => {
    const { store, published } = await open({ type: 'member', directory: freshPath() })
    closedLater(store)
    await published
    await store.put({ key: 'counter', value: '0' })
    const { id } = await store.leases.grant({ ttlMs: 1_000 })
    await store.put({ key: 'short', lease: id })
    const before = store.status()
    // The store does not need this thread to notice that nobody renews the lease; status is seen without a message.
    const never = new Int32Array(new SharedArrayBuffer(4))
    while (store.status().keys === before.keys) Atomics.wait(never, 0, 0, 10)
    expect(store.status()).toMatchObject({ term: before.term, leaderId: before.memberId, keys: 1 })
    expect(await store.get('short')).toBeUndefined()
  })

  test('has after a restart what it answered', async () => {
    const order: ThreadOrder = { type: 'member', directory: freshPath() }
    const first = await open(order)
    await first.published
    const { revision } = await first.store.put({ key: 'k', value: '1' })
    const { memberId } = first.store.status()
    await first.store.close()
    const { store } = await open(order)
    closedLater(store)
    expect((await store.get('k'))?.modRevision).toBe(revision)
    expect(store.status()).toMatchObject({ memberId, revision })
    expect(await store.cluster.members()).toMatchObject([{ id: memberId, name: 'a' }])
  })

  test('leaves nothing behind, five times', async () => {
    const before = activeResources()
    const stores = await Promise.all(Array.from({ length: 5 }, () => open({ type: 'memory' })))
    for (const { store } of stores) {
      const watch = store.watch({ key: 'k' })
      await store.put({ key: 'k', value: '1' })
      expect((await watch[Symbol.asyncIterator]().next()).done).toBe(false)
    }
    await Promise.all(stores.map(({ store }) => store.close()))
    await nextTurns()
    for (const [type, count] of activeResources()) {
      expect(count, type).toBeLessThanOrEqual(before.get(type) ?? 0)
    }
  })

  test('logs where its host does', async () => {
    const logger = createRecordingLogger()
    const { store } = await open({ type: 'memory' }, { environment: { logger } })
    await store.close()
    expect(logger.lines).toEqual([{ level: 'info', message: 'a store in memory', fields: { thread: true } }])
  })

  test('that cannot be opened says why', async () => {
    const error = await errorOf(open({ type: 'refuse' }))
    expect(error).toBeInstanceOf(StoreError)
    expect(error).toMatchObject({ code: 'STORE_LOCKED', message: 'STORE_LOCKED: somebody else has it' })
    expect((error as StoreError).cause).toBeInstanceOf(RangeError)
    const nowhere = openStoreInWorker({ module: new URL('./nowhere.js', import.meta.url) }, options)
    expect(await errorOf(nowhere)).toMatchObject({
      code: 'STORE_FAILED',
      message: expect.stringContaining('nowhere.js') as string,
    })
  })

  test('that dies fails what waits for it, and everything later', async () => {
    const { store } = await open({ type: 'die' })
    closedLater(store)
    const watch = store.watch({ key: 'other' })
    const waiting = errorOf(watch[Symbol.asyncIterator]().next())
    const dying = store.put({ key: 'die' })
    expect(await waiting).toMatchObject({
      code: 'STORE_FAILED',
      message: expect.stringContaining('as it was told') as string,
    })
    await errorOf(dying)
    expect(store.status().state).toBe('failed')
    expect(await errorOf(store.get('k'))).toMatchObject({ code: 'STORE_FAILED' })
  })
})
