import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type CallOptions, createMemoryStore, inMemoryCluster, type Store, StoreError } from '@orrery/store'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  type CheckerEntry,
  type CheckerRecord,
  type CheckerRecordDeps,
  createCheckerRecord,
  decodeCheckerRecord,
} from '../../src/health/checker-record.ts'
import { createFaultyStore, type FaultyStore, hang } from '../faulty-store.ts'
import { createVirtualTime, errorOf, type VirtualTime } from '../virtual-time.ts'

const ttlMs = 5_000
const key = 'registry/checkers/a'
/** A store of ours goes on looking for leases for so long after the last one ended. Unit: ms. */
const sweepMaxMs = 500

let time: VirtualTime
let inner: Store
let store: FaultyStore
let records: CheckerRecord[]
let told: (CheckerEntry | undefined)[]

beforeEach(() => {
  time = createVirtualTime()
  inner = createMemoryStore({ environment: time.environment })
  store = createFaultyStore(inner)
  records = []
  told = []
})

afterEach(async () => {
  await time.until(Promise.all(records.map((record) => record.close())))
  await time.until(inner.close())
})

function create(on: CheckerRecordDeps['store'] = store, address = 'host-1'): CheckerRecord {
  const { environment } = time
  const onReplaced = (other: CheckerEntry | undefined): unknown => told.push(other)
  const record = createCheckerRecord(
    { store: on, environment, prefix: 'registry/', name: 'a', address, onReplaced },
    { ttlMs },
  )
  records.push(record)
  return record
}

async function started(on: CheckerRecordDeps['store'] = store, address?: string): Promise<CheckerRecord> {
  const record = create(on, address)
  await time.until(record.start())
  return record
}

const now = (): number => time.environment.clock.nowMs()

async function present(): Promise<
  { entry: CheckerEntry | undefined; revision: number; lease: bigint } | undefined
> {
  const kv = await time.until(inner.get(key))
  return kv && { entry: decodeCheckerRecord(kv.value), revision: kv.modRevision, lease: kv.lease }
}

const errors = (): string[] =>
  time.environment.logger.lines.filter(({ level }) => level === 'error').map(({ message }) => message)

describe('a record that is never closed, like that of a simulated process that was killed', () => {
  test('leaves no memory behind', async () => {
    setFlagsFromString('--expose-gc')
    const collectGarbage = runInNewContext('gc') as () => void
    const use = async (): Promise<WeakRef<Store>> => {
      const own = createVirtualTime()
      const { environment } = own
      const killed = createMemoryStore({ environment })
      const deps = { store: killed, environment, prefix: 'registry/', name: 'a', address: 'host-1' }
      const record = createCheckerRecord({ ...deps, onReplaced: () => {} }, { ttlMs })
      await own.until(record.start())
      await own.settle()
      return new WeakRef(killed)
    }
    const stores: WeakRef<Store>[] = []
    for (let n = 0; n < 10; n++) stores.push(await use())
    await time.settle()
    await vi.waitFor(
      () => {
        collectGarbage()
        expect(stores.filter((one) => one.deref() !== undefined)).toHaveLength(0)
      },
      { timeout: 30_000 },
    )
  })
})

