import { createMemoryStore, openStore, type Store, type StoreOptions } from '@orrery/store'
import { describe, expect, test } from 'vitest'
import { Quota } from '../src/quota.ts'
import { closedLater, errorOf, freshPath } from './support.ts'

const noSpace = { code: 'STORE_NO_SPACE' }

/** Writes until nothing more is accepted; returns how many writes were. */
async function fill(store: Store, value: Uint8Array): Promise<number> {
  for (let n = 0; n < 2_000; n++) {
    const error = await errorOf(store.put({ key: `k${n % 50}`, value }))
    if (error === undefined) {
      await store.flush()
      continue
    }
    expect(error).toMatchObject(noSpace)
    return n
  }
  throw new Error('the quota is never exhausted')
}

describe.each<[string, (options: StoreOptions) => Promise<Store>]>([
  ['in memory', (options) => Promise.resolve(createMemoryStore({}, options))],
  ['on disk', (options) => openStore({ directory: freshPath() }, options)],
])('the quota of a store %s', (_, open) => {
  test('refuses what adds and raises the alarm; freeing and disarming makes room again', async () => {
    const store = closedLater(await open({ quotaBytes: 600_000 }))
    const lease = await store.leases.grant({ ttlMs: 60_000 })
    const written = await fill(store, new Uint8Array(5_000))
    expect(written).toBeGreaterThan(10)
    // The alarm is a write of its own; one that comes after it sees it.
    await store.deleteRange({ key: 'none' })
    expect(store.status().alarms).toMatchObject([{ type: 'noSpace' }])
    expect(await errorOf(store.leases.grant({ ttlMs: 60_000 }))).toMatchObject(noSpace)

    await store.deleteRange({ key: 'k', rangeEnd: 'l' })
    await store.leases.revoke(lease.id)
    await store.compact({ revision: store.status().revision, physical: true })
    // LMDB gives pages free in the transaction after the one that dropped them.
    await store.deleteRange({ key: 'k', rangeEnd: 'l' })
    expect(await errorOf(store.put({ key: 'a', value: '1' }))).toMatchObject(noSpace)
    await store.alarms.deactivate({ memberId: 0n, type: 'noSpace' })
    await store.put({ key: 'a', value: '1' })
    expect(store.status().alarms).toEqual([])
    expect(await fill(store, new Uint8Array(5_000))).toBeGreaterThan(10)
  })

  test('of 0 bytes is none', async () => {
    const store = closedLater(await open({ quotaBytes: 0 }))
    for (let n = 0; n < 50; n++) await store.put({ key: 'k', value: new Uint8Array(20_000) })
    expect(store.status()).toMatchObject({ quotaBytes: 0, alarms: [] })
  })
})

test('the alarm survives a restart', async () => {
  const directory = freshPath()
  const store = await openStore({ directory })
  await store.alarms.activate({ memberId: 0n, type: 'noSpace' })
  const { memberId } = store.status()
  await store.close()
  const again = closedLater(await openStore({ directory }))
  expect(again.alarms.list()).toEqual([{ memberId, type: 'noSpace' }])
  expect(await errorOf(again.put({ key: 'a' }))).toMatchObject(noSpace)
  await again.alarms.deactivate({ memberId: 0n, type: 'noSpace' })
  await again.put({ key: 'a' })
})

test('the alarm is raised once, however many writes are refused meanwhile', () => {
  let raised = 0
  const quota = new Quota({
    quotaBytes: 1,
    backend: () => ({ sizeInUseBytes: 1, pendingBytes: 0 }),
    isExhausted: () => false,
    exhaust: () => {
      raised++
      return new Promise(() => {})
    },
  })
  for (let n = 0; n < 3; n++) expect(() => quota.requirePut({ key: 'a' })).toThrow('STORE_NO_SPACE')
  expect(raised).toBe(1)
})

describe('what a request costs', () => {
  const costs = (request: (quota: Quota) => void): number => {
    for (let free = 0; free < 5_000; free++) {
      const quota = new Quota({
        quotaBytes: 1_000_000,
        backend: () => ({ sizeInUseBytes: 900_000, pendingBytes: 100_000 - free }),
        isExhausted: () => true,
        exhaust: () => Promise.resolve(),
      })
      try {
        request(quota)
        return free
      } catch {
        // Not enough.
      }
    }
    return Infinity
  }

  test('is as etcd reckons it', () => {
    const put = { type: 'put', key: 'abc', value: new Uint8Array(100) } as const
    const nested = { type: 'txn', success: [put], failure: [put, { ...put, key: 'x' }] } as const
    expect(costs((quota) => quota.requirePut(put))).toBe(256 + 103)
    expect(costs((quota) => quota.requireLease())).toBe(64)
    expect(costs((quota) => quota.requireTxn({ success: [put, put], failure: [put] }))).toBe(2 * 359)
    expect(costs((quota) => quota.requireTxn({ failure: [nested, put] }))).toBe(359 + 357 + 359)
    expect(costs((quota) => quota.requireTxn({ success: [{ type: 'deleteRange', key: 'a' }] }))).toBe(0)
  })
})
