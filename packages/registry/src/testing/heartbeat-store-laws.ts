import assert from 'node:assert/strict'
import type { HeartbeatStore } from '../ports.ts'
import { clockStepMs, known, knownOf, law, rejectsWith } from './heartbeat-store-case.ts'

const records = [
  law('nothing is known of a subject that was never recorded', async ({ store }) => {
    assert.deepEqual(await store.latest(['a']), [undefined])
    assert.deepEqual(await store.latest(['a', 'b', 'a']), [undefined, undefined, undefined])
  }),
  law('the age of a recorded subject grows with time', async ({ store, elapse }) => {
    await store.record(['a'])
    const before = await knownOf(store, 'a')
    await elapse(50)
    const after = await knownOf(store, 'a')
    assert.ok(after.ageMs - before.ageMs >= 50 - clockStepMs, `${before.ageMs} ms, then ${after.ageMs} ms`)
    assert.equal(after.stamp, before.stamp)
  }),
  law('a heartbeat makes its subject young again, and no other one', async ({ store, elapse }) => {
    await store.record(['a', 'b'])
    await elapse(100)
    await store.record(['b'])
    const [a, b] = await known(store, ['a', 'b'])
    assert.ok(a !== undefined && b !== undefined)
    assert.ok(a.ageMs - b.ageMs >= 100 - clockStepMs, `${a.ageMs} ms and ${b.ageMs} ms`)
  }),
  law('the stamp changes with every heartbeat, and with nothing else', async ({ store }) => {
    const stamps = new Set<string>()
    for (let count = 1; count <= 50; count++) {
      await store.record(['a'])
      const { stamp } = await knownOf(store, 'a')
      await store.record(['b'])
      await store.remove(['b'])
      assert.equal((await knownOf(store, 'a')).stamp, stamp)
      stamps.add(stamp)
      assert.equal(stamps.size, count)
    }
  }),
  law('an age is never negative, however soon it is asked for', async ({ store }) => {
    const rounds = Array.from({ length: 100 }, async (_, round) => {
      const recorded = store.record(['a', `${round}`])
      for (const record of await store.latest(['a', `${round}`])) assert.ok((record?.ageMs ?? 0) >= 0)
      await recorded
    })
    await Promise.all(rounds)
  }),
]

const lists = [
  law('answers come in the order of the subjects', async ({ store, elapse }) => {
    await store.record(['old'])
    await elapse(20)
    await store.record(['z', 'new'])
    const [unknown, fresh, old] = await store.latest(['unknown', 'new', 'old'])
    assert.equal(unknown, undefined)
    assert.ok(fresh !== undefined && old !== undefined)
    assert.ok(fresh.ageMs < old.ageMs)
  }),
  law('a subject may be named several times in one call', async ({ store }) => {
    await store.record(['a', 'b', 'a'])
    const [first, b, second] = await known(store, ['a', 'b', 'a'])
    assert.deepEqual(first?.stamp, second?.stamp)
    assert.ok(b !== undefined)
    await store.remove(['a', 'a'])
    assert.deepEqual(await store.latest(['a', 'a']), [undefined, undefined])
  }),
  law('a call may name nobody', async ({ store }) => {
    await store.record([])
    await store.remove([])
    assert.deepEqual(await store.latest([]), [])
  }),
  law('a call may name thousands of subjects', async ({ store }) => {
    const subjects = Array.from({ length: 5_000 }, (_, index) => `thousands/${index}`)
    const odd = subjects.filter((_, index) => index % 2 === 1)
    await store.record(odd)
    const found = await store.latest(subjects)
    assert.deepEqual(
      subjects.filter((_, index) => found[index] !== undefined),
      odd,
    )
    await store.remove(odd.slice(0, 2_000))
    const left = await store.latest(odd)
    assert.equal(left.indexOf(undefined), 0)
    assert.equal(left.lastIndexOf(undefined), 1_999)
  }),
  law('what becomes of the list after the call does not matter', async ({ store }) => {
    const subjects = ['a', 'b']
    const recorded = store.record(subjects)
    subjects.splice(0, 2, 'x', 'y')
    await recorded
    const asked = ['a', 'b']
    const found = store.latest(asked)
    asked.length = 0
    const all = [...(await found), ...(await store.latest(['x', 'y']))]
    assert.deepEqual(
      all.map((record) => record !== undefined),
      [true, true, false, false],
    )
  }),
  law('subjects are told apart by every character of their names', async ({ store }) => {
    const names = [
      ...['', ' ', 'a', 'A', 'a ', ' a', 'a/b', 'a/b/', 'a//b', 'a%2Fb', 'a:b', '0', '00'],
      ...['*', '?', '[a]', '{a}', '{a}b', '{}', '"', "'", '\\', '$', 'a\0', 'a\0b', '\r\n', '\t', '\u{7f}'],
      ...['ä', 'a\u0308', 'ß', 'ss', '服务', 'خدمة', '\u{feff}', '\u{200b}', '😀', '👩‍🚀', '\u{10ffff}'],
      ...['__proto__', 'constructor', 'null', 'undefined', 'x'.repeat(1_000), 'x'.repeat(1_001)],
    ]
    const recorded = names.filter((_, index) => index % 2 === 0)
    await store.record(recorded)
    const found = await store.latest(names)
    assert.deepEqual(
      names.filter((_, index) => found[index] !== undefined),
      recorded,
    )
  }),
]

