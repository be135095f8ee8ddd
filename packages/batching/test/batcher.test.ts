import { type BatcherParts, type BatchingOptions, createBatcher, ItemFailure } from '@orrery/batching'
import { createManualClock } from '@orrery/environment/testing'
import { describe, expect, test } from 'vitest'

/** Lets what is chained to promises happen. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

interface Call {
  readonly items: readonly number[]
  readonly resolve: (results: readonly (string | ItemFailure)[]) => void
  readonly reject: (error: unknown) => void
}

/** A batcher of numbers whose batches a test answers. */
function begin(options: BatchingOptions = {}, parts: Partial<BatcherParts<number, string>> = {}) {
  const clock = createManualClock()
  const calls: Call[] = []
  const run = (items: readonly number[]): Promise<readonly (string | ItemFailure)[]> =>
    new Promise((resolve, reject) => calls.push({ items, resolve, reject }))
  const batcher = createBatcher<number, string>({ clock, run, ...parts }, options)
  /** Submits, and keeps what becomes of it. */
  const submit = (item: number, signal?: AbortSignal) => {
    const outcome: { value?: unknown; error?: unknown } = {}
    batcher.submit(item, signal === undefined ? {} : { signal }).then(
      (value) => (outcome.value = value),
      (error: unknown) => (outcome.error = error),
    )
    return outcome
  }
  const answer = async (call: number): Promise<void> => {
    calls[call]?.resolve(calls[call].items.map((item) => `r${item}`))
    await settled()
  }
  return { clock, calls, batcher, submit, answer, batches: () => calls.map(({ items }) => items) }
}

const code = (name: string) => ({ error: expect.objectContaining({ code: name }) as unknown })

describe('items', () => {
  test('of one turn are one batch, and each gets its own result', async () => {
    const { submit, answer, batches, calls } = begin()
    const outcomes = [1, 2, 3].map((item) => submit(item))
    expect(calls).toEqual([])
    await settled()
    expect(batches()).toEqual([[1, 2, 3]])
    await answer(0)
    expect(outcomes).toEqual([{ value: 'r1' }, { value: 'r2' }, { value: 'r3' }])
  })

  test('that come while a batch runs are the next one', async () => {
    const { submit, answer, batches } = begin()
    submit(1)
    await settled()
    submit(2)
    await settled()
    submit(3)
    await settled()
    expect(batches()).toEqual([[1]])
    await answer(0)
    expect(batches()).toEqual([[1], [2, 3]])
  })

  test('run in as many batches at once as may run, in their order', async () => {
    const { submit, answer, batches } = begin({ batchMaxItems: 2, concurrencyMaxBatches: 2 })
    const outcomes = [1, 2, 3, 4, 5].map((item) => submit(item))
    await settled()
    expect(batches()).toEqual([
      [1, 2],
      [3, 4],
    ])
    await answer(1)
    expect(batches()[2]).toEqual([5])
    expect(outcomes.map(({ value }) => value)).toEqual([undefined, undefined, 'r3', 'r4', undefined])
  })

  test('linger for others, but not when their batch is full', async () => {
    const { clock, submit, batches } = begin({ lingerMaxMs: 5, batchMaxItems: 3, concurrencyMaxBatches: 9 })
    submit(1)
    await settled()
    clock.advance(4)
    submit(2)
    await settled()
    expect(batches()).toEqual([])
    clock.advance(1)
    expect(batches()).toEqual([[1, 2]])
    for (const item of [3, 4, 5, 6]) submit(item)
    await settled()
    expect(batches()).toEqual([
      [1, 2],
      [3, 4, 5],
    ])
    clock.advance(5)
    expect(batches()[2]).toEqual([6])
  })

  test('that waited for a place to run linger no longer than others', async () => {
    const { clock, submit, answer, batches } = begin({ lingerMaxMs: 5, batchMaxItems: 2 })
    submit(1)
    submit(2)
    await settled()
    submit(3)
    await settled()
    await answer(0)
    clock.advance(4)
    expect(batches()).toEqual([[1, 2]])
    clock.advance(1)
    expect(batches()).toEqual([[1, 2], [3]])
  })

  test('are flushed when the host says so', async () => {
    const { batcher, submit, batches } = begin({ lingerMaxMs: 5 })
    submit(1)
    batcher.flush()
    expect(batches()).toEqual([[1]])
    await settled()
    expect(batches()).toEqual([[1]])
  })

  test('are cut into batches by their size', async () => {
    const { submit, batches } = begin(
      { batchMaxBytes: 10, concurrencyMaxBatches: 9 },
      { sizeOf: (item) => item },
    )
    for (const item of [4, 6, 1, 20, 9]) submit(item)
    await settled()
    expect(batches()).toEqual([[4, 6], [1], [20], [9]])
  })
})

