import { describe, expect, test } from 'vitest'
import { IndexWaiters } from '../src/index-waiters.ts'
import { ReadDesk } from '../src/read-desk.ts'

interface Reader {
  readonly expiresMs: number
  readonly outcomes: unknown[]
  resolve(index?: number): void
  reject(error: Error): void
}

function reader(expiresMs = 1_000): Reader {
  const outcomes: unknown[] = []
  return {
    expiresMs,
    outcomes,
    resolve: (index) => void outcomes.push(index),
    reject: (error) => void outcomes.push((error as Error & { code?: string }).code ?? error.message),
  }
}

describe('linearizable reads', () => {
  test('of one turn share a question', () => {
    const desk = new ReadDesk(7)
    const [a, b, late] = [reader(), reader(), reader()]
    desk.add(a)
    desk.add(b)
    expect(desk.ask(0)).toBe(7)
    desk.add(late)
    desk.answered({ context: 7, index: 42 })
    expect([a, b, late].map(({ outcomes }) => outcomes)).toEqual([[42], [42], []])
    expect(desk.ask(0)).toBe(8)
  })

  test('are not confirmed by a late answer to an old question', () => {
    const desk = new ReadDesk(1)
    const a = reader()
    desk.add(a)
    const old = desk.ask(0)
    desk.retry(0)
    const next = desk.ask(10)
    desk.answered({ context: old, index: 3 })
    expect(a.outcomes).toEqual([])
    desk.answered({ context: next, index: 9 })
    desk.answered({ context: next, index: 10 })
    expect(a.outcomes).toEqual([9])
  })

  test('are asked again when their question was dropped, or is old', () => {
    const desk = new ReadDesk(1)
    desk.add(reader())
    desk.dropped(desk.ask(0))
    expect(desk.hasWaiting).toBe(false)
    desk.retry(-Infinity)
    expect(desk.hasWaiting).toBe(true)
    desk.ask(100)
    desk.retry(99)
    expect(desk.hasWaiting).toBe(false)
    desk.retry(100)
    expect(desk.hasWaiting).toBe(true)
  })

  test('fail in time, wherever they wait, and only those whose time has come', () => {
    const desk = new ReadDesk(1)
    const [asked, patient, dropped, waiting] = [reader(), reader(2_000), reader(), reader()]
    desk.add(asked)
    desk.add(patient)
    const context = desk.ask(0)
    desk.add(dropped)
    desk.dropped(desk.ask(0))
    desk.add(waiting)
    desk.expire(999)
    expect(desk.size).toBe(4)
    desk.expire(1_000)
    for (const { outcomes } of [asked, dropped, waiting]) expect(outcomes).toEqual(['NODE_TIMED_OUT'])
    desk.answered({ context, index: 5 })
    expect(patient.outcomes).toEqual([5])
    expect(desk.size).toBe(0)
  })

  test('are all answered when the member ends', () => {
    const desk = new ReadDesk(1)
    const readers = [reader(), reader(), reader()]
    const [a, b, c] = readers as [Reader, Reader, Reader]
    desk.add(a)
    desk.ask(0)
    desk.add(b)
    desk.dropped(desk.ask(0))
    desk.add(c)
    desk.rejectAll(new Error('over'))
    for (const { outcomes } of readers) expect(outcomes).toEqual(['over'])
    expect(desk.size).toBe(0)
  })
})

describe('whoever waits for an index', () => {
  test('goes on when it is applied, and not before', () => {
    const waiters = new IndexWaiters(10)
    const [now, later] = [reader(), reader()]
    waiters.add({ index: 10, ...now })
    waiters.add({ index: 12, ...later })
    waiters.release(11)
    expect([now.outcomes.length, later.outcomes.length]).toEqual([1, 0])
    waiters.release(12)
    waiters.release(5)
    waiters.add({ index: 12, ...now })
    expect([now.outcomes.length, later.outcomes.length]).toEqual([2, 1])
  })

  test('is told when it takes too long, or the member ends', () => {
    const waiters = new IndexWaiters(0)
    const [slow, last] = [reader(), reader(2_000)]
    waiters.add({ index: 1, ...slow })
    waiters.add({ index: 1, ...last })
    waiters.expire(1_000)
    expect([slow.outcomes, last.outcomes]).toEqual([['NODE_TIMED_OUT'], []])
    waiters.rejectAll(new Error('over'))
    expect(last.outcomes).toEqual(['over'])
  })
})
