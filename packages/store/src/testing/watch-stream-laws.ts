import assert from 'node:assert/strict'
import type { WatchResponse } from '@orrery/mvcc'
import { changes, rejectsWith, take, throwsWith } from './assertions.ts'
import { law } from './conformance-case.ts'

const all = { key: '\0', rangeEnd: '\0' }

/** Takes responses until there are so many. */
async function takeResponses(
  iterator: AsyncIterator<readonly WatchResponse[]>,
  count: number,
): Promise<readonly WatchResponse[]> {
  const responses: WatchResponse[] = []
  while (responses.length < count) responses.push(...(await take(iterator)))
  return responses
}

/** `id: changes` of each response. */
function lines(responses: readonly WatchResponse[]): string[] {
  return responses.map((response) =>
    response.type === 'events'
      ? `${response.watchId}: ${changes(response.events).join(' ')}`
      : `${response.watchId ?? 'all'}: ${response.type}`,
  )
}

const ids = [
  law('ids count from zero and are not given twice', async ({ store }) => {
    await using stream = store.openWatchStream()
    const { revision } = store.status()
    assert.deepEqual(stream.create({ key: 'a' }), { watchId: 0, revision })
    assert.equal(stream.create({ key: 'b' }).watchId, 1)
    assert.ok(stream.cancel(1))
    assert.equal(stream.create({ key: 'c' }).watchId, 2)
    assert.equal(stream.create({ key: 'd', watchId: 3 }).watchId, 3)
    assert.equal(stream.create({ key: 'e' }).watchId, 4)
    assert.equal(stream.create({ key: 'f', watchId: 1 }).watchId, 1)
    assert.equal(stream.size, 5)
  }),
  law('an id that is in use is refused, and the stream goes on', async ({ store }) => {
    await using stream = store.openWatchStream()
    stream.create({ key: 'a', watchId: 7 })
    throwsWith(() => stream.create({ key: 'b', watchId: 7 }), 'STORE_WATCH_ID_IN_USE')
    throwsWith(() => stream.create({ key: 'b', rangeEnd: 'a' }), 'STORE_WATCH_RANGE_EMPTY')
    assert.deepEqual([stream.size, store.status().watchers], [1, 1])
    await store.put({ key: 'a', value: '1' })
    const iterator = stream[Symbol.asyncIterator]()
    assert.deepEqual(lines(await takeResponses(iterator, 1)), ['7: +a=1'])
  }),
]

const delivery = [
  law('many watchers share one reader, and each gets what it asked for', async ({ store }) => {
    await using stream = store.openWatchStream()
    const base = store.status().revision
    for (let n = 0; n < 100; n++) stream.create({ key: `k${n}` })
    const whole = stream.create(all).watchId
    for (let n = 0; n < 100; n++) await store.put({ key: `k${n}`, value: String(n) })
    const responses = await takeResponses(stream[Symbol.asyncIterator](), 200)
    const expected = Array.from({ length: 100 }, (_, n) => `${n}: +k${n}=${n}`)
    const found = lines(responses)
    assert.deepEqual(
      found.filter((line) => !line.startsWith(`${whole}:`)),
      expected,
    )
    assert.equal(found.filter((line) => line.startsWith(`${whole}:`)).length, 100)
    const revisions = responses.map(({ type, ...rest }) => ('revision' in rest ? rest.revision : type))
    assert.equal(revisions.at(-1), base + 100)
  }),
  law('a watcher that is cancelled delivers nothing afterwards', async ({ store }) => {
    await using stream = store.openWatchStream()
    stream.create({ key: 'a' })
    stream.create({ key: 'a' })
    await store.put({ key: 'a', value: '1' })
    assert.ok(stream.cancel(0))
    assert.equal(stream.cancel(0), false)
    assert.equal(stream.cancel(99), false)
    await store.put({ key: 'a', value: '2' })
    const found = lines(await takeResponses(stream[Symbol.asyncIterator](), 2))
    assert.deepEqual(found, ['1: +a=1', '1: +a=2'])
  }),
  law('a watcher that needs what is compacted is gone, the others go on', async ({ store }) => {
    for (let n = 0; n < 5; n++) await store.put({ key: 'a', value: String(n) })
    const { revision } = store.status()
    await store.compact({ revision })
    await using stream = store.openWatchStream()
    stream.create({ key: 'a', startRevision: revision - 2 })
    stream.create({ key: 'a' })
    const iterator = stream[Symbol.asyncIterator]()
    assert.deepEqual(await takeResponses(iterator, 1), [
      { type: 'compacted', watchId: 0, compactRevision: revision },
    ])
    assert.equal(stream.size, 1)
    await store.put({ key: 'a', value: 'x' })
    assert.deepEqual(lines(await takeResponses(iterator, 1)), ['1: +a=x'])
  }),
  law(
    'a slow reader of many watchers misses nothing',
    async ({ store }) => {
      await using stream = store.openWatchStream()
      for (let n = 0; n < 8; n++) stream.create({ key: 'a', rangeEnd: 'z' })
      for (let n = 0; n < 50; n++) await store.put({ key: 'k', value: String(n) })
      const seen = new Map<number, string[]>()
      const iterator = stream[Symbol.asyncIterator]()
      for (let events = 0; events < 8 * 50; ) {
        for (const response of await take(iterator)) {
          assert.ok(response.type === 'events')
          const before = seen.get(response.watchId) ?? []
          seen.set(response.watchId, [...before, ...changes(response.events)])
          events += response.events.length
        }
      }
      const expected = Array.from({ length: 50 }, (_, n) => `+k=${n}`)
      for (let n = 0; n < 8; n++) assert.deepEqual(seen.get(n), expected)
    },
    { options: { watchPendingMaxResponses: 5 }, needs: ['options'] },
  ),
]