describe('the record of a member', () => {
  test('stands from start to close, and is valid for as long', async () => {
    const before = time.pending()
    const record = create()
    expect(record.isValid(now())).toBe(false)
    expect(record.revision).toBeUndefined()
    await time.until(record.start())
    await time.pass(4 * ttlMs)
    expect(record.isValid(now())).toBe(true)
    expect(await present()).toMatchObject({
      entry: { address: 'host-1', life: record.life },
      revision: record.revision,
    })
    await time.until(Promise.all([record.close(), record.close()]))
    expect(record.isValid(now())).toBe(false)
    expect(record.revision).toBeUndefined()
    expect(await present()).toBeUndefined()
    await time.pass(sweepMaxMs)
    expect(time.pending()).toBe(before)
  })

  test('is not written to when nothing happens', async () => {
    const { revision } = await started()
    await time.pass(10 * ttlMs)
    expect((await present())?.revision).toBe(revision)
    expect(store.calls.txn).toBe(1)
  })

  test('has its name escaped', async () => {
    const record = createCheckerRecord(
      { store, environment: time.environment, prefix: 'p/', name: 'a/b c', address: '' },
      { ttlMs },
    )
    records.push(record)
    await time.until(record.start())
    expect(await time.until(inner.get('p/checkers/a%2Fb%20c'))).toBeDefined()
  })

  test('is written anew by the same life when its lease is lost, and is not valid in between', async () => {
    const record = await started()
    const first = await present()
    await time.until(inner.leases.revoke(first?.lease ?? 0n))
    await time.untilSo(() => record.revision !== first?.revision)
    expect(record.isValid(now())).toBe(false)
    await time.untilSo(() => record.isValid(now()))
    const second = await present()
    expect(second?.revision).toBe(record.revision)
    expect(second?.entry).toEqual(first?.entry)
    expect(second?.lease).not.toBe(first?.lease)
    expect(told).toEqual([])
  })

  test('is written anew when somebody deletes it', async () => {
    const record = await started()
    const { revision } = record
    await time.until(inner.deleteRange({ key }))
    await time.untilSo(() => record.isValid(now()) && record.revision !== revision)
    expect((await present())?.revision).toBe(record.revision)
  })

  test('is not valid any more when renewals hang, and is again when they come through', async () => {
    const record = await started()
    const { revision } = record
    store.faults.keepAlive = hang
    await time.pass(4_490)
    expect(record.isValid(now())).toBe(true)
    await time.pass(20)
    expect(record.isValid(now())).toBe(false)
    expect(record.revision).toBe(revision)
    store.faults.keepAlive = undefined
    await time.untilSo(() => record.isValid(now()))
    expect((await present())?.revision).toBe(record.revision)
  })

  test('is written anew when its lease is lost although nothing of that is seen', async () => {
    const blind = {
      ...store,
      watch: (_: unknown, options: CallOptions) => inner.watch({ key: 'else' }, options),
    }
    const record = await started(blind)
    const { revision } = record
    await time.until(inner.leases.revoke((await present())?.lease ?? 0n))
    await time.untilSo(() => record.isValid(now()) && record.revision !== revision)
    expect((await present())?.revision).toBe(record.revision)
  })

  test('is still watched after a watch failed', async () => {
    store.faults.watch = (call) => {
      if (store.calls.watch > 2) return call()
      throw new StoreError('STORE_TIMED_OUT', 'no answer')
    }
    const record = await started()
    const { revision } = record
    await time.until(inner.deleteRange({ key }))
    await time.untilSo(() => record.isValid(now()) && record.revision !== revision)
  })

  test('is found to be written although the answer was lost', async () => {
    store.faults.txn = async (call) => {
      await call()
      if (store.calls.txn === 1) throw new StoreError('STORE_TIMED_OUT', 'no answer')
    }
    const record = await started()
    expect(record.isValid(now())).toBe(true)
    expect(record.revision).toBe((await present())?.revision)
    expect(store.calls.txn).toBe(1)
  })

  test('gets another lease when the first one ended before it was written', async () => {
    store.faults.txn = async (call) => {
      const [lease] = await inner.leases.list()
      if (store.calls.txn === 1) await inner.leases.revoke(lease ?? 0n)
      return await call()
    }
    const record = await started()
    expect(record.isValid(now())).toBe(true)
    expect(store.calls.grant).toBe(2)
    // At once, not only when a renewal tells.
    expect(store.calls.keepAlive).toBe(0)
  })
})

