import { createMemoryStore, type Store, StoreError } from '@orrery/store'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type HeldLease, holdLease } from '../../src/leases/held-lease.ts'
import { createFaultyStore, type FaultyStore, hang } from '../faulty-store.ts'
import { createVirtualTime, errorOf, type VirtualTime } from '../virtual-time.ts'

const ttlMs = 6_000
/** A store of ours goes on looking for leases for so long after the last one ended. Unit: ms. */
const sweepMaxMs = 500

let time: VirtualTime
let inner: Store
let store: FaultyStore
let told: string[]

beforeEach(() => {
  time = createVirtualTime()
  inner = createMemoryStore({ environment: time.environment })
  store = createFaultyStore(inner)
  told = []
})

afterEach(async () => {
  await time.until(inner.close())
})

function hold(): Promise<HeldLease> {
  const onLost = (): unknown => told.push('lost')
  const onDoubt = (): unknown => told.push('doubt')
  return holdLease({ store, environment: time.environment }, { ttlMs, onLost, onDoubt })
}

const now = (): number => time.environment.clock.nowMs()

describe('a lease that is held', () => {
  test('outlives its time to live, until it is released, and leaves nothing behind', async () => {
    const before = time.pending()
    const lease = await time.until(hold())
    await time.until(inner.put({ key: 'k', lease: lease.id }))
    await time.pass(5 * ttlMs)
    expect(lease.isValid(now())).toBe(true)
    expect(await time.until(inner.get('k'))).toBeDefined()
    await time.until(Promise.all([lease.release(), lease.release()]))
    expect(lease.isValid(now())).toBe(false)
    expect(await time.until(inner.get('k'))).toBeUndefined()
    expect(told).toEqual([])
    await time.pass(sweepMaxMs)
    expect(time.pending()).toBe(before)
  })

  test('is kept by the time to live that the store gives, not by the one that was asked for', async () => {
    store.faults.grant = () => inner.leases.grant({ ttlMs: 60_000 })
    const lease = await time.until(hold())
    expect(lease.ttlMs).toBe(60_000)
    await time.pass(19_000)
    expect(store.calls.keepAlive).toBe(0)
    await time.pass(2_000)
    expect(store.calls.keepAlive).toBe(1)
    await lease.release()
  })

  test('counts from when a call was sent, not from when it was answered', async () => {
    store.faults.keepAlive = hang
    store.faults.grant = async (call) => {
      const granted = await call()
      await time.pass(2_000)
      return granted
    }
    const lease = await hold()
    // Sent 2 s ago, of 6 s less a tenth.
    expect(lease.isValid(now() + 3_390)).toBe(true)
    expect(lease.isValid(now() + 3_400)).toBe(false)
    await lease.release()
  })

  test('counts from when a renewal was sent, too', async () => {
    const lease = await time.until(hold())
    store.faults.keepAlive = async (call) => {
      if (store.calls.keepAlive > 1) return await hang()
      const renewed = await call()
      await new Promise<void>((resolve) => time.environment.clock.setTimer(3_000, resolve))
      return renewed
    }
    // Sent at 2 s, answered at 5 s.
    await time.pass(7_390)
    expect(lease.isValid(now())).toBe(true)
    await time.pass(20)
    expect(lease.isValid(now())).toBe(false)
    await lease.release()
  })

  test('is renewed although an earlier renewal hangs', async () => {
    const lease = await time.until(hold())
    store.faults.keepAlive = (call) => (store.calls.keepAlive === 1 ? hang() : call())
    await time.pass(4 * ttlMs)
    expect(told).toEqual([])
    expect(lease.isValid(now())).toBe(true)
    await lease.release()
  })

  test('is tried again soon when a renewal fails, and later each time', async () => {
    const lease = await time.until(hold())
    const failedMs: number[] = []
    store.faults.keepAlive = () => {
      failedMs.push(now())
      return Promise.reject(new StoreError('STORE_NO_LEADER', 'nobody leads'))
    }
    await time.pass(4_000)
    const pauses = failedMs.slice(1).map((atMs, n) => atMs - (failedMs[n] ?? 0))
    expect(pauses.length).toBeGreaterThanOrEqual(3)
    for (const [n, pauseMs] of pauses.slice(0, 3).entries()) {
      expect(pauseMs).toBeGreaterThanOrEqual(50 * 2 ** n)
      expect(pauseMs).toBeLessThanOrEqual(100 * 2 ** n + 10)
    }
    store.faults.keepAlive = undefined
    await time.pass(2 * ttlMs)
    expect(lease.isValid(now())).toBe(true)
    await lease.release()
  })

  test('is in doubt when no renewal was answered in time, and no more when one is', async () => {
    const lease = await time.until(hold())
    store.faults.keepAlive = hang
    await time.pass(5_390)
    expect(told).toEqual([])
    await time.pass(20)
    expect(told).toEqual(['doubt'])
    expect(lease.isValid(now())).toBe(false)
    store.faults.keepAlive = () => Promise.resolve({ ttlMs })
    await time.pass(2_000)
    expect(lease.isValid(now())).toBe(true)
    store.faults.keepAlive = hang
    await time.pass(ttlMs)
    expect(told).toEqual(['doubt', 'doubt'])
    await lease.release()
  })

  test('is lost when the store has it no more, which is told once', async () => {
    const before = time.pending()
    const lease = await time.until(hold())
    await time.until(inner.leases.revoke(lease.id))
    await time.pass(3 * ttlMs)
    expect(told).toEqual(['lost'])
    expect(lease.isValid(now())).toBe(false)
    expect(store.calls.keepAlive).toBe(1)
    await lease.release()
    expect(store.calls.revoke).toBe(0)
    await time.pass(sweepMaxMs)
    expect(time.pending()).toBe(before)
  })

  test('is let go of in 2 s by who releases it, even if the store hangs', async () => {
    const lease = await time.until(hold())
    store.faults.revoke = hang
    const begunMs = now()
    await time.until(lease.release())
    expect(now() - begunMs).toBeLessThanOrEqual(2_010)
  })

  test('waits for no renewal any more when it is released', async () => {
    const before = time.pending()
    const lease = await time.until(hold())
    store.faults.keepAlive = hang
    await time.pass(ttlMs)
    await time.until(lease.release())
    await time.pass(sweepMaxMs)
    expect(time.pending()).toBe(before)
  })

  test('is not waited for without end', async () => {
    store.faults.grant = hang
    expect(await time.until(errorOf(hold()))).toMatchObject({ code: 'REGISTRY_UNAVAILABLE' })
  })
})
