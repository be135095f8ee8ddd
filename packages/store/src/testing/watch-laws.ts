import assert from 'node:assert/strict'
import type { Store, WatchBatch } from '../store.ts'
import { changes, observe, rejectsWith, take, takeEvents, text, throwsWith } from './assertions.ts'
import { law } from './conformance-case.ts'

const all = { key: '\0', rangeEnd: '\0' }

async function putNumbers(store: Store, count: number, key = 'k'): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, n) => store.put({ key, value: String(n) })))
}

const delivery = [
  law('a watch from now delivers what comes after it', async ({ store }) => {
    await store.put({ key: 'a', value: 'before' })
    await using watch = store.watch({ key: 'a' })
    assert.equal(watch.createdRevision, store.status().revision)
    const { revision } = await store.put({ key: 'a', value: 'after' })
    const batch = await take(watch[Symbol.asyncIterator]())
    assert.deepEqual([changes(batch.events), batch.revision], [['+a=after'], revision])
  }),
  law('a watch covers its key or its range, nothing else', async ({ store }) => {
    await using one = store.watch({ key: 'b' })
    await using range = store.watch({ key: 'b', rangeEnd: 'd' })
    await using rest = store.watch({ key: 'c', rangeEnd: '\0' })
    for (const key of ['a', 'b', 'bb', 'c', 'd']) await store.put({ key, value: '' })
    const seen = async (watch: AsyncIterable<WatchBatch>, count: number): Promise<string[]> =>
      changes(await takeEvents(watch[Symbol.asyncIterator](), count))
    assert.deepEqual(await seen(one, 1), ['+b='])
    assert.deepEqual(await seen(range, 3), ['+b=', '+bb=', '+c='])
    assert.deepEqual(await seen(rest, 2), ['+c=', '+d='])
  }),
  law('an event of a deletion has the key and its revision only', async ({ store }) => {
    await store.put({ key: 'a', value: '1' })
    await using watch = store.watch({ key: 'a' })
    const { revision } = await store.deleteRange({ key: 'a' })
    const [event] = await takeEvents(watch[Symbol.asyncIterator](), 1)
    assert.equal(event?.type, 'delete')
    assert.deepEqual(
      [text(event.kv.key), event.kv.modRevision, event.kv.createRevision, event.kv.version],
      ['a', revision, 0, 0],
    )
    assert.equal(event.kv.value.length, 0)
    assert.equal(event.prevKv, undefined)
  }),
  law('a watch from the past delivers history, then what happens, without a gap', async ({ store }) => {
    const base = store.status().revision
    await putNumbers(store, 50)
    await using watch = store.watch({ key: 'k', startRevision: base + 11 })
    const writing = putNumbers(store, 50)
    const events = await takeEvents(watch[Symbol.asyncIterator](), 90)
    await writing
    assert.deepEqual(
      events.map(({ kv }) => kv.modRevision - base),
      Array.from({ length: 90 }, (_, n) => n + 11),
    )
  }),
  law('a watch from the future delivers nothing older', async ({ store }) => {
    const { revision } = store.status()
    await using watch = store.watch({ key: 'a', startRevision: revision + 3, progressIntervalMs: 1 })
    const iterator = watch[Symbol.asyncIterator]()
    const first = iterator.next()
    for (const value of ['1', '2', '3', '4']) await store.put({ key: 'a', value })
    const next = await first
    assert.ok(next.done !== true)
    assert.ok(next.value.revision >= revision + 3)
    assert.deepEqual(changes(next.value.events)[0], '+a=3')
  }),
  law('all changes of a revision come in one batch, in order', async ({ store }) => {
    await store.put({ key: 'a', value: '0' })
    const { revision } = store.status()
    await using live = store.watch(all)
    const { revision: next } = await store.txn({
      success: [
        { type: 'deleteRange', key: 'a' },
        { type: 'put', key: 'c', value: '1' },
        { type: 'put', key: 'b', value: '2' },
      ],
    })
    await using past = store.watch({ ...all, startRevision: revision + 1 })
    for (const watch of [live, past]) {
      const batch = await take(watch[Symbol.asyncIterator]())
      assert.deepEqual([changes(batch.events), batch.revision], [['-a', '+c=1', '+b=2'], next])
    }
  }),
  law('filters leave out kinds of events', async ({ store }) => {
    await using puts = store.watch({ key: 'a', filters: ['delete'] })
    await using deletes = store.watch({ key: 'a', filters: ['put'] })
    await store.put({ key: 'a', value: '1' })
    await store.deleteRange({ key: 'a' })
    await store.put({ key: 'a', value: '2' })
    await store.deleteRange({ key: 'a' })
    const putsSeen = changes(await takeEvents(puts[Symbol.asyncIterator](), 2))
    const deletesSeen = changes(await takeEvents(deletes[Symbol.asyncIterator](), 2))
    assert.deepEqual(
      [putsSeen, deletesSeen],
      [
        ['+a=1', '+a=2'],
        ['-a', '-a'],
      ],
    )
  }),
  law('events carry what was before when asked to, live and from history', async ({ store }) => {
    const { revision } = store.status()
    await using live = store.watch({ key: 'a', prevKv: true })
    await store.put({ key: 'a', value: '1' })
    await store.put({ key: 'a', value: '2' })
    await store.deleteRange({ key: 'a' })
    await store.put({ key: 'a', value: '3' })
    await using past = store.watch({ key: 'a', prevKv: true, startRevision: revision + 1 })
    for (const watch of [live, past]) {
      const events = await takeEvents(watch[Symbol.asyncIterator](), 4)
      assert.deepEqual(
        events.map(({ prevKv }) => text(prevKv?.value)),
        [undefined, '1', '2', undefined],
      )
    }
  }),
  law('what was before is absent when it is compacted away', async ({ store }) => {
    await store.put({ key: 'a', value: '1' })
    const { revision } = await store.put({ key: 'a', value: '2' })
    await store.compact({ revision, physical: true })
    await store.put({ key: 'a', value: '3' })
    await using watch = store.watch({ key: 'a', prevKv: true, startRevision: revision })
    const events = await takeEvents(watch[Symbol.asyncIterator](), 2)
    assert.deepEqual(
      events.map(({ prevKv }) => text(prevKv?.value)),
      [undefined, '2'],
    )
  }),
]

