import { createMemoryStore, inMemoryCluster, type Store } from '@orrery/store'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startInOrder, type StartInOrderOptions } from '../src/start-in-order.ts'
import { createFaultyStore, hang } from './faulty-store.ts'
import { createVirtualTime, errorOf, type VirtualTime } from './virtual-time.ts'

const ttlMs = 5_000
/** A store of ours goes on looking for leases for so long after the last one ended. Unit: ms. */
const sweepMaxMs = 500

let time: VirtualTime
let store: Store

beforeEach(() => {
  time = createVirtualTime()
  store = createMemoryStore({ environment: time.environment })
})

afterEach(async () => {
  await time.until(store.close())
})

/** A start that goes on until the test ends it. */
interface Starting {
  readonly name: string
  isRunning: boolean
  signal: AbortSignal | undefined
  end: (error?: Error) => void
  readonly result: Promise<unknown>
}

/** Queues a member. Resolves when what it can do without time is done. */
async function queue(
  name: string,
  options: StartInOrderOptions = {},
  on: Pick<Store, 'range' | 'txn' | 'watch' | 'leases'> = store,
): Promise<Starting> {
  const { environment } = time
  const starting = {
    name,
    isRunning: false,
    signal: undefined as AbortSignal | undefined,
    end: (): void => {},
  }
  const start = ({ signal }: { signal: AbortSignal }): Promise<string> => {
    starting.isRunning = true
    starting.signal = signal
    return new Promise<string>((resolve, reject) => {
      starting.end = (error?: Error) => {
        starting.isRunning = false
        if (error === undefined) resolve(name)
        else reject(error)
      }
    })
  }
  const work = startInOrder({ store: on, environment }, { ttlMs, name, ...options }, start)
  const result = work.catch((error: unknown) => error)
  await time.settle()
  return Object.assign(starting, { result })
}

const runningOf = (all: readonly Starting[]): string[] =>
  all.filter(({ isRunning }) => isRunning).map(({ name }) => name)

const linesOf = (message: string): Record<string, unknown>[] =>
  time.environment.logger.lines.filter((line) => line.message.startsWith(message)).map(({ fields }) => fields)

const queued = async (): Promise<number> =>
  (await time.until(store.range({ key: 'registry/start/', rangeEnd: 'registry/start0' }))).kvs.length

