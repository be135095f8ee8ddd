import { readFile } from 'node:fs/promises'
import { hasCode } from '@orrery/environment'
import {
  createLessor,
  type LeaseErrorCode,
  leaseErrorCodes,
  type Lessor,
  type LessorOptions,
} from '@orrery/lease'
import { describe, expect, test } from 'vitest'

/** A primary lessor at time 0 with ticks of 1 ms. */
function primary(options: LessorOptions = {}): Lessor {
  const lessor = createLessor({ tickMs: 1, ...options })
  promote(lessor, 0)
  return lessor
}

function promote(lessor: Lessor, nowMs: number, extendMs = 0): void {
  lessor.promote({ nowMs, extendMs })
  while (!lessor.promoteStep(2));
}

function codeOf(action: () => unknown): LeaseErrorCode | 'none' {
  try {
    action()
  } catch (error) {
    if (hasCode(error, ...leaseErrorCodes)) return error.code
    throw error
  }
  return 'none'
}

describe('grant', () => {
  test.each([
    [0, 2_000],
    [-5, 2_000],
    [1_000, 2_000],
    [2_001, 2_001],
    [9e12, 9e12],
  ])('of %d ms gives %d ms', (ttlMs, granted) => {
    const lessor = primary()
    expect(lessor.grant({ id: 1n, ttlMs, nowMs: 0 })).toEqual({
      id: 1n,
      ttlMs: granted,
      remainingMs: granted,
    })
    expect(lessor.timeToLive(1n, 500)).toEqual({ grantedMs: granted, remainingMs: granted - 500 })
  })

  test.each<[LeaseErrorCode | 'none', bigint, number]>([
    ['LEASE_ID_INVALID', 0n, 5_000],
    ['LEASE_ID_INVALID', 2n ** 63n, 5_000],
    ['none', 2n ** 63n - 1n, 5_000],
    ['none', -(2n ** 63n), 5_000],
    ['LEASE_EXISTS', 1n, 5_000],
    ['LEASE_TTL_TOO_LARGE', 2n, 9e12 + 1],
    ['LEASE_TTL_TOO_LARGE', 2n, Infinity],
    ['LEASE_TTL_INVALID', 2n, Number.NaN],
    ['LEASE_TTL_INVALID', 2n, 2_000.5],
  ])('answers %s to id %d and ttl %d', (code, id, ttlMs) => {
    const lessor = primary()
    lessor.grant({ id: 1n, ttlMs: 5_000, nowMs: 0 })
    expect(codeOf(() => lessor.grant({ id, ttlMs, nowMs: 0 }))).toBe(code)
    expect(lessor.size).toBe(code === 'none' ? 2 : 1)
  })

  test('tells ids apart that differ beyond the precision of a number', () => {
    const lessor = primary()
    lessor.grant({ id: 2n ** 62n + 1n, ttlMs: 5_000, nowMs: 0 })
    expect(lessor.timeToLive(2n ** 62n, 0)).toBeUndefined()
    expect(lessor.timeToLive(2n ** 62n + 1n + 2n ** 64n, 0)).toBeUndefined()
  })
})

describe('keys', () => {
  test('are listed in byte order', () => {
    const lessor = createLessor()
    lessor.grant({ id: 1n, ttlMs: 5_000, nowMs: 0 })
    for (const key of ['b', '\xff', 'a', '', 'B', 'ab', 'a']) lessor.attach(1n, key)
    expect(lessor.keys(1n)).toEqual(['', 'B', 'a', 'ab', 'b', '\xff'])
    expect(lessor.revoke(1n)).toEqual(['', 'B', 'a', 'ab', 'b', '\xff'])
    expect(lessor.leaseOf('a')).toBeUndefined()
  })

  test('move when they are attached to another lease', () => {
    const lessor = createLessor()
    for (const id of [1n, 2n]) lessor.grant({ id, ttlMs: 5_000, nowMs: 0 })
    for (const key of ['a', 'b', 'c']) lessor.attach(1n, key)
    lessor.attach(2n, 'b')
    expect([lessor.keys(1n), lessor.keys(2n), lessor.leaseOf('b')]).toEqual([['a', 'c'], ['b'], 2n])
    expect(lessor.detach(1n, 'b')).toBe(false)
    expect(lessor.detach(2n, 'b')).toBe(true)
    expect(lessor.leaseOf('b')).toBeUndefined()
    expect(lessor.revoke(1n)).toEqual(['a', 'c'])
    expect(lessor.revoke(2n)).toEqual([])
  })

  test('of a huge lease can be deleted in bounded steps while nothing is added', () => {
    const lessor = primary()
    lessor.grant({ id: 1n, ttlMs: 5_000, nowMs: 0 })
    for (let index = 0; index < 1_000; index += 1) lessor.attach(1n, `key/${index}`)
    lessor.beginRevoke(1n)
    expect(codeOf(() => lessor.attach(1n, 'late'))).toBe('LEASE_NOT_FOUND')
    const deleted = new Set<string>()
    for (let keys = lessor.takeKeys(1n, 300); keys.length > 0; keys = lessor.takeKeys(1n, 300)) {
      expect(keys.length).toBeLessThanOrEqual(300)
      for (const key of keys) {
        expect(lessor.detach(1n, key)).toBe(true)
        deleted.add(key)
      }
    }
    expect(deleted.size).toBe(1_000)
    expect(lessor.revoke(1n)).toEqual([])
  })

  test('of an unknown lease are none', () => {
    const lessor = createLessor()
    expect([lessor.keys(1n), lessor.takeKeys(1n, 5), lessor.leaseOf('a'), lessor.detach(1n, 'a')]).toEqual([
      [],
      [],
      undefined,
      false,
    ])
    expect(codeOf(() => lessor.attach(1n, 'a'))).toBe('LEASE_NOT_FOUND')
    expect(codeOf(() => lessor.revoke(1n))).toBe('LEASE_NOT_FOUND')
    expect(codeOf(() => lessor.beginRevoke(1n))).toBe('LEASE_NOT_FOUND')
  })
})