describe('an item fails', () => {
  test('with its batch', async () => {
    const { submit, calls, batcher } = begin()
    const outcomes = [submit(1), submit(2)]
    await settled()
    const error = new Error('no leader')
    calls[0]?.reject(error)
    await settled()
    expect(outcomes).toEqual([{ error }, { error }])
    expect(batcher.stats()).toMatchObject({ failed: 2, succeeded: 0, running: 0 })
  })

  test('when `run` throws', async () => {
    const { submit } = begin(
      {},
      {
        run: () => {
          throw new Error('a bug')
        },
      },
    )
    const outcome = submit(1)
    await settled()
    expect(outcome.error).toEqual(new Error('a bug'))
  })

  test('alone, when its result is a failure', async () => {
    const { submit, calls, batcher } = begin()
    const outcomes = [submit(1), submit(2), submit(3)]
    await settled()
    calls[0]?.resolve(['a', new ItemFailure('refused'), 'c'])
    await settled()
    expect(outcomes).toEqual([{ value: 'a' }, { error: 'refused' }, { value: 'c' }])
    expect(batcher.stats()).toMatchObject({ succeeded: 2, failed: 1 })
  })

  test.each([[[]], [['a', 'b', 'c']]])('when its batch has results for others: %j', async (results) => {
    const { submit, calls } = begin()
    const outcomes = [submit(1), submit(2)]
    await settled()
    calls[0]?.resolve(results)
    await settled()
    for (const { error } of outcomes) expect(String(error)).toMatch(`${results.length} results of 2 items`)
  })

  test('at once, when too many wait', async () => {
    const { submit, batcher, batches, answer } = begin({ queueMaxItems: 2 })
    const outcomes = [1, 2, 3].map((item) => submit(item))
    await settled()
    expect(outcomes[2]).toEqual(code('BATCHING_QUEUE_FULL'))
    expect(batcher.stats().dropped.full).toBe(1)
    // Those that run do not count.
    submit(4)
    submit(5)
    await answer(0)
    expect(batches()).toEqual([
      [1, 2],
      [4, 5],
    ])
  })

  test('at once, when too much waits or it is too large', async () => {
    const { submit, batcher } = begin({ queueMaxBytes: 10 }, { sizeOf: (item) => item })
    const outcomes = [6, 5, 11, 4].map((item) => submit(item))
    await settled()
    expect(outcomes[1]).toEqual(code('BATCHING_QUEUE_FULL'))
    expect(outcomes[2]).toEqual(code('BATCHING_ITEM_TOO_LARGE'))
    expect(batcher.stats()).toMatchObject({ running: 2, dropped: { full: 2 } })
  })

  test('when it has waited too long, and is never run', async () => {
    const { clock, submit, batcher, batches, answer } = begin({ taskLifeMaxMs: 100 })
    submit(1)
    await settled()
    const late = submit(2)
    await settled()
    clock.advance(60)
    const later = submit(3)
    await settled()
    clock.advance(39)
    await settled()
    expect(late).toEqual({})
    clock.advance(1)
    await settled()
    expect(late).toEqual(code('BATCHING_EXPIRED'))
    expect(String(late.error)).toContain('it waited for 100 ms')
    expect(batcher.stats().dropped.expired).toBe(1)
    await answer(0)
    expect(batches()).toEqual([[1], [3]])
    expect(later).toEqual({})
    clock.advance(1_000)
    await answer(1)
    expect(later).toEqual({ value: 'r3' })
  })

  test('after a pause of the process, rather than being run late', async () => {
    const { clock, submit, batches } = begin({ lingerMaxMs: 5, taskLifeMaxMs: 100 })
    const outcome = submit(1)
    // The turn does not end for a long time.
    clock.advance(200)
    await settled()
    expect([batches(), outcome]).toEqual([[], code('BATCHING_EXPIRED')])
  })
})