describe('starting in order', () => {
  test('lets members start one after another, in the order in which they came', async () => {
    const before = time.pending()
    const all: Starting[] = []
    for (let n = 0; n < 5; n++) all.push(await queue(`m${n}`))
    for (const [n, starting] of all.entries()) {
      await time.pass(3 * ttlMs)
      expect(runningOf(all)).toEqual([`m${n}`])
      starting.end()
      expect(await time.until(starting.result)).toBe(`m${n}`)
    }
    expect(await queued()).toBe(0)
    await time.pass(sweepMaxMs)
    expect(time.pending()).toBe(before)
  })

  test('lets as many start at a time as it is told', async () => {
    const all: Starting[] = []
    for (let n = 0; n < 6; n++) all.push(await queue(`m${n}`, { concurrency: 3 }))
    expect(runningOf(all)).toEqual(['m0', 'm1', 'm2'])
    all[1]?.end()
    await time.settle()
    expect(runningOf(all)).toEqual(['m0', 'm2', 'm3'])
    all[0]?.end()
    all[3]?.end()
    await time.settle()
    expect(runningOf(all)).toEqual(['m2', 'm4', 'm5'])
    for (const starting of all) starting.end()
    await time.until(Promise.all(all.map(({ result }) => result)))
  })

  test('does not hold up members with another key', async () => {
    const all = [await queue('m0'), await queue('m1', { key: 'default/other' })]
    expect(runningOf(all)).toEqual(['m0', 'm1'])
    for (const starting of all) starting.end()
    await time.until(Promise.all(all.map(({ result }) => result)))
  })

  test('lets the next one start when a start fails, and hands the failure on', async () => {
    const all = [await queue('m0'), await queue('m1')]
    all[0]?.end(new Error('no disk'))
    expect(await time.until(all[0]?.result ?? hang())).toMatchObject({ message: 'no disk' })
    await time.settle()
    expect(runningOf(all)).toEqual(['m1'])
    all[1]?.end()
    await all[1]?.result
  })

  test('wakes one member with each end, not all of them', async () => {
    const watched = createFaultyStore(store)
    const all: Starting[] = []
    for (let n = 0; n < 20; n++) all.push(await queue(`m${n}`, {}, watched))
    const { range, watch } = watched.calls
    all[0]?.end()
    await time.settle()
    expect(runningOf(all)).toEqual(['m1'])
    expect(watched.calls).toMatchObject({ range: range + 1, watch })
    for (const starting of all) {
      starting.end()
      await time.settle()
    }
  })

  test('has each member look at the one before it alone', async () => {
    const watched: unknown[] = []
    const spied = {
      ...createFaultyStore(store),
      watch: (...[request, options]: Parameters<Store['watch']>) => {
        watched.push(request)
        return store.watch(request, options)
      },
    }
    const all: Starting[] = []
    for (let n = 0; n < 4; n++) all.push(await queue(`m${n}`, {}, spied))
    const { kvs } = await time.until(
      store.range({ key: 'registry/start/', rangeEnd: 'registry/start0', sortTarget: 'createRevision' }),
    )
    const keys = kvs.slice(0, 3).map(({ keyString }) => keyString)
    expect(watched).toEqual(keys.map((key) => expect.objectContaining({ key }) as unknown))
    expect(watched).not.toContainEqual(expect.objectContaining({ rangeEnd: expect.anything() as unknown }))
    for (const starting of all) {
      starting.end()
      await time.settle()
    }
  })

  test('refuses options that make no sense', async () => {
    const wrong: StartInOrderOptions[] = [
      { concurrency: 0 },
      { concurrency: 1.5 },
      { ttlMs: 999 },
      { ttlMs: Infinity },
      { waitMaxMs: 0 },
      { prefix: 'no-slash' },
    ]
    for (const options of wrong) {
      const work = startInOrder({ store }, options, () => Promise.resolve())
      expect(await errorOf(work), JSON.stringify(options)).toMatchObject({ code: 'REGISTRY_OPTION_INVALID' })
    }
  })
})

describe('a member that dies', () => {
  test('while it starts holds the others up for no longer than its time to live', async () => {
    const dying = createFaultyStore(store)
    const all = [await queue('m0', {}, dying), await queue('m1'), await queue('m2')]
    dying.faults.keepAlive = hang
    await time.pass(ttlMs - 1_000)
    expect(runningOf(all)).toEqual(['m0'])
    // From its own clock, it knows before anybody else begins.
    expect(all[0]?.signal?.aborted).toBe(false)
    await time.untilSo(() => all[0]?.signal?.aborted === true)
    expect(all[1]?.isRunning).toBe(false)
    await time.pass(1_500)
    expect(all[1]?.isRunning).toBe(true)
    expect(all[2]?.isRunning).toBe(false)
    for (const starting of all) starting.end()
    expect(await time.until(all[0]?.result ?? hang())).toBe('m0')
    await time.settle()
    all[2]?.end()
    await time.until(Promise.all(all.map(({ result }) => result)))
  })

  test('while it waits is passed over', async () => {
    const dying = createFaultyStore(store)
    const all = [await queue('m0'), await queue('m1', {}, dying), await queue('m2')]
    for (const name of ['keepAlive', 'range', 'txn', 'grant'] as const) dying.faults[name] = hang
    await time.pass(2 * ttlMs)
    expect(runningOf(all)).toEqual(['m0'])
    all[0]?.end()
    await time.settle()
    expect(runningOf(all)).toEqual(['m2'])
    all[2]?.end()
    await time.until(all[2]?.result ?? hang())
    dying.faults.keepAlive = dying.faults.range = dying.faults.txn = dying.faults.grant = undefined
    await time.untilSo(() => all[1]?.isRunning === true)
    all[1]?.end()
    await time.until(all[1]?.result ?? hang())
  })

  test('learns that its turn is over when the store has its lease no more', async () => {
    const all = [await queue('m0'), await queue('m1')]
    const [lease] = await time.until(store.leases.list())
    await time.until(store.leases.revoke(lease ?? 0n))
    await time.untilSo(() => all[0]?.signal?.aborted === true)
    expect(all[0]?.signal?.reason).toMatchObject({ code: 'REGISTRY_UNAVAILABLE' })
    for (const starting of all) starting.end()
    await time.until(Promise.all(all.map(({ result }) => result)))
  })
})