const continuity = [
  law('a reader that breaks off resumes where it was', async ({ store }) => {
    const base = store.status().revision
    const values: string[] = []
    let next = base + 1
    await putNumbers(store, 20)
    const writing = (async () => {
      for (let n = 20; n < 60; n++) await store.put({ key: 'k', value: String(n) })
    })()
    while (values.length < 60) {
      for await (const { revision, events } of store.watch({ key: 'k', startRevision: next })) {
        for (const { kv } of events) values.push(text(kv.value) ?? '')
        next = revision + 1
        if (events.length > 0) break
      }
    }
    await writing
    assert.deepEqual(
      values,
      Array.from({ length: 60 }, (_, n) => String(n)),
    )
    assert.equal(store.status().watchers, 0)
  }),
  law('a watch of what is compacted fails and says so', async ({ store }) => {
    await putNumbers(store, 5)
    const { revision } = store.status()
    await store.compact({ revision })
    const watch = store.watch({ key: 'k', startRevision: revision - 1 })
    await rejectsWith(watch[Symbol.asyncIterator]().next(), 'MVCC_COMPACTED')
    assert.equal(store.status().watchers, 0)
  }),
  law('a watch from the compacted revision still sees it, a deletion too', async ({ store }) => {
    await store.put({ key: 'a', value: '1' })
    const { revision } = await store.deleteRange({ key: 'a' })
    await store.put({ key: 'b', value: '1' })
    await store.compact({ revision, physical: true })
    await using watch = store.watch({ ...all, startRevision: revision })
    assert.deepEqual(changes(await takeEvents(watch[Symbol.asyncIterator](), 2)), ['-a', '+b=1'])
  }),
  law(
    'a reader that is slow misses nothing',
    async ({ store }) => {
      await using watch = store.watch({ key: 'k' })
      const base = store.status().revision
      for (let round = 0; round < 5; round++) await putNumbers(store, 40)
      const iterator = watch[Symbol.asyncIterator]()
      const events = [...(await takeEvents(iterator, 150))]
      await putNumbers(store, 40)
      events.push(...(await takeEvents(iterator, 240 - events.length)))
      assert.deepEqual(
        events.map(({ kv }) => kv.modRevision - base),
        Array.from({ length: 240 }, (_, n) => n + 1),
      )
    },
    { options: { watchPendingMaxResponses: 3, watchPendingMaxBytes: 200 }, needs: ['options'] },
  ),
  law(
    'a reader that is too slow for compaction is told',
    async ({ store }) => {
      await using watch = store.watch({ key: 'k' })
      await putNumbers(store, 40)
      await store.compact({ revision: store.status().revision, physical: true })
      const iterator = watch[Symbol.asyncIterator]()
      const events = await takeEvents(iterator, 1)
      assert.equal(text(events[0]?.kv.value), '0')
      const drained = (async () => {
        for (;;) await take(iterator)
      })()
      await rejectsWith(drained, 'MVCC_COMPACTED')
    },
    { options: { watchPendingMaxResponses: 3 }, needs: ['options'] },
  ),
  law(
    'an event above the limits of the reader is delivered all the same',
    async ({ store }) => {
      await using watch = store.watch(all)
      const writing = Promise.all(['a', 'b'].map((key) => store.put({ key, value: new Uint8Array(5_000) })))
      assert.equal((await takeEvents(watch[Symbol.asyncIterator](), 2)).length, 2)
      await writing
    },
    { options: { watchPendingMaxBytes: 100 }, needs: ['options'] },
  ),
]

