import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '@orrery/environment'
import { createManualClock } from '@orrery/environment/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ChangeBatch } from '../../src/watches.ts'
import { FanOut, type Job, Round, turnMaxMs } from '../../src/watch/fan-out.ts'
import { join, leave, type Watcher, type Watchers } from '../../src/watch/watchers.ts'
import { Feeder } from '../view/fed-view.ts'
import { fedMember, settle } from './watched-hub.ts'

const file = { namespace: 'default', group: 'shop', file: 'app.yaml' }

class CountingWatcher implements Watcher {
  place = 0
  woken = 0
  onWake: (() => void) | undefined

  wake(): void {
    this.woken++
    this.onWake?.()
  }

  fail(): void {
    // It has nobody to tell.
  }
}

/** A clock on which a look at it takes time. */
function busyClock(stepMs: number): { readonly clock: Clock; readonly deferred: (() => void)[] } {
  const manual = createManualClock()
  const deferred: (() => void)[] = []
  const clock: Clock = {
    ...manual,
    nowMs: () => {
      manual.freeze(stepMs)
      return manual.nowMs()
    },
    defer: (callback) => {
      deferred.push(callback)
      return { cancel: () => undefined }
    },
  }
  return { clock, deferred }
}

describe('a fan-out', () => {
  test('does only so much in one turn of the event loop, and lets jobs take turns', async () => {
    const { clock, deferred } = busyClock(1)
    let idle = 0
    const fanOut = new FanOut(clock, () => idle++)
    const done: string[] = []
    const job = (name: string, steps: number): Job => {
      let left = steps
      return { isQueued: false, step: () => (done.push(name), --left > 0) }
    }
    fanOut.add(job('a', 20))
    fanOut.add(job('b', 2))
    expect(done).toEqual([])
    await nextTurn()
    expect(done.length).toBeGreaterThan(2)
    expect(done.length).toBeLessThanOrEqual(turnMaxMs)
    expect(done.slice(0, 4)).toEqual(['a', 'b', 'a', 'b'])
    // What comes in the same turn waits for the next one, too.
    fanOut.add(job('c', 1))
    const before = done.length
    await nextTurn()
    expect(done).toHaveLength(before)
    for (let turn = 0; turn < 20 && deferred.length > 0; turn++) {
      deferred.shift()?.()
      await nextTurn()
    }
    expect(done.filter((name) => name === 'a')).toHaveLength(20)
    expect(done).toContain('c')
    expect(idle).toBe(1)
  })

  test('counts what those do who are woken', async () => {
    const manual = createManualClock()
    const fanOut = new FanOut(manual, () => undefined)
    const items = Array.from({ length: 10_000 }, (_, nth) => nth)
    let woken = 0
    fanOut.add(
      new Round(items, () => {
        // Whoever is woken works for a hundredth of a millisecond when he has his turn.
        void Promise.resolve().then(() => {
          woken++
          manual.freeze(0.01)
        })
      }),
    )
    await nextTurn()
    expect(woken).toBeGreaterThan(0)
    expect(woken * 0.01).toBeLessThan(1.5 * turnMaxMs)
  })
})