describe('a member that waits', () => {
  test('queues again at the end when it lost its place', async () => {
    const all = [await queue('m0'), await queue('m1'), await queue('m2')]
    const { kvs } = await time.until(store.range({ key: 'registry/start/', rangeEnd: 'registry/start0' }))
    const lost = kvs.find(({ value }) => Buffer.from(value).toString().includes('m1'))
    await time.until(store.leases.revoke(lost?.lease ?? 0n))
    await time.pass(ttlMs)
    expect(await queued()).toBe(3)
    for (const name of ['m0', 'm2', 'm1']) {
      expect(runningOf(all)).toEqual([name])
      all.find((starting) => starting.name === name)?.end()
      await time.settle()
    }
    await time.until(Promise.all(all.map(({ result }) => result)))
  })

  test('does not begin before it is sure of its place', async () => {
    const unsure = createFaultyStore(store)
    const all = [await queue('m0'), await queue('m1', {}, unsure)]
    // The store renews, but nobody hears of it.
    unsure.faults.keepAlive = async (call) => {
      await call()
      await hang()
    }
    await time.pass(2 * ttlMs)
    all[0]?.end()
    await time.pass(1_000)
    expect(await queued()).toBe(1)
    expect(all[1]?.isRunning).toBe(false)
    unsure.faults.keepAlive = undefined
    await time.untilSo(() => all[1]?.isRunning === true)
    expect(all[1]?.signal?.aborted).toBe(false)
    all[1]?.end()
    await time.until(all[1]?.result ?? hang())
  })

  test('says each 10 s for whom it waits', async () => {
    const all = [await queue('m0'), await queue('m1'), await queue('m2')]
    await time.pass(9_900)
    expect(linesOf('still waiting')).toEqual([])
    await time.pass(200)
    expect(linesOf('still waiting')).toEqual([
      { key: 'default', waitedMs: 10_000, holders: ['m0'] },
      { key: 'default', waitedMs: 10_000, holders: ['m0'] },
    ])
    all[0]?.end()
    await time.pass(10_000)
    expect(linesOf('still waiting').slice(2)).toEqual([{ key: 'default', waitedMs: 20_000, holders: ['m1'] }])
    all[1]?.end()
    await time.settle()
    all[2]?.end()
    await time.until(Promise.all(all.map(({ result }) => result)))
  })

  test('gives up when it has waited for as long as it may, and its place with that', async () => {
    const first = await queue('m0')
    const second = await queue('m1', { waitMaxMs: 3_000 })
    expect(await queued()).toBe(2)
    expect(await time.until(second.result)).toMatchObject({
      code: 'REGISTRY_OVERLOADED',
      message: expect.stringContaining('m0') as string,
    })
    expect(time.environment.clock.nowMs()).toBeLessThanOrEqual(3_100)
    expect(await queued()).toBe(1)
    expect(second.signal).toBeUndefined()
    first.end()
    await time.until(first.result)
  })

  test('gives up with its signal; one that starts is handed it', async () => {
    const stop = new AbortController()
    const all = [await queue('m0', { signal: stop.signal }), await queue('m1', { signal: stop.signal })]
    stop.abort(new Error('enough'))
    expect(await time.until(all[1]?.result ?? hang())).toMatchObject({ message: 'enough' })
    expect(all[0]?.signal?.reason).toMatchObject({ message: 'enough' })
    expect(await queued()).toBe(1)
    all[0]?.end()
    expect(await time.until(all[0]?.result ?? hang())).toBe('m0')
  })

  test('leaves nothing behind when it gives up at any moment', async () => {
    const before = time.pending()
    const first = await queue('m0')
    for (let turns = 0; turns < 60; turns++) {
      const stop = new AbortController()
      const work = startInOrder(
        { store, environment: time.environment },
        { ttlMs, signal: stop.signal },
        () => Promise.resolve('started'),
      ).catch((error: unknown) => error)
      for (let n = 0; n < turns; n++) await Promise.resolve()
      stop.abort(new Error('enough'))
      expect(await time.until(work)).toMatchObject({ message: 'enough' })
    }
    await time.pass(2 * ttlMs)
    expect(await queued()).toBe(1)
    expect(await time.until(store.leases.list())).toHaveLength(1)
    first.end()
    await time.until(first.result)
    await time.pass(sweepMaxMs)
    expect(time.pending()).toBe(before)
  })

  test('ends with the store', async () => {
    const first = await queue('m0')
    const second = await queue('m1')
    await time.until(store.close())
    expect(await time.until(second.result)).toMatchObject({ code: 'STORE_CLOSED' })
    first.end()
    expect(await time.until(first.result)).toBe('m0')
  })
})