const endings = [
  law('a quiet watch moves its resume point when asked to', async ({ store, elapse }) => {
    await using watch = store.watch({ key: 'a', progressIntervalMs: 20 })
    const { revision } = await store.put({ key: 'other', value: '1' })
    const iterator = watch[Symbol.asyncIterator]()
    // A write may take longer than the interval: then what was so before it is told first.
    for (let resumeAt = 0; resumeAt < revision; ) {
      const next = take(iterator)
      await elapse(20)
      const told = await next
      assert.deepEqual(told.events, [])
      assert.ok(told.revision <= revision)
      resumeAt = told.revision
    }
  }),
  law('a watch that is closed ends, for a reader that waits as well', async ({ store }) => {
    const watch = store.watch({ key: 'a' })
    assert.equal(store.status().watchers, 1)
    const waiting = watch[Symbol.asyncIterator]().next()
    watch.close()
    watch.close()
    assert.equal((await waiting).done, true)
    assert.equal(store.status().watchers, 0)
    await store.put({ key: 'a', value: '1' })
    for await (const batch of watch) assert.fail(`a batch after the end: ${changes(batch.events).join()}`)
  }),
  law('leaving the loop ends the watch', async ({ store }) => {
    const watch = store.watch({ key: 'a' })
    await store.put({ key: 'a', value: '1' })
    for await (const batch of watch) {
      assert.equal(batch.events.length, 1)
      break
    }
    assert.equal(store.status().watchers, 0)
  }),
  law('an abort ends the watch with its reason', async ({ store }) => {
    const controller = new AbortController()
    const watch = store.watch({ key: 'a' }, { signal: controller.signal })
    const waiting = watch[Symbol.asyncIterator]().next()
    const reason = new Error('enough')
    controller.abort(reason)
    await assert.rejects(waiting, reason)
    assert.equal(store.status().watchers, 0)
    const late = store.watch({ key: 'a' }, { signal: controller.signal })
    await assert.rejects(late[Symbol.asyncIterator]().next(), reason)
    assert.equal(store.status().watchers, 0)
  }),
  law('a range without keys cannot be watched', ({ store }) => {
    for (const request of [
      { key: 'b', rangeEnd: 'a' },
      { key: 'b', rangeEnd: 'b' },
    ]) {
      throwsWith(() => store.watch(request), 'STORE_WATCH_RANGE_EMPTY')
    }
    assert.equal(store.status().watchers, 0)
  }),
  law('closing the store ends its watches with STORE_CLOSED', async ({ store }) => {
    const watch = store.watch({ key: 'a' })
    const waiting = watch[Symbol.asyncIterator]().next()
    const seen = observe(waiting)
    await store.put({ key: 'b', value: '1' })
    assert.equal(seen.settled(), false)
    await Promise.all([store.close(), rejectsWith(waiting, 'STORE_CLOSED')])
    throwsWith(() => store.watch({ key: 'a' }), 'STORE_CLOSED')
  }),
]

export const watchLaws = [...delivery, ...continuity, ...endings]
