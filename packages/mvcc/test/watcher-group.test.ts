import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Watching, WatcherGroup } from '../src/watcher-group.ts'
import { isWithin } from './support/model.ts'

interface Numbered extends Watching {
  readonly id: number
}

function matching(group: WatcherGroup<Numbered>, key: string): readonly Numbered[] {
  const found: Numbered[] = []
  group.match(key, (watchers) => found.push(...watchers))
  return found
}

function ids(watchers: Iterable<Numbered>): readonly number[] {
  return [...watchers].map(({ id }) => id).sort((a, b) => a - b)
}

/** Two letters of few: keys that meet, ranges that overlap, nest and repeat, inverted ones. */
const key = fc.string({ unit: fc.constantFrom('\0', 'a', 'b', 'c', '\xff'), minLength: 1, maxLength: 2 })
const watching = fc.record({
  key,
  rangeEnd: fc.oneof(key, fc.constantFrom(undefined, '', '\0')),
})

describe('a group of watchers', () => {
  test('finds those that watch a key, each once, as looking at all of them does', () => {
    const step = fc.oneof(
      { weight: 2, arbitrary: watching.map((watcher) => ({ add: watcher })) },
      { weight: 2, arbitrary: fc.nat().map((nth) => ({ remove: nth })) },
      { weight: 2, arbitrary: key.map((match) => ({ match })) },
    )
    // Above some number of ranges they are searched in another way. By seed: that shrinks fast.
    const crowd = fc.record({ size: fc.nat(400), seed: fc.nat() })
    fc.assert(
      fc.property(
        crowd,
        fc.array(step, { minLength: 1, maxLength: 200, size: 'max' }),
        ({ size, seed }, steps) => {
          const group = new WatcherGroup<Numbered>()
          const all: Numbered[] = []
          const crowd = fc.sample(watching, { numRuns: size, seed }).map((watcher) => ({ add: watcher }))
          for (const [id, step] of [...crowd, ...steps].entries()) {
            if ('add' in step) {
              const watcher = { id, ...step.add }
              group.add(watcher)
              group.add(watcher)
              all.push(watcher)
            } else if ('remove' in step) {
              const [watcher] = all.splice(step.remove % Math.max(1, all.length), 1)
              if (watcher === undefined) continue
              expect([group.delete(watcher), group.delete(watcher)]).toEqual([true, false])
            } else {
              expect(ids(matching(group, step.match))).toEqual(
                ids(all.filter((watcher) => isWithin(watcher, step.match))),
              )
            }
          }
          expect(group.size).toBe(all.length)
          expect(ids(group)).toEqual(ids(all))
        },
      ),
      { numRuns: 200 },
    )
  })

  test('finds every watcher although the ones found are deleted on the way', () => {
    for (const count of [3, 200]) {
      const group = new WatcherGroup<Numbered>()
      for (let i = 0; i < count; i++)
        group.add({ id: i, key: 'a', rangeEnd: `b${String(i).padStart(3, '0')}` })
      const found: Numbered[] = []
      group.match('b', (watchers) => {
        for (const watcher of watchers) {
          found.push(watcher)
          group.delete(watcher)
        }
      })
      expect(found.length).toBe(count)
      expect(group.size).toBe(0)
      expect(matching(group, 'b')).toEqual([])
    }
  })
})