describe('expiry', () => {
  test('reports overdue leases oldest first, each once per retry time, until they are revoked', () => {
    const lessor = primary({ expiredRetryMs: 3_000 })
    lessor.grant({ id: 1n, ttlMs: 9_000, nowMs: 0 })
    lessor.grant({ id: 2n, ttlMs: 5_000, nowMs: 0 })
    lessor.grant({ id: 3n, ttlMs: 7_000, nowMs: 0 })
    expect(lessor.expired(4_999)).toEqual([])
    expect(lessor.expired(10_000)).toEqual([2n, 3n, 1n])
    expect(lessor.expired(12_999)).toEqual([])
    lessor.revoke(3n)
    expect(lessor.expired(13_000)).toEqual([2n, 1n])
  })

  test('returns at most so many leases per call and the others in the next one', () => {
    const lessor = primary({ expiredMaxLeases: 2 })
    for (const id of [1n, 2n, 3n]) lessor.grant({ id, ttlMs: 5_000 + Number(id), nowMs: 0 })
    expect(lessor.expired(6_000)).toEqual([1n, 2n])
    expect(lessor.nextDeadlineMs()).toBeLessThanOrEqual(6_000)
    expect(lessor.expired(6_000)).toEqual([3n])
    expect(lessor.nextDeadlineMs()).toBeGreaterThan(6_000)
  })

  test('of a renewed lease counts from the renewal', () => {
    const lessor = primary()
    lessor.grant({ id: 1n, ttlMs: 5_000, nowMs: 0 })
    expect(lessor.renew(1n, 4_999)).toEqual({ ttlMs: 5_000, mustClearCheckpoint: false })
    expect(lessor.expired(9_998)).toEqual([])
    expect(lessor.expired(9_999)).toEqual([1n])
  })

  test('cannot be undone by a renewal, whether reported or not', () => {
    const lessor = primary()
    lessor.grant({ id: 1n, ttlMs: 5_000, nowMs: 0 })
    expect(codeOf(() => lessor.renew(1n, 5_000))).toBe('LEASE_EXPIRED')
    lessor.expired(5_000)
    expect(codeOf(() => lessor.renew(1n, 5_001))).toBe('LEASE_EXPIRED')
    expect(lessor.timeToLive(1n, 5_001)).toEqual({ grantedMs: 5_000, remainingMs: 0 })
    lessor.revoke(1n)
    expect(codeOf(() => lessor.renew(1n, 5_002))).toBe('LEASE_NOT_FOUND')
  })

  test('reports a revocation again that began and then stalled, not one that makes progress', () => {
    const lessor = primary({ expiredRetryMs: 3_000 })
    lessor.grant({ id: 1n, ttlMs: 60_000, nowMs: 0 })
    for (const key of ['a', 'b']) lessor.attach(1n, key)
    lessor.beginRevoke(1n)
    expect(codeOf(() => lessor.renew(1n, 1))).toBe('LEASE_EXPIRED')
    expect(lessor.expired(2_999)).toEqual([])
    lessor.detach(1n, 'a')
    expect(lessor.expired(5_998)).toEqual([])
    expect(lessor.expired(5_999)).toEqual([1n])
    expect(lessor.expired(8_999)).toEqual([1n])
  })

  test('is put off for all leases when the host noticed a pause', () => {
    const lessor = primary()
    lessor.grant({ id: 1n, ttlMs: 5_000, nowMs: 0 })
    lessor.extendAll(60_000)
    expect(lessor.timeToLive(1n, 62_000)?.remainingMs).toBe(3_000)
    expect(lessor.expired(64_999)).toEqual([])
    expect(lessor.nextDeadlineMs()).toBe(65_000)
    lessor.grant({ id: 2n, ttlMs: 5_000, nowMs: 64_999 })
    expect(lessor.expired(65_000)).toEqual([1n])
    expect(lessor.expired(69_999)).toEqual([1n, 2n])
  })
})

