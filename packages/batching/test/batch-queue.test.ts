import { BatchEntry, createBatchQueue, type BatchingOptions } from '@orrery/batching'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

class Item extends BatchEntry<Item> {
  readonly name: number

  constructor(name: number) {
    super()
    this.name = name
  }
}

function begin(options: BatchingOptions) {
  const queue = createBatchQueue<Item>(options)
  let name = 0
  const add = (nowMs: number, bytes = 0): Item => {
    const item = new Item(++name)
    expect(queue.add(item, bytes, nowMs)).toBe('queued')
    return item
  }
  const names = (batch: readonly Item[] | undefined): number[] | undefined => batch?.map((item) => item.name)
  return {
    queue,
    add,
    take: (nowMs: number) => names(queue.takeBatch(nowMs)),
    expired: (nowMs: number) => names(queue.takeExpired(nowMs)),
  }
}

describe('a batch goes', () => {
  test('when its first entry has lingered, and not before', () => {
    const { queue, add, take } = begin({ lingerMaxMs: 10 })
    add(100)
    add(105)
    expect(queue.nextDueMs()).toBe(110)
    expect(take(109.9)).toBeUndefined()
    expect(take(110)).toEqual([1, 2])
    expect([queue.length, queue.nextDueMs()]).toEqual([0, undefined])
  })

  test('at once when it is full, by entries', () => {
    const { queue, add, take } = begin({ lingerMaxMs: 10, batchMaxItems: 3, concurrencyMaxBatches: 9 })
    for (let n = 0; n < 7; n++) add(100)
    expect(queue.nextDueMs()).toBe(100)
    expect([take(100), take(100), take(100)]).toEqual([[1, 2, 3], [4, 5, 6], undefined])
    expect(take(110)).toEqual([7])
  })

  test('at once when it is full, by bytes', () => {
    const { add, take } = begin({ lingerMaxMs: 10, batchMaxBytes: 100, concurrencyMaxBatches: 9 })
    for (const bytes of [60, 40, 1, 100, 250, 99]) add(0, bytes)
    expect([take(0), take(0), take(0), take(0), take(0)]).toEqual([[1, 2], [3], [4], [5], undefined])
    expect(take(10)).toEqual([6])
  })

  test('when it is flushed: what waits then, and not what comes later', () => {
    const { queue, add, take } = begin({ lingerMaxMs: 10, batchMaxItems: 2, concurrencyMaxBatches: 9 })
    add(0)
    queue.flush()
    expect(queue.nextDueMs()).toBe(0)
    expect(take(0)).toEqual([1])
    add(0)
    expect(take(0)).toBeUndefined()
  })

  test('only while fewer run than may', () => {
    const { queue, add, take } = begin({ concurrencyMaxBatches: 2, batchMaxItems: 1, taskLifeMaxMs: 500 })
    for (let n = 0; n < 4; n++) add(0)
    expect([take(0), take(0), take(0)]).toEqual([[1], [2], undefined])
    expect([queue.isDue(0), queue.nextDueMs(), queue.runningBatches]).toEqual([false, 500, 2])
    queue.finished()
    expect([take(0), take(0)]).toEqual([[3], undefined])
  })
})

describe('an entry', () => {
  test('is refused when too many wait, or too much', () => {
    const { queue, add } = begin({ queueMaxItems: 2, queueMaxBytes: 100 })
    const first = add(0, 50)
    expect(queue.add(new Item(0), 51, 0)).toBe('full')
    add(0, 50)
    expect(queue.add(new Item(0), 0, 0)).toBe('full')
    expect(queue.add(new Item(0), 101, 0)).toBe('tooLarge')
    expect([queue.length, queue.bytes]).toEqual([2, 100])
    expect(queue.remove(first)).toBe(true)
    expect(queue.add(first, 50, 0)).toBe('queued')
  })

  test('expires when it has waited for its life, even if it could go', () => {
    const { queue, add, take, expired } = begin({ taskLifeMaxMs: 100 })
    add(0)
    add(1)
    add(60)
    expect(expired(99)).toEqual([])
    expect(expired(101)).toEqual([1, 2])
    expect(take(101)).toEqual([3])
    expect([queue.bytes, queue.length]).toEqual([0, 0])
  })

  test('may live for ever', () => {
    const { queue, add, expired } = begin({
      taskLifeMaxMs: Infinity,
      concurrencyMaxBatches: 1,
      batchMaxItems: 1,
    })
    add(0)
    add(0)
    queue.takeBatch(0)
    expect([expired(1e15), queue.nextDueMs()]).toEqual([[], undefined])
  })

  test('that is taken out does not go, and may come again', () => {
    const { queue, add, take } = begin({})
    const [a, b, c] = [add(0), add(0), add(0)]
    expect([queue.remove(b), queue.remove(b), b.isQueued]).toEqual([true, false, false])
    expect(queue.remove(c)).toBe(true)
    queue.add(b, 0, 5)
    expect(take(5)).toEqual([1, 2])
    expect(a.isQueued).toBe(false)
  })

  test('waits once', () => {
    const { queue, add } = begin({})
    const item = add(0)
    expect(() => queue.add(item, 0, 0)).toThrow('an entry waits once')
  })
})

test('a batch that was not taken cannot finish', () => {
  expect(() => begin({}).queue.finished()).toThrow('no batch finishes that was not taken')
})