const progress = [
  law('progress of the stream comes after everything that is older', async ({ store }) => {
    await using stream = store.openWatchStream()
    const base = store.status().revision
    for (let n = 0; n < 30; n++) await store.put({ key: 'a', value: String(n) })
    stream.create({ key: 'a', startRevision: base + 1 })
    stream.create({ key: 'b' })
    stream.requestProgress()
    let events = 0
    for await (const responses of stream) {
      const last = responses.at(-1)
      for (const response of responses) if (response.type === 'events') events += response.events.length
      if (last?.type !== 'progress') continue
      assert.deepEqual(last, { type: 'progress', watchId: undefined, revision: base + 30 })
      break
    }
    assert.equal(events, 30)
  }),
  law('progress of one watcher is answered when it is caught up', async ({ store }) => {
    await using stream = store.openWatchStream()
    stream.create({ key: 'a' })
    const { revision } = store.status()
    stream.create({ key: 'b', startRevision: revision + 50 })
    stream.progress(1)
    stream.progress(99)
    stream.progress(0)
    const responses = await takeResponses(stream[Symbol.asyncIterator](), 1)
    assert.deepEqual(responses, [{ type: 'progress', watchId: 0, revision }])
  }),
]

const endings = [
  law('a stream has one reader at a time', async ({ store }) => {
    await using stream = store.openWatchStream()
    const waiting = stream[Symbol.asyncIterator]().next()
    await assert.rejects(stream[Symbol.asyncIterator]().next(), TypeError)
    stream.close()
    assert.equal((await waiting).done, true)
  }),
  law('a closed stream ends its reader and takes no watchers', async ({ store }) => {
    const stream = store.openWatchStream()
    stream.create({ key: 'a' })
    await store.put({ key: 'a', value: '1' })
    stream.close()
    stream.close()
    assert.equal(store.status().watchers, 0)
    assert.equal((await stream[Symbol.asyncIterator]().next()).done, true)
    throwsWith(() => stream.create({ key: 'a' }), 'STORE_CLOSED')
    assert.equal(stream.cancel(0), false)
  }),
  law('closing the store ends its streams with STORE_CLOSED', async ({ store }) => {
    const stream = store.openWatchStream()
    stream.create({ key: 'a' })
    const waiting = stream[Symbol.asyncIterator]().next()
    await Promise.all([store.close(), rejectsWith(waiting, 'STORE_CLOSED')])
    await rejectsWith(stream[Symbol.asyncIterator]().next(), 'STORE_CLOSED')
    throwsWith(() => stream.create({ key: 'a' }), 'STORE_CLOSED')
    throwsWith(() => store.openWatchStream(), 'STORE_CLOSED')
    stream.close()
  }),
]

export const watchStreamLaws = [...ids, ...delivery, ...progress, ...endings]