describe('a signal', () => {
  test('that has fired keeps its item out', async () => {
    const { submit, batches, batcher } = begin()
    const reason = new Error('gone')
    const outcome = submit(1, AbortSignal.abort(reason))
    await settled()
    expect([batches(), outcome]).toEqual([[], { error: reason }])
    expect(batcher.stats().dropped.aborted).toBe(1)
  })

  test('takes its item out of the queue', async () => {
    const { submit, batches, answer, batcher, clock } = begin()
    submit(1)
    await settled()
    const controller = new AbortController()
    const outcomes = [submit(2), submit(3, controller.signal), submit(4)]
    await settled()
    controller.abort('gone')
    await settled()
    expect(outcomes[1]).toEqual({ error: 'gone' })
    await answer(0)
    expect(batches()).toEqual([[1], [2, 4]])
    expect(batcher.stats().dropped.aborted).toBe(1)
    clock.advance(20_000)
  })

  test('ends the waiting for an item that runs, and not its batch', async () => {
    const { submit, answer, batcher } = begin()
    const controller = new AbortController()
    const outcomes = [submit(1, controller.signal), submit(2)]
    await settled()
    controller.abort('gone')
    await settled()
    expect(outcomes).toEqual([{ error: 'gone' }, {}])
    await answer(0)
    expect(outcomes).toEqual([{ error: 'gone' }, { value: 'r2' }])
    expect(batcher.stats().dropped.aborted).toBe(0)
  })

  test('is not listened to any longer than needed', async () => {
    const { submit, answer, calls } = begin()
    let listeners = 0
    const controller = new AbortController()
    const { signal } = controller
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...parameters: Parameters<typeof add>) => {
      listeners++
      add(...parameters)
    }
    signal.removeEventListener = (...parameters: Parameters<typeof remove>) => {
      listeners--
      remove(...parameters)
    }
    submit(1, signal)
    submit(2, signal)
    await settled()
    expect(listeners).toBe(2)
    await answer(0)
    submit(3, signal)
    await settled()
    calls[1]?.reject(new Error('no'))
    await settled()
    expect(listeners).toBe(0)
  })
})

describe('closing', () => {
  test('runs what waits, without lingering, and waits for it', async () => {
    const { submit, batcher, batches, answer, clock } = begin({ lingerMaxMs: 1_000, batchMaxItems: 2 })
    const outcomes = [1, 2, 3].map((item) => submit(item))
    let isClosed = false
    const closed = batcher.close()
    void closed.then(() => {
      isClosed = true
    })
    expect(batcher.close()).toBe(closed)
    const late = submit(4)
    await settled()
    expect(late).toEqual(code('BATCHING_CLOSED'))
    await answer(0)
    expect([batches(), isClosed]).toEqual([[[1, 2], [3]], false])
    await answer(1)
    expect(isClosed).toBe(true)
    expect(outcomes.map(({ value }) => value)).toEqual(['r1', 'r2', 'r3'])
    expect([clock.pending, batcher.stats().dropped.closed]).toEqual([0, 1])
  })

  test('is done at once when there is nothing to do, and leaves no timer', async () => {
    const { submit, batcher, clock, answer } = begin({ lingerMaxMs: 5 })
    submit(1)
    await settled()
    clock.advance(5)
    await answer(0)
    submit(2)
    await settled()
    batcher.flush()
    await answer(1)
    await batcher[Symbol.asyncDispose]()
    expect(clock.pending).toBe(0)
  })

  test('still drops what waits too long', async () => {
    const { submit, batcher, clock, answer } = begin({ taskLifeMaxMs: 100, batchMaxItems: 1 })
    submit(1)
    const late = submit(2)
    await settled()
    const closed = batcher.close()
    clock.advance(100)
    await answer(0)
    await closed
    expect(late).toEqual(code('BATCHING_EXPIRED'))
  })

  test('ends when the last item that waits is taken back', async () => {
    const { submit, batcher, answer } = begin({ batchMaxItems: 1 })
    submit(1)
    const controller = new AbortController()
    submit(2, controller.signal)
    await settled()
    const closed = batcher.close()
    controller.abort()
    await answer(0)
    await closed
    expect(batcher.stats()).toMatchObject({ succeeded: 1, dropped: { aborted: 1 } })
  })
})

test('the counts tell where everything is', async () => {
  const { submit, batcher, answer } = begin({ batchMaxItems: 2 }, { sizeOf: (item) => item })
  for (const item of [1, 2, 3, 4, 5]) submit(item)
  expect(batcher.stats()).toMatchObject({ queued: 5, queuedBytes: 15, running: 0, runningBatches: 0 })
  await settled()
  expect(batcher.stats()).toMatchObject({ queued: 3, queuedBytes: 12, running: 2, runningBatches: 1 })
  for (const call of [0, 1, 2]) await answer(call)
  expect(batcher.stats()).toEqual({
    queued: 0,
    queuedBytes: 0,
    running: 0,
    runningBatches: 0,
    batches: 3,
    succeeded: 5,
    failed: 0,
    dropped: { full: 0, expired: 0, aborted: 0, closed: 0 },
  })
})

test('items may be submitted by what runs, and by what gets a result', async () => {
  const clock = createManualClock()
  const seen: number[][] = []
  const batcher = createBatcher<number, number>({
    clock,
    run: (items) => {
      seen.push([...items])
      if (items[0] === 1) void batcher.submit(10)
      return Promise.resolve(items)
    },
  })
  const first = await batcher.submit(1)
  await batcher.submit(first + 1)
  expect(seen).toEqual([[1], [10, 2]])
})