describe('starting', () => {
  test('goes on until the store answers', async () => {
    for (const name of ['range', 'grant', 'txn'] as const) {
      store.faults[name] = (call) => {
        if (store.calls[name] > 3) return call()
        return store.calls[name] === 1
          ? hang()
          : Promise.reject(new StoreError('STORE_NO_LEADER', 'nobody leads'))
      }
    }
    const record = await started()
    expect(record.isValid(now())).toBe(true)
  })

  test('ends with its signal, and can be tried again', async () => {
    store.faults.txn = hang
    const record = create()
    const stop = new AbortController()
    const starting = errorOf(record.start({ signal: stop.signal }))
    await time.pass(100)
    stop.abort(new Error('enough'))
    expect(await time.until(starting)).toMatchObject({ message: 'enough' })
    expect(await time.until(inner.leases.list())).toEqual([])
    store.faults.txn = undefined
    await time.until(record.start())
    expect(record.isValid(now())).toBe(true)
  })

  test('ends when it is closed, and leaves nothing behind', async () => {
    const before = time.pending()
    store.faults.txn = hang
    const record = create()
    const starting = errorOf(record.start())
    await time.pass(100)
    await time.until(record.close())
    expect(await starting).toMatchObject({ code: 'REGISTRY_CLOSED' })
    expect(await time.until(inner.leases.list())).toEqual([])
    expect(await time.until(errorOf(record.start()))).toMatchObject({ code: 'REGISTRY_CLOSED' })
    await time.pass(sweepMaxMs)
    expect(time.pending()).toBe(before)
  })

  test('ends when the store is closed', async () => {
    await time.until(inner.close())
    expect(await time.until(errorOf(create().start()))).toMatchObject({ code: 'STORE_CLOSED' })
  })
})

describe('a name that two processes have', () => {
  test('is with the one that came last; the other is told once, and comes back when it is free', async () => {
    const first = await started(store, 'host-1')
    const second = await started(createFaultyStore(inner), 'host-2')
    await time.untilSo(() => told.length > 0)
    expect(told).toEqual([{ address: 'host-2', life: second.life }])
    expect(errors()).toHaveLength(1)
    await time.pass(5 * ttlMs)
    expect([first, second].map((record) => record.isValid(now()))).toEqual([false, true])
    expect(first.revision).toBeUndefined()
    expect((await present())?.revision).toBe(second.revision)
    expect(told).toHaveLength(1)
    expect(await time.until(inner.leases.list())).toHaveLength(1)
    await time.until(second.close())
    await time.untilSo(() => first.isValid(now()))
    expect((await present())?.entry).toEqual({ address: 'host-1', life: first.life })
  })

  test('is left to who took it while the lease was lost', async () => {
    const first = await started()
    await time.until(inner.leases.revoke((await present())?.lease ?? 0n))
    await time.until(inner.put({ key, value: 'not a record' }))
    await time.untilSo(() => told.length > 0)
    expect(told).toEqual([undefined])
    await time.until(inner.put({ key, value: 'not a record' }))
    await time.pass(2 * ttlMs)
    expect(first.isValid(now())).toBe(false)
    expect(told).toHaveLength(1)
    expect(Buffer.from((await time.until(inner.get(key)))?.value ?? []).toString()).toBe('not a record')
  })

  test('is taken over at once from a life before a restart', async () => {
    await time.until(inner.put({ key, value: JSON.stringify({ address: 'old', life: 'before' }) }))
    const record = await started()
    expect(record.isValid(now())).toBe(true)
    expect(errors()).toEqual([])
  })

  test('is with exactly one of many that start at the same time', async () => {
    const many = Array.from({ length: 8 }, () => create(createFaultyStore(inner)))
    await time.until(Promise.all(many.map((record) => record.start())))
    await time.pass(2 * ttlMs)
    const valid = many.filter((record) => record.isValid(now()))
    expect(valid.map(({ revision }) => revision)).toEqual([(await present())?.revision])
  })
})

