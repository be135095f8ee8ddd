import { createLessor, type LeaseId, type Lessor } from '@orrery/lease'
import { expect, test } from 'vitest'

/** Leases that one call may look at. */
const sweepMaxLeases = 10_000

/** Runs a call and fails when it looked at more leases than it may. */
function bounded<T>(lessor: Lessor, call: () => T): T {
  const before = lessor.steps
  const result = call()
  if (lessor.steps - before > sweepMaxLeases) expect.fail(`one call took ${lessor.steps - before} steps`)
  return result
}

test('a million leases are promoted, renewed, demoted and expired in calls of bounded work', () => {
  const leases = 1_000_000
  const ttlMs = 3_600_000
  const lessor = createLessor({ sweepMaxLeases, expiredMaxLeases: 5_000, revokeMaxPerSecond: 100_000 })
  for (let id = 1; id <= leases; id += 1) lessor.restore({ id: BigInt(id), ttlMs }, [`key/${id}`])

  let promotionCalls = 0
  lessor.promote({ nowMs: 0, extendMs: 1_000 })
  while (!bounded(lessor, () => lessor.promoteStep(sweepMaxLeases))) promotionCalls += 1
  expect(promotionCalls).toBeLessThanOrEqual(leases / sweepMaxLeases)

  bounded(lessor, () => lessor.demote())
  lessor.promote({ nowMs: 10_000, extendMs: 1_000 })
  while (!bounded(lessor, () => lessor.promoteStep(sweepMaxLeases)));

  for (let id = 1; id <= leases; id += 2) bounded(lessor, () => lessor.renew(BigInt(id), 20_000))

  // The host sleeps until just before the first deadline: all leases have to move to finer slots.
  const firstMs = 10_000 + ttlMs + 1_000
  const drain = (nowMs: number) => {
    const ids: LeaseId[] = []
    let calls = 0
    for (; (lessor.nextDeadlineMs() ?? Infinity) <= nowMs; calls += 1) {
      ids.push(...bounded(lessor, () => lessor.expired(nowMs)))
      bounded(lessor, () => lessor.checkpointsDue(nowMs))
    }
    return { ids, calls }
  }
  expect(drain(firstMs - 1).ids).toEqual([])

  // Far beyond the last deadline, after a pause that the host does not grant.
  const { ids, calls } = drain(firstMs + 1_000_000)
  expect(ids).toHaveLength(leases)
  expect(new Set(ids).size).toBe(leases)
  expect(calls).toBeLessThanOrEqual(1_000)
  for (const id of ids) lessor.revoke(id)
  expect(lessor.size).toBe(0)
  expect(lessor.leaseOf('key/1')).toBeUndefined()
})

test('a lease with 100 000 keys is emptied in bounded steps and is not reported meanwhile', () => {
  const lessor = createLessor({ tickMs: 1 })
  lessor.grant({ id: 1n, ttlMs: 5_000, nowMs: 0 })
  for (let key = 0; key < 100_000; key += 1) lessor.attach(1n, `key/${key}`)
  lessor.promote({ nowMs: 0, extendMs: 0 })
  lessor.promoteStep(10)
  expect(lessor.expired(5_000)).toEqual([1n])
  lessor.beginRevoke(1n)
  let nowMs = 5_000
  let keys = lessor.takeKeys(1n, 500)
  for (; keys.length > 0; keys = lessor.takeKeys(1n, 500)) {
    expect(keys.length).toBeLessThanOrEqual(500)
    for (const key of keys) lessor.detach(1n, key)
    nowMs += 2_000
    expect(lessor.expired(nowMs)).toEqual([])
  }
  expect(nowMs).toBe(405_000)
  expect(lessor.revoke(1n)).toEqual([])
})