const removals = [
  law('a removed subject is forgotten, until its next heartbeat', async ({ store }) => {
    await store.record(['a', 'b'])
    const { stamp } = await knownOf(store, 'a')
    await store.remove(['a'])
    const [a, b] = await store.latest(['a', 'b'])
    assert.equal(a, undefined)
    assert.ok(b !== undefined)
    await store.record(['a'])
    assert.notEqual((await knownOf(store, 'a')).stamp, stamp)
  }),
  law('removing who is not known does no harm', async ({ store }) => {
    await store.record(['b'])
    await store.remove(['a'])
    await store.remove(['a', 'b'])
    assert.deepEqual(await store.latest(['a', 'b']), [undefined, undefined])
  }),
]

const openings = [
  law('all who open the same heartbeats see each other’s', async ({ store, open, elapse }) => {
    const other = await open()
    await store.record(['a'])
    const stamps = [await knownOf(store, 'a'), await knownOf(other, 'a')].map(({ stamp }) => stamp)
    assert.equal(stamps[0], stamps[1])
    await elapse(10)
    await other.record(['a'])
    const { stamp } = await knownOf(store, 'a')
    assert.notEqual(stamp, stamps[0])
    await other.remove(['a'])
    assert.deepEqual(await store.latest(['a']), [undefined])
  }),
  law('ages are the same for all who open the same heartbeats', async ({ store, open, elapse }) => {
    const other = await open()
    await store.record(['a'])
    await elapse(30)
    const first = await knownOf(store, 'a')
    const second = await knownOf(other, 'a')
    const third = await knownOf(store, 'a')
    assert.ok(first.ageMs <= second.ageMs && second.ageMs <= third.ageMs)
  }),
  law('calls may overlap, of one store and of several', async ({ store, open }) => {
    const other = await open()
    const stores = [store, other]
    const calls: Promise<unknown>[] = []
    for (let count = 0; count < 500; count++) {
      for (const each of stores) {
        calls.push(each.record(['a', `${count % 100}`]))
        calls.push(each.latest(['a', `${count % 100}`, 'nobody']))
        calls.push(each.remove(['nobody']))
      }
    }
    await Promise.all(calls)
    const subjects = ['a', ...Array.from({ length: 100 }, (_, index) => `${index}`)]
    const seen = await Promise.all(stores.map((each) => known(each, subjects)))
    const [mine, theirs] = seen.map((each) => each.map(({ stamp }) => stamp))
    assert.deepEqual(mine, theirs)
  }),
]

