import assert from 'node:assert/strict'
import type { CallOptions, Store } from '../store.ts'
import { observe, rejectsWith, throwsWith } from './assertions.ts'
import { law } from './conformance-case.ts'

/** Every call that waits. */
const calls: readonly (readonly [
  name: string,
  call: (store: Store, options?: CallOptions) => Promise<unknown>,
])[] = [
  ['range', (store, options) => store.range({ key: 'a' }, options)],
  ['get', (store, options) => store.get('a', options)],
  ['put', (store, options) => store.put({ key: 'a', value: '1' }, options)],
  ['deleteRange', (store, options) => store.deleteRange({ key: 'a' }, options)],
  ['txn', (store, options) => store.txn({ success: [{ type: 'put', key: 'a', value: '1' }] }, options)],
  ['a txn that reads', (store, options) => store.txn({ success: [{ type: 'range', key: 'a' }] }, options)],
  ['compact', (store, options) => store.compact({ revision: store.status().revision }, options)],
  ['hashKv', (store, options) => store.hashKv({}, options)],
  ['flush', (store, options) => store.flush(options)],
  ['grant', (store, options) => store.leases.grant({ ttlMs: 60_000 }, options)],
  ['revoke', (store, options) => store.leases.revoke(1n, options)],
  ['keepAlive', (store, options) => store.leases.keepAlive(1n, options)],
  ['timeToLive', (store, options) => store.leases.timeToLive(1n, options)],
  ['list', (store, options) => store.leases.list(options)],
  ['activate', (store, options) => store.alarms.activate({ memberId: 0n, type: 'noSpace' }, options)],
  ['deactivate', (store, options) => store.alarms.deactivate({ memberId: 0n, type: 'noSpace' }, options)],
]

export const lifecycleLaws = [
  law('status tells where the store stands', async ({ store }) => {
    const empty = store.status()
    assert.equal(empty.state, 'open')
    assert.deepEqual([empty.keys, empty.watchers, empty.alarms], [0, 0, []])
    assert.equal(empty.compactRevision, -1)
    assert.ok(empty.clusterId !== 0n && empty.memberId !== 0n)
    assert.equal(empty.leaderId, empty.memberId)
    assert.deepEqual([empty.isLearner, empty.term >= 1], [false, true])
    await store.put({ key: 'a', value: new Uint8Array(10_000) })
    await store.put({ key: 'b', value: '' })
    await store.put({ key: 'a', value: '' })
    await using watch = store.watch({ key: 'a' })
    const full = store.status()
    assert.deepEqual([full.keys, full.watchers], [2, 1])
    assert.equal(full.revision, empty.revision + 3)
    assert.equal(watch.createdRevision, full.revision)
    assert.ok(full.appliedIndex >= empty.appliedIndex + 3)
    assert.ok(full.commitIndex >= full.appliedIndex)
    await store.flush()
    const { sizeBytes, sizeInUseBytes, quotaBytes } = store.status()
    assert.ok(sizeBytes >= sizeInUseBytes && sizeInUseBytes > 10_000)
    assert.ok(quotaBytes > 0)
  }),
  law('an aborted signal stops every call before it does anything', async ({ store }) => {
    const reason = new Error('too late')
    const options = { signal: AbortSignal.abort(reason) }
    const before = store.status()
    for (const [name, call] of calls) {
      await assert.rejects(call(store, options), reason, `${name} ignores its signal`)
    }
    assert.deepEqual(store.status(), before)
  }),
  law('a signal that fires while a write waits stops the waiting', async ({ store }) => {
    const reason = new Error('enough')
    const controller = new AbortController()
    const waiting = ['a', 'b'].map((key) => store.put({ key, value: '1' }, { signal: controller.signal }))
    controller.abort(reason)
    for (const one of waiting) await assert.rejects(one, reason)
    // The log took them: they are applied before what comes later.
    await store.put({ key: 'c', value: '1' })
    assert.equal((await store.range({ key: 'a', rangeEnd: 'z' })).count, 3)
  }),
  law('a signal that fires after the answer changes nothing', async ({ store }) => {
    const controller = new AbortController()
    const { revision } = await store.put({ key: 'a', value: '1' }, { signal: controller.signal })
    controller.abort(new Error('late'))
    assert.equal((await store.get('a'))?.modRevision, revision)
  }),
  law('writes in flight are answered before the store closes', async ({ store }) => {
    const writes = Array.from({ length: 200 }, (_, n) => store.put({ key: `k${n}`, value: '' }))
    const closed = store.close()
    const closing = observe(closed)
    assert.equal(store.status().state, 'closing')
    await rejectsWith(store.put({ key: 'late', value: '' }), 'STORE_CLOSED')
    const results = await Promise.all(writes)
    assert.equal(results.length, 200)
    await closed
    assert.ok(closing.settled())
    assert.equal(store.status().state, 'closed')
  }),
  law('a closed store refuses every call with STORE_CLOSED', async ({ store }) => {
    const { id } = await store.leases.grant({ ttlMs: 60_000 })
    await store.close()
    for (const [name, call] of calls) {
      await rejectsWith(call(store), 'STORE_CLOSED').catch((error: unknown) => {
        throw new Error(`${name} on a closed store`, { cause: error })
      })
    }
    await rejectsWith(store.leases.keepAlive(id), 'STORE_CLOSED')
    throwsWith(() => store.watch({ key: 'a' }), 'STORE_CLOSED')
    throwsWith(() => store.openWatchStream(), 'STORE_CLOSED')
    throwsWith(() => store.snapshot(), 'STORE_CLOSED')
    assert.equal(store.status().state, 'closed')
  }),
  law('closing is safe to do twice, and what a disposal does', async ({ store, open }) => {
    const closed = store.close()
    assert.equal(store.close(), closed)
    await closed
    await store.close()
    await store[Symbol.asyncDispose]()
    const other = await open()
    {
      await using disposed = other
      await disposed.put({ key: 'a', value: '1' })
    }
    assert.equal(other.status().state, 'closed')
  }),
  law('work in the background that is cut off by closing fails with STORE_CLOSED', async ({ store }) => {
    const value = new Uint8Array(10)
    const writes: Promise<unknown>[] = []
    for (let n = 0; n < 6_000; n++) writes.push(store.put({ key: `k${n}`, value }))
    await Promise.all(writes)
    const { revision } = store.status()
    const reads = [
      store.range({ key: 'k', rangeEnd: 'l' }),
      store.hashKv(),
      store.compact({ revision, physical: true }),
    ]
    // Each either finished or says why it did not.
    const settled = Promise.all(reads.map((read) => read.catch((error: unknown) => error)))
    await Promise.all([settled, store.close()])
    for (const result of await settled) {
      if (result instanceof Error) await rejectsWith(Promise.reject(result), 'STORE_CLOSED')
    }
  }),
]
