import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PendingBeats } from '../src/health/pending-beats.ts'

const options = { batchMaxBeats: 4, pendingMaxBeats: 100, beatLifeMs: 5_000, refusedRetryMs: 250 }

function begin(beats = '', overrides: Partial<typeof options> = {}) {
  const pending = new PendingBeats({ ...options, ...overrides })
  const add = (paths: string): boolean[] => Array.from(paths, (path) => pending.add(path))
  add(beats)
  return {
    pending,
    add,
    /** The beats of the next batch; in brackets when it is full. */
    take: (nowMs = 0): string => {
      const { beats: taken, isFull } = pending.takeBatch(nowMs)
      return isFull ? `[${taken.join('')}]` : taken.join('')
    },
    acknowledge: (refused: readonly number[] = [], nowMs = 0) => pending.acknowledged(refused, nowMs),
  }
}

describe('beats that wait', () => {
  test('of one instance are sent once', () => {
    const { take } = begin('abab')
    expect(take()).toBe('ab')
  })

  test('are sent once more when they came while the first was in flight', () => {
    const { add, take, acknowledge } = begin('ab')
    expect(take()).toBe('ab')
    add('b')
    acknowledge()
    expect(take()).toBe('b')
    acknowledge()
    expect(take()).toBe('')
  })

  test('go oldest first when there are more than fit, and the batch says so', () => {
    const { add, take, acknowledge } = begin('abcdefghi')
    expect(take()).toBe('[abcd]')
    add('ax')
    acknowledge()
    expect(take()).toBe('[efgh]')
    acknowledge()
    expect(take()).toBe('iax')
  })

  test('go before younger ones when their batch has failed', () => {
    const { pending, add, take, acknowledge } = begin('abc')
    take()
    add('xyz')
    pending.failed()
    expect(take()).toBe('[abcx]')
    acknowledge()
    expect(take()).toBe('yz')
  })

  test('are sent again after a while when they were refused, and never fill a batch', () => {
    const { pending, add, take, acknowledge } = begin('abc')
    take()
    acknowledge([0, 1, 2], 1_000)
    expect(pending.isDue(1_249)).toBe(false)
    expect(take(1_249)).toBe('')
    acknowledge()
    expect(pending.isDue(1_250)).toBe(true)
    add('x')
    expect(take(1_250)).toBe('xab')
    acknowledge([], 1_250)
    expect(take(1_250)).toBe('c')
  })

  test('are given up when they are refused for too long', () => {
    const { pending, take, acknowledge } = begin('a')
    for (let nowMs = 0; nowMs < 5_000; nowMs += 250) {
      expect(take(nowMs)).toBe('a')
      expect(acknowledge([0], nowMs)).toBe(0)
    }
    expect(take(5_000)).toBe('a')
    expect(acknowledge([0], 5_000)).toBe(1)
    expect(pending.size).toBe(0)
  })

  test('find no place beyond the limit until some are delivered', () => {
    const { pending, add, take, acknowledge } = begin('abc', { pendingMaxBeats: 3 })
    expect(pending.isFull).toBe(true)
    expect(add('ad')).toEqual([true, false])
    take()
    expect(add('d')).toEqual([false])
    acknowledge()
    expect(add('d')).toEqual([true])
  })

  test('move with what is in flight, and that does not come back when it fails or is refused', () => {
    const { pending, add, take, acknowledge } = begin('abcdefgh')
    take()
    add('xy')
    const stays = (path: string): boolean => !'bfy'.includes(path)
    expect(pending.takeMoved(stays).sort()).toEqual(['b', 'f', 'y'])
    pending.failed()
    expect(take()).toBe('[acde]')
    expect(pending.takeMoved((path) => path !== 'c')).toEqual(['c'])
    acknowledge([1], 0)
    expect(take(1_000)).toBe('ghx')
  })

  test('all move when nobody is left to deliver to', () => {
    const { pending, add, take, acknowledge } = begin('ab')
    take()
    acknowledge([0])
    add('cdefgh')
    take()
    add('x')
    expect(
      pending
        .takeMoved(() => false)
        .sort()
        .join(''),
    ).toBe('acdefghx')
    pending.failed()
    expect(pending.size).toBe(0)
    expect(take(9_000)).toBe('')
  })
})

test('whatever happens, a batch that is not full was preceded by all that was added before it', () => {
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ type: fc.constant('add' as const), n: fc.integer({ min: 1, max: 9 }) }),
    },
    { weight: 3, arbitrary: fc.record({ type: fc.constant('acknowledged' as const), n: fc.nat(15) }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('failed' as const), n: fc.constant(0) }) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const pending = new PendingBeats({ ...options, pendingMaxBeats: 1_000 })
      /** Added, and neither delivered nor refused. */
      const owed = new Set<string>()
      let count = 0
      for (const { type, n } of steps) {
        if (type === 'add') {
          for (let i = 0; i < n; i++) {
            owed.add(`${++count}`)
            pending.add(`${count}`)
          }
          continue
        }
        const { beats, isFull } = pending.takeBatch(count)
        expect(new Set(beats).size).toBe(beats.length)
        if (type === 'failed') {
          pending.failed()
          continue
        }
        for (const path of beats) owed.delete(path)
        pending.acknowledged(
          beats.map((_, i) => i).filter((i) => (n >> i) % 2 === 1),
          count,
        )
        if (!isFull) expect([...owed]).toEqual([])
      }
    }),
  )
})
