import { describe, expect, test } from 'vitest'
import { CommittedQueue } from '../src/committed-queue.ts'
import { LogKeeper } from '../src/log-keeper.ts'

/** Entries 1 to `count` are applied, each of `bytes`. */
function keeperAfter(
  count: number,
  bytes: number,
  options: Partial<{ entries: number; maxBytes: number }> = {},
): LogKeeper {
  const { entries = 1_000, maxBytes = Infinity } = options
  const keeper = new LogKeeper({ catchUpEntries: entries, catchUpMaxBytes: maxBytes })
  for (let index = 1; index <= count; index++) keeper.applied(index, bytes)
  return keeper
}

describe('the log', () => {
  test('keeps so many entries for those that are behind', () => {
    const keeper = keeperAfter(5_000, 1)
    keeper.release(5_000)
    expect(keeper.due(1, 5_000)).toBe(4_000)
  })

  test('keeps fewer when they are large', () => {
    const keeper = keeperAfter(5_000, 1_000, { maxBytes: 100_000 })
    keeper.release(5_000)
    const index = keeper.due(1, 5_000) ?? 0
    expect(index).toBeGreaterThan(4_600)
    expect((5_000 - index) * 1_000).toBeGreaterThanOrEqual(100_000)
  })

  test('keeps what is not durable in the state', () => {
    const keeper = keeperAfter(5_000, 1)
    expect(keeper.due(1, 5_000)).toBeUndefined()
    keeper.release(3_000)
    keeper.release(2_000)
    expect(keeper.due(1, 5_000)).toBe(3_000)
  })

  test('keeps what a follower is about to need, as long as it does', () => {
    const keeper = keeperAfter(5_000, 1)
    keeper.release(5_000)
    const release = keeper.hold(2_000)
    keeper.hold(4_500)
    expect(keeper.due(1, 5_000)).toBe(2_000)
    release()
    release()
    expect(keeper.due(1, 5_000)).toBe(4_000)
  })

  test('is not dropped in small pieces', () => {
    const keeper = keeperAfter(5_000, 1)
    keeper.release(5_000)
    expect(keeper.due(3_746, 5_000)).toBeUndefined()
    expect(keeper.due(3_745, 5_000)).toBe(4_000)
  })
})

test('committed entries are taken in order, each once, whatever comes in between', () => {
  const queue = new CommittedQueue()
  const taken: number[] = []
  let next = 1
  for (let round = 1; round <= 60; round++) {
    const entries = Array.from({ length: round * 3 }, () => ({
      index: next++,
      term: 1,
      type: 'empty' as const,
      payload: Buffer.alloc(0),
    }))
    queue.push(entries)
    for (let n = 0; n < round * 2; n++) taken.push(queue.shift()?.index ?? 0)
    expect(queue.size).toBe(next - 1 - taken.length)
  }
  for (let entry = queue.shift(); entry !== undefined; entry = queue.shift()) taken.push(entry.index)
  expect(taken).toEqual(Array.from({ length: next - 1 }, (_, n) => n + 1))
  queue.push([{ index: next, term: 1, type: 'empty', payload: Buffer.alloc(0) }])
  queue.clear()
  expect([queue.shift(), queue.size]).toEqual([undefined, 0])
})
