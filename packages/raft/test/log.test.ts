import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EntryRing } from '../src/entry-ring.ts'
import { Inflights } from '../src/inflights.ts'
import { RaftLog } from '../src/log.ts'
import { Writes } from '../src/writes.ts'
import { entry } from './support/solo.ts'

const operation = fc.oneof(
  fc.record({ type: fc.constant('push' as const), count: fc.nat(200) }),
  fc.record({ type: fc.constant('dropFirst' as const), count: fc.nat(200) }),
  fc.record({ type: fc.constant('truncate' as const), count: fc.nat(200) }),
)

test('a ring of entries does what an array does', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 40 }), fc.nat(), fc.nat(), (operations, start, end) => {
      const ring = new EntryRing()
      const model: ReturnType<typeof entry>[] = []
      let index = 0
      for (const { type, count } of operations) {
        const some = Math.min(count, model.length)
        if (type === 'push') {
          for (let pushed = 0; pushed < count; pushed++) {
            const one = entry(++index, 1)
            ring.push(one)
            model.push(one)
          }
        } else if (type === 'dropFirst') {
          ring.dropFirst(some)
          model.splice(0, some)
        } else {
          ring.truncate(model.length - some)
          model.length -= some
        }
        expect(ring.length).toBe(model.length)
      }
      const stop = Math.min(end % 300, model.length)
      expect(ring.slice(Math.min(start % 300, stop), stop)).toEqual(
        model.slice(Math.min(start % 300, stop), stop),
      )
    }),
  )
})

test('a ring holds nothing outside of its bounds', () => {
  const ring = new EntryRing()
  ring.push(entry(1, 1))
  expect(() => ring.at(1)).toThrow('no entry')
  ring.dropFirst(1)
  expect(() => ring.at(0)).toThrow('no entry')
})

test('a window of appends is full by count or by bytes, and takes one of any size when it is empty', () => {
  const inflights = new Inflights({ inflightMaxMessages: 3, inflightMaxBytes: 100 })
  for (let round = 0; round < 10; round++) {
    expect(inflights.isFull).toBe(false)
    inflights.add(round * 3 + 1, 10)
    inflights.add(round * 3 + 2, 10)
    expect(inflights.isFull).toBe(false)
    inflights.add(round * 3 + 3, 10)
    expect(inflights.isFull).toBe(true)
    inflights.freeTo(round * 3 + 2)
    expect(inflights.count).toBe(1)
    inflights.freeTo(round * 3 + 3)
    expect(inflights.count).toBe(0)
  }
  inflights.add(99, 1_000)
  expect(inflights.isFull).toBe(true)
  inflights.clear()
  expect(inflights.isFull).toBe(false)
})

test('a write whose entries are replaced makes durable only what was before them', () => {
  const writes = new Writes()
  writes.begin({ number: 1, durableTo: 7, snapshotIndex: 0 })
  writes.truncate(4)
  writes.begin({ number: 2, durableTo: 6, snapshotIndex: 0 })
  writes.truncate(5)
  writes.begin({ number: 4, durableTo: 9, snapshotIndex: 8 })
  expect(writes.finish(0)).toEqual({ durableTo: 0, snapshotIndex: 0 })
  expect(writes.finish(1)).toEqual({ durableTo: 4, snapshotIndex: 0 })
  expect(writes.finish(3)).toEqual({ durableTo: 5, snapshotIndex: 0 })
  expect(writes.finish(9)).toEqual({ durableTo: 9, snapshotIndex: 8 })
})

test('the highest entry that may match is found as by looking at each', () => {
  const terms = fc.array(fc.nat(4), { maxLength: 30 }).map((steps) => {
    let term = 1
    return steps.map((step) => (term += step))
  })
  fc.assert(
    fc.property(
      terms,
      fc.nat(10),
      fc.nat(40),
      fc.integer({ min: 1, max: 130 }),
      (all, compacted, index, term) => {
        const previousIndex = Math.min(compacted, all.length)
        const previousTerm = all[previousIndex - 1] ?? 0
        const entries = all.map((one, at) => entry(at + 1, one)).slice(previousIndex)
        const log = new RaftLog({
          previousIndex,
          previousTerm,
          entries,
          commitIndex: previousIndex,
          appliedIndex: previousIndex,
        })
        let naive = Math.min(index, log.lastIndex)
        while (naive > 0 && (log.termAt(naive) ?? 0) > term) naive--
        expect(log.highestMatch({ index, term })).toEqual({ index: naive, term: log.termAt(naive) ?? 0 })
      },
    ),
  )
})