describe('watchers of the same', () => {
  test('are all woken after each change, whoever comes and goes meanwhile', () => {
    const act = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({ type: fc.constant('step' as const), count: fc.integer({ min: 1, max: 4 }) }),
      },
      { weight: 1, arbitrary: fc.record({ type: fc.constant('change' as const), count: fc.constant(0) }) },
      { weight: 1, arbitrary: fc.record({ type: fc.constant('come' as const), count: fc.constant(0) }) },
      { weight: 2, arbitrary: fc.record({ type: fc.constant('go' as const), count: fc.nat(100) }) },
    )
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), fc.integer({ min: 1, max: 20 }), (acts, size) => {
        const watched: { watchers: Watchers | undefined } = { watchers: undefined }
        /** Who is there, and whether he has been woken since the last change. */
        const present = new Map<CountingWatcher, boolean>()
        const come = (): void => {
          const watcher = new CountingWatcher()
          watcher.onWake = () => present.set(watcher, true)
          join(watched, watcher)
          present.set(watcher, true)
        }
        for (let nth = 0; nth < size; nth++) come()
        for (const { type, count } of acts) {
          if (type === 'come') come()
          else if (type === 'step') {
            if (watched.watchers?.step(count) === false) expect([...present.values()]).not.toContain(false)
          } else if (type === 'change') {
            for (const watcher of present.keys()) present.set(watcher, false)
            watched.watchers?.restart()
          } else {
            const watcher = [...present.keys()][count % (present.size || 1)]
            if (watcher === undefined) continue
            leave(watched, watcher)
            present.delete(watcher)
          }
        }
        while (watched.watchers?.step(1) === true);
        expect([...present.values()]).not.toContain(false)
        expect(watched.watchers?.size ?? 0).toBe(present.size)
      }),
      { numRuns: 2_000 },
    )
  })

  test('are woken no more often than needed when all of them leave as they are woken', () => {
    const watched: { watchers: Watchers | undefined } = { watchers: undefined }
    const watchers = Array.from({ length: 1_000 }, () => new CountingWatcher())
    for (const watcher of watchers) {
      watcher.onWake = () => leave(watched, watcher)
      join(watched, watcher)
    }
    const all = watched.watchers
    all?.restart()
    expect(all?.step(1_000)).toBe(false)
    expect(watchers.every(({ woken }) => woken === 1)).toBe(true)
    expect(watched.watchers).toBeUndefined()
  })
})

describe('a storm of changes of one file', () => {
  test('reaches everybody though no round is ever over, holds nothing, and ends with the newest for all', async () => {
    const { clock, deferred } = busyClock(1)
    const member = fedMember(new Feeder(), { clock })
    const count = 1_500
    const versions = new Array<number>(count).fill(0)
    const skipped: number[] = []
    let backwards = 0
    const watches = Array.from({ length: count }, () => member.hub.watch({ targets: [file] }))
    const read = async (nth: number): Promise<void> => {
      const watch = watches[nth]
      for await (const { changes } of watch ?? []) {
        for (const change of changes) {
          if (change.type !== 'released') continue
          if (change.release.version <= (versions[nth] ?? 0)) backwards++
          versions[nth] = change.release.version
        }
      }
      skipped.push(watch?.skipped ?? 0)
    }
    const readers = watches.map((_, nth) => read(nth))
    const publishes = 100
    let behind = 0
    for (let version = 1; version <= publishes; version++) {
      member.feeder.publish(file, { content: `${version}` })
      member.take()
      deferred.shift()?.()
      await nextTurn()
      behind = Math.max(behind, version - Math.min(...versions))
    }
    // A turn reaches about a fifth of them, so that each is reached in every few turns.
    expect(behind).toBeLessThan(20)
    while (deferred.length > 0) {
      deferred.shift()?.()
      await nextTurn()
    }
    expect(new Set(versions)).toEqual(new Set([publishes]))
    expect(backwards).toBe(0)
    expect(member.cache.stats.entries).toBeLessThanOrEqual(publishes)
    for (const watch of watches) watch.close()
    await Promise.all(readers)
    // Whatever was not given was skipped.
    const { delivered } = member.hub.counters
    expect(delivered + skipped.reduce((sum, one) => sum + one, 0)).toBe(count * publishes)
  })

  test('gives all who see the same the same object, full and gray', async () => {
    const member = fedMember()
    const rule = { labels: [{ label: 'zone', type: 'exact', value: 'a' }] } as const
    member.feeder.publish(file, { content: 'full' })
    member.feeder.grayPublish(file, { content: 'gray', rule })
    member.take()
    const batches = new Set<ChangeBatch | undefined>()
    const clients = [undefined, { labels: { zone: 'a' } }]
    const group = { namespace: file.namespace, group: file.group }
    const watches = [0, 1, 2, 3].map((nth) =>
      member.hub.watch({ targets: [nth < 2 ? file : group], client: clients[nth % 2] }),
    )
    for (const watch of watches) await watch[Symbol.asyncIterator]().next()
    for (const watch of watches) {
      void watch[Symbol.asyncIterator]()
        .next()
        .then(({ value }) => batches.add(value))
    }
    member.feeder.promote(file)
    member.feeder.publish(file, { content: 'new' })
    member.take()
    await settle(member)
    expect(batches.size).toBe(1)
  })
})