describe('in a cluster', () => {
  test('a member that is cut off knows so before the others see it gone, and comes back', async () => {
    const cluster = await time.until(inMemoryCluster({ environment: time.environment }))
    const leader = await time.until(cluster.leader())
    const [own, other] = cluster.members.filter((member) => member.store !== leader)
    if (own === undefined || other === undefined) throw new Error('three members')
    const record = await started(own.store)
    const { revision } = record
    await time.pass(2 * ttlMs)
    expect(record.isValid(now())).toBe(true)
    cluster.network.isolate(own.name)
    let isGone = false
    let validWhenGone: boolean | undefined
    while (!isGone) {
      await time.pass(50)
      isGone = (await time.until(other.store.get(key))) === undefined
      if (isGone) validWhenGone = record.isValid(now())
    }
    expect(validWhenGone).toBe(false)
    cluster.network.heal()
    await time.untilSo(() => record.isValid(now()))
    expect(record.revision).not.toBe(revision)
    expect((await time.until(other.store.get(key)))?.modRevision).toBe(record.revision)
    await time.until(record.close())
    await time.until(cluster.close())
  })
})

describe('validity', () => {
  test('is never claimed while the store has the record no more, however renewals are delayed or lost', async () => {
    const fault = fc.record({
      kind: fc.constantFrom('none', 'lost', 'hangs', 'answerLost', 'late', 'answerLate'),
      ms: fc.integer({ min: 0, max: 2 * ttlMs }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(fault, { minLength: 1, maxLength: 12 }), async (faults) => {
        const own = createVirtualTime()
        const { clock } = own.environment
        const real = createMemoryStore({ environment: own.environment })
        const faulty = createFaultyStore(real)
        const waited = (ms: number): Promise<void> => new Promise((resolve) => clock.setTimer(ms, resolve))
        faulty.faults.keepAlive = async (call) => {
          const { kind, ms } = faults[faulty.calls.keepAlive % faults.length] ?? { kind: 'none', ms: 0 }
          if (kind === 'lost') throw new StoreError('STORE_TIMED_OUT', 'lost')
          if (kind === 'hangs') await hang()
          if (kind === 'late') await waited(ms)
          const answer = Promise.resolve(call())
          // Nobody may be there any more when it fails.
          answer.catch(() => {})
          if (kind === 'answerLate') await waited(ms)
          if (kind === 'answerLost') await hang()
          return await answer
        }
        const record = createCheckerRecord(
          { store: faulty, environment: own.environment, prefix: 'registry/', name: 'a', address: '' },
          { ttlMs },
        )
        await own.until(record.start())
        for (let n = 0; n < 400; n++) {
          const isValid = record.isValid(clock.nowMs())
          const { revision } = record
          const kv = await real.get(key)
          if (isValid) expect(kv?.modRevision).toBe(revision)
          await own.pass(100)
        }
        faulty.faults.keepAlive = undefined
        await own.untilSo(() => record.isValid(clock.nowMs()))
        expect((await real.get(key))?.modRevision).toBe(record.revision)
        await own.until(record.close())
        await own.until(real.close())
        // The longest of the delays of this test.
        await own.pass(2 * ttlMs)
        expect(own.pending()).toBe(0)
      }),
      { numRuns: 15 },
    )
  })
})

describe('reading a record', () => {
  test('gives what was written, and nothing of anything else', () => {
    fc.assert(
      fc.property(fc.record({ address: fc.string(), life: fc.string() }), (entry) => {
        expect(decodeCheckerRecord(Buffer.from(JSON.stringify(entry)))).toEqual(entry)
      }),
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((json) => Buffer.from(json)),
        ),
        (bytes) => {
          const entry = decodeCheckerRecord(bytes)
          if (entry !== undefined) expect(JSON.parse(Buffer.from(bytes).toString())).toMatchObject(entry)
        },
      ),
    )
    for (const wrong of ['', '{', 'null', '[]', '{"address":"a"}', '{"address":1,"life":"x"}']) {
      expect(decodeCheckerRecord(Buffer.from(wrong))).toBeUndefined()
    }
  })
})