async function refusesAll(
  store: HeartbeatStore,
  code: 'HEARTBEATS_CLOSED' | 'HEARTBEATS_UNAVAILABLE',
): Promise<void> {
  await rejectsWith(store.record(['a']), code)
  await rejectsWith(store.latest(['a']), code)
  await rejectsWith(store.remove(['a']), code)
}

const lifecycle = [
  law('a store that is closed refuses calls, and closing again does no harm', async ({ store, open }) => {
    const other = await open()
    await store.record(['a'])
    await Promise.all([store.close(), store.close()])
    await store.close()
    await refusesAll(store, 'HEARTBEATS_CLOSED')
    await rejectsWith(store.record([]), 'HEARTBEATS_CLOSED')
    await rejectsWith(store.latest([]), 'HEARTBEATS_CLOSED')
    await knownOf(other, 'a')
    await other.record(['b'])
    assert.equal(other.available, true)
  }),
  law('a store that was never used can be closed', async ({ open }) => {
    const other = await open()
    await other.close()
    await refusesAll(other, 'HEARTBEATS_CLOSED')
  }),
  law('closing ends the calls in flight', async ({ store }) => {
    await store.record(['a'])
    const calls = Array.from({ length: 100 }, () => [store.record(['a']), store.latest(['a'])]).flat()
    const settled = Promise.allSettled(calls)
    await store.close()
    for (const result of await settled) {
      if (result.status === 'rejected')
        await rejectsWith(Promise.reject(result.reason as Error), 'HEARTBEATS_CLOSED')
    }
  }),
]

const needs = ['faults'] as const

const faults = [
  law('a store that answers is available', async ({ store }) => {
    await store.record(['a'])
    await store.latest(['a', 'unknown'])
    assert.equal(store.available, true)
  }),
  law(
    'a store out of reach fails calls and is not available, until a call succeeds',
    async ({ store, cut, restore }) => {
      await store.record(['a'])
      for (let round = 0; round < 2; round++) {
        await cut()
        await refusesAll(store, 'HEARTBEATS_UNAVAILABLE')
        assert.equal(store.available, false)
        await restore()
        assert.equal(store.available, true)
        await store.record(['a'])
        await knownOf(store, 'a')
      }
    },
    { needs },
  ),
  law(
    'calls in flight when the store is cut off end, and the store goes on later',
    async ({ store, cut, restore }) => {
      const before = Array.from({ length: 200 }, (_, index) => store.record([`${index}`]))
      const settledBefore = Promise.allSettled(before)
      await cut()
      const after = Array.from({ length: 200 }, (_, index) => store.latest([`${index}`]))
      const results = [...(await settledBefore), ...(await Promise.allSettled(after))]
      for (const result of results) {
        if (result.status === 'fulfilled') continue
        await rejectsWith(Promise.reject(result.reason as Error), 'HEARTBEATS_UNAVAILABLE')
      }
      await restore()
      await store.record(['a'])
      await knownOf(store, 'a')
    },
    { needs },
  ),
  law(
    'a store out of reach can be closed',
    async ({ store, open, cut }) => {
      const unused = await open()
      await store.record(['a'])
      await cut()
      await rejectsWith(store.record(['a']), 'HEARTBEATS_UNAVAILABLE')
      await Promise.all([store.close(), unused.close()])
      await refusesAll(store, 'HEARTBEATS_CLOSED')
      await refusesAll(unused, 'HEARTBEATS_CLOSED')
    },
    { needs },
  ),
]

/** The laws of a heartbeat store: run all of them against an implementation, or those whose `needs` it meets. */
export const heartbeatStoreLaws = [...records, ...lists, ...removals, ...openings, ...lifecycle, ...faults]