test.each<BatchingOptions>([
  { queueMaxItems: 0 },
  { queueMaxBytes: 1.5 },
  { batchMaxItems: -1 },
  { batchMaxBytes: Number.NaN },
  { concurrencyMaxBatches: Infinity },
  { lingerMaxMs: -1 },
  { lingerMaxMs: Infinity },
  { lingerMaxMs: Number.NaN },
  { taskLifeMaxMs: 0 },
  { lingerMaxMs: 20, taskLifeMaxMs: 20 },
  { taskLifeMaxMs: Number.NaN },
])('refuses %j', (options) => {
  expect(() => createBatchQueue(options)).toThrow('BATCHING_INVALID_OPTION')
})

interface Modelled {
  readonly item: Item
  readonly bytes: number
  readonly sinceMs: number
}

/** The queue as a list, with every rule in one obvious place. */
class Model {
  waiting: Modelled[] = []
  running = 0
  flushed = new Set<Item>()
  readonly #options: Required<BatchingOptions>

  constructor(options: Required<BatchingOptions>) {
    this.#options = options
  }

  get bytes(): number {
    return this.waiting.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  add(item: Item, bytes: number, nowMs: number): string {
    if (bytes > this.#options.queueMaxBytes) return 'tooLarge'
    if (this.waiting.length === this.#options.queueMaxItems) return 'full'
    if (this.bytes + bytes > this.#options.queueMaxBytes) return 'full'
    this.waiting.push({ item, bytes, sinceMs: nowMs })
    return 'queued'
  }

  take(nowMs: number): Item[] | undefined {
    const { lingerMaxMs, batchMaxItems, batchMaxBytes, concurrencyMaxBatches } = this.#options
    const first = this.waiting[0]
    if (first === undefined || this.running === concurrencyMaxBatches) return undefined
    const isFull = this.waiting.length >= batchMaxItems || this.bytes >= batchMaxBytes
    if (!isFull && nowMs < first.sinceMs + lingerMaxMs && !this.flushed.has(first.item)) return undefined
    let count = 1
    const size = (n: number): number => this.waiting.slice(0, n).reduce((sum, { bytes }) => sum + bytes, 0)
    while (count < Math.min(batchMaxItems, this.waiting.length) && size(count + 1) <= batchMaxBytes) count++
    this.running++
    return this.waiting.splice(0, count).map(({ item }) => item)
  }

  expire(nowMs: number): Item[] {
    const alive = this.waiting.findIndex(({ sinceMs }) => nowMs < sinceMs + this.#options.taskLifeMaxMs)
    return this.waiting.splice(0, alive < 0 ? Infinity : alive).map(({ item }) => item)
  }
}

const optionsArbitrary = fc.record({
  queueMaxItems: fc.integer({ min: 1, max: 8 }),
  queueMaxBytes: fc.integer({ min: 1, max: 60 }),
  lingerMaxMs: fc.constantFrom(0, 5),
  batchMaxItems: fc.integer({ min: 1, max: 5 }),
  batchMaxBytes: fc.integer({ min: 1, max: 30 }),
  concurrencyMaxBatches: fc.integer({ min: 1, max: 2 }),
  taskLifeMaxMs: fc.constantFrom(6, 12),
})
const stepArbitrary = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ type: fc.constant('add' as const), bytes: fc.integer({ min: 0, max: 25 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 7 }) }),
  },
  { weight: 3, arbitrary: fc.constant({ type: 'take' as const }) },
  { weight: 2, arbitrary: fc.constant({ type: 'finish' as const }) },
  { weight: 1, arbitrary: fc.constant({ type: 'expire' as const }) },
  { weight: 1, arbitrary: fc.constant({ type: 'flush' as const }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('remove' as const), at: fc.nat(8) }) },
)

test('whatever happens to it, the queue does what the model says, and is due when it says', () => {
  fc.assert(
    fc.property(optionsArbitrary, fc.array(stepArbitrary, { maxLength: 60 }), (options, steps) => {
      const queue = createBatchQueue<Item>(options)
      const model = new Model(options)
      let nowMs = 0
      for (const step of steps) {
        const dueMs = queue.nextDueMs()
        switch (step.type) {
          case 'add': {
            const item = new Item(0)
            expect(queue.add(item, step.bytes, nowMs)).toBe(model.add(item, step.bytes, nowMs))
            break
          }
          case 'pass':
            nowMs += step.ms
            break
          case 'take': {
            const batch = queue.takeBatch(nowMs)
            expect(batch).toEqual(model.take(nowMs))
            if (batch !== undefined) expect(dueMs).toBeLessThanOrEqual(nowMs)
            break
          }
          case 'finish':
            if (model.running === 0) break
            model.running--
            queue.finished()
            break
          case 'expire':
            expect(queue.takeExpired(nowMs)).toEqual(model.expire(nowMs))
            break
          case 'flush':
            queue.flush()
            for (const { item } of model.waiting) model.flushed.add(item)
            break
          case 'remove': {
            const [found] = model.waiting.splice(step.at, 1)
            if (found !== undefined) expect(queue.remove(found.item)).toBe(true)
          }
        }
        expect([queue.length, queue.bytes, queue.runningBatches]).toEqual([
          model.waiting.length,
          model.bytes,
          model.running,
        ])
        expect(queue.nextDueMs() === undefined).toBe(model.waiting.length === 0)
      }
    }),
    { numRuns: 2_000 },
  )
})