describe('promotion', () => {
  test('a demoted lessor lets everybody live and renews nobody', () => {
    const lessor = primary()
    lessor.grant({ id: 1n, ttlMs: 5_000, nowMs: 0 })
    lessor.demote()
    lessor.grant({ id: 2n, ttlMs: 5_000, nowMs: 0 })
    expect(lessor.state).toBe('demoted')
    expect(lessor.expired(1e9)).toEqual([])
    expect(lessor.checkpointsDue(1e9)).toEqual([])
    expect(lessor.nextDeadlineMs()).toBeUndefined()
    expect(codeOf(() => lessor.renew(1n, 1))).toBe('LEASE_NOT_PRIMARY')
    expect(lessor.timeToLive(1n, 1e9)).toEqual({ grantedMs: 5_000, remainingMs: 5_000 })
    expect(lessor.promoteStep(1)).toBe(true)
  })

  test('gives every lease its time to live and the extension, overdue ones too', () => {
    const lessor = primary()
    lessor.grant({ id: 1n, ttlMs: 5_000, nowMs: 0 })
    expect(lessor.expired(5_000)).toEqual([1n])
    lessor.demote()
    promote(lessor, 100_000, 1_000)
    expect(lessor.expired(105_999)).toEqual([])
    expect(lessor.renew(1n, 105_999).ttlMs).toBe(5_000)
    expect(lessor.expired(110_999)).toEqual([1n])
  })

  test('uses the remaining time of a checkpoint', () => {
    const lessor = createLessor({ tickMs: 1 })
    lessor.restore({ id: 1n, ttlMs: 600_000, remainingMs: 40_000 })
    lessor.grant({ id: 2n, ttlMs: 600_000, nowMs: 0 })
    expect(lessor.checkpoint(2n, 30_000)).toBe(true)
    expect(lessor.checkpoint(3n, 30_000)).toBe(false)
    promote(lessor, 0, 1_000)
    expect(lessor.list(0)).toEqual([
      { id: 2n, ttlMs: 600_000, remainingMs: 31_000 },
      { id: 1n, ttlMs: 600_000, remainingMs: 41_000 },
    ])
    expect(lessor.expired(40_999)).toEqual([2n])
    expect(lessor.expired(41_000)).toEqual([1n])
  })

  test('expires nothing and renews while it is unfinished', () => {
    const lessor = createLessor({ tickMs: 1 })
    for (let id = 1n; id <= 10n; id += 1n) lessor.restore({ id, ttlMs: 5_000 })
    lessor.promote({ nowMs: 0, extendMs: 0 })
    expect(lessor.promoteStep(3)).toBe(false)
    expect(lessor.state).toBe('promoting')
    lessor.grant({ id: 11n, ttlMs: 5_000, nowMs: 100 })
    for (let id = 1n; id <= 5n; id += 1n) lessor.renew(id, 4_000)
    expect(lessor.expired(8_000)).toEqual([])
    expect(lessor.nextDeadlineMs()).toBeUndefined()
    while (!lessor.promoteStep(3));
    expect(lessor.state).toBe('primary')
    expect([...lessor.expired(8_999)].sort()).toEqual([6n, 7n, 8n, 9n, 10n, 11n].sort())
    expect([...lessor.expired(9_000)].sort()).toEqual([1n, 2n, 3n, 4n, 5n])
  })

  test('reports revocations at once that had begun before', () => {
    const lessor = createLessor({ tickMs: 1 })
    lessor.restore({ id: 1n, ttlMs: 600_000, revoking: true }, ['a', 'b'])
    expect(lessor.keys(1n)).toEqual(['a', 'b'])
    promote(lessor, 50, 1_000)
    expect(lessor.expired(50)).toEqual([1n])
    expect([...lessor.leases()]).toEqual([{ id: 1n, ttlMs: 600_000, revoking: true }])
  })

  test.each([
    { revokeMaxPerSecond: 100, tickMs: 100 },
    { revokeMaxPerSecond: 3, tickMs: 10 },
    { revokeMaxPerSecond: 1_000, tickMs: 1 },
    { revokeMaxPerSecond: 750, tickMs: 50 },
  ])('spreads expiry to at most $revokeMaxPerSecond per second with ticks of $tickMs ms', (options) => {
    const lessor = createLessor(options)
    const leases = 3_000
    for (let id = 1; id <= leases; id += 1) {
      lessor.restore({ id: BigInt(id), ttlMs: id % 3 === 0 ? 7_000 : 5_000 })
    }
    promote(lessor, 1_234)
    let reported = 0
    const perSecond = new Map<number, number>()
    for (let nowMs = 1_200; reported < leases && nowMs < 2_000_000; nowMs += 100) {
      for (const id of lessor.expired(nowMs)) {
        expect(nowMs).toBeGreaterThanOrEqual(1_234 + (id % 3n === 0n ? 7_000 : 5_000))
        lessor.revoke(id)
        reported += 1
        const second = Math.ceil(nowMs / 1_000)
        perSecond.set(second, (perSecond.get(second) ?? 0) + 1)
      }
    }
    expect(reported).toBe(leases)
    expect(Math.max(...perSecond.values())).toBeLessThanOrEqual(options.revokeMaxPerSecond)
    // The rate is used, not merely kept.
    expect(perSecond.size).toBeLessThanOrEqual(Math.ceil(leases / options.revokeMaxPerSecond / 0.9) + 4)
  })
})