test('in a cluster, who is cut off stops before another one starts', async () => {
  const cluster = await time.until(inMemoryCluster({ environment: time.environment }))
  const leader = await time.until(cluster.leader())
  const [own, other] = cluster.members.filter((member) => member.store !== leader)
  if (own === undefined || other === undefined) throw new Error('three members')
  const first = await queue('m0', {}, own.store)
  await time.untilSo(() => first.isRunning)
  const second = await queue('m1', {}, other.store)
  await time.pass(2 * ttlMs)
  expect(second.isRunning).toBe(false)
  cluster.network.isolate(own.name)
  await time.untilSo(() => first.signal?.aborted === true)
  expect(second.isRunning).toBe(false)
  await time.untilSo(() => second.isRunning)
  cluster.network.heal()
  first.end()
  second.end()
  await time.until(Promise.all([first.result, second.result]))
  await time.until(cluster.close())
})

test('never more than may start at a time, everybody in the end, and in the order of arrival, whoever dies', async () => {
  const member = fc.record({
    arrivesMs: fc.integer({ min: 0, max: 20_000 }),
    startsForMs: fc.integer({ min: 0, max: 8_000 }),
    dies: fc.boolean(),
  })
  const members = fc.array(member, { minLength: 1, maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 3 }), members, async (concurrency, plan) => {
      const own = createVirtualTime()
      const { environment } = own
      const shared = createMemoryStore({ environment })
      const running = new Set<number>()
      const order: number[] = []
      let most = 0
      const waited = (ms: number): Promise<void> =>
        new Promise((resolve) => environment.clock.setTimer(ms, resolve))
      const takePart = async (
        { arrivesMs, startsForMs, dies }: (typeof plan)[number],
        n: number,
      ): Promise<void> => {
        await waited(arrivesMs)
        const faulty = createFaultyStore(shared)
        await startInOrder({ store: faulty, environment }, { ttlMs, concurrency }, async ({ signal }) => {
          order.push(n)
          running.add(n)
          most = Math.max(most, running.size)
          // Dead: nothing is heard of it any more, and it stops when it should.
          if (dies) {
            for (const name of ['keepAlive', 'revoke'] as const) faulty.faults[name] = hang
            await new Promise((resolve) => signal.addEventListener('abort', resolve))
          } else await waited(startsForMs)
          running.delete(n)
        })
      }
      await own.until(Promise.all(plan.map(takePart)))
      expect(most).toBeLessThanOrEqual(concurrency)
      expect([...order].sort()).toEqual(plan.map((_, n) => n))
      const arrivals = order.map((n) => plan[n]?.arrivesMs ?? 0)
      expect(arrivals).toEqual([...arrivals].sort((a, b) => a - b))
      await own.until(shared.close())
    }),
    { numRuns: 20 },
  )
})