describe('checkpoints', () => {
  const intervalMs = 300_000

  test('are due each interval for leases that outlive it, until less than one interval is left', () => {
    const lessor = primary()
    lessor.grant({ id: 1n, ttlMs: 700_000, nowMs: 0 })
    lessor.grant({ id: 2n, ttlMs: intervalMs, nowMs: 0 })
    expect(lessor.checkpointsDue(299_999)).toEqual([])
    expect(lessor.checkpointsDue(300_000)).toEqual([{ id: 1n, remainingMs: 400_000 }])
    expect(lessor.checkpointsDue(599_999)).toEqual([])
    expect(lessor.checkpointsDue(600_000)).toEqual([{ id: 1n, remainingMs: 100_000 }])
    expect(lessor.checkpointsDue(699_999)).toEqual([])
  })

  test('are put off by a renewal, which asks to clear an applied one until that is done', () => {
    const lessor = primary()
    lessor.grant({ id: 1n, ttlMs: 700_000, nowMs: 0 })
    lessor.renew(1n, 200_000)
    expect(lessor.checkpointsDue(499_999)).toEqual([])
    expect(lessor.checkpointsDue(500_000)).toEqual([{ id: 1n, remainingMs: 400_000 }])
    lessor.checkpoint(1n, 400_000)
    expect(lessor.renew(1n, 510_000).mustClearCheckpoint).toBe(true)
    expect(lessor.renew(1n, 510_001).mustClearCheckpoint).toBe(true)
    lessor.checkpoint(1n, 0)
    expect(lessor.renew(1n, 510_002).mustClearCheckpoint).toBe(false)
    expect([...lessor.leases()]).toEqual([{ id: 1n, ttlMs: 700_000 }])
  })

  test('that are applied after a renewal are taken back, so that no failover shortens a renewed lease', () => {
    const lessor = primary()
    lessor.grant({ id: 1n, ttlMs: 700_000, nowMs: 0 })
    const [taken] = lessor.checkpointsDue(300_000)
    expect(lessor.renew(1n, 300_001).mustClearCheckpoint).toBe(false)
    lessor.checkpoint(1n, taken?.remainingMs ?? 0)
    expect(lessor.checkpointsDue(300_001)).toEqual([{ id: 1n, remainingMs: 0 }])
  })

  test('come in bounded batches and not for leases that are overdue or being revoked', () => {
    const lessor = primary({ checkpointMaxLeases: 2 })
    for (let id = 1n; id <= 5n; id += 1n) lessor.grant({ id, ttlMs: 310_000, nowMs: 0 })
    lessor.beginRevoke(5n)
    expect(lessor.checkpointsDue(300_000)).toHaveLength(2)
    expect(lessor.checkpointsDue(310_000)).toEqual([])
    lessor.expired(310_000)
    expect(lessor.checkpointsDue(10_000_000)).toEqual([])
  })

  test('are never due when the interval is infinite', () => {
    const lessor = primary({ checkpointIntervalMs: Infinity })
    lessor.grant({ id: 1n, ttlMs: 9e12, nowMs: 0 })
    expect(lessor.checkpointsDue(8e12)).toEqual([])
  })
})

test.each<LessorOptions>([
  { ttlMinMs: 0 },
  { ttlMinMs: 10, ttlMaxMs: 9 },
  { ttlMaxMs: 2 ** 53 },
  { tickMs: 1.5 },
  { expiredMaxLeases: Number.NaN },
])('options %o are refused', (options) => {
  expect(codeOf(() => createLessor(options))).toBe('LEASE_OPTIONS_INVALID')
})

test('every error code is explained in the README', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const documented = [...readme.matchAll(/^\| `(LEASE_\w+)`/gm)].map(([, code]) => code)
  expect(documented).toEqual([...leaseErrorCodes])
})
