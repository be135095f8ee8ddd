import { createRandom } from '@orrery/environment'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AuditIds, invertId, isAuditId, placeOfId, timeKey } from '../../src/audit/audit-id.ts'

const places = fc.record({
  atMs: fc.oneof(fc.integer({ min: 0, max: 5 }), fc.nat(), fc.integer({ min: 0, max: 4_102_444_800_000 })),
  order: fc.oneof(fc.integer({ min: 0, max: 5 }), fc.nat()),
})

describe('ids of the audit trail', () => {
  test('stand upside down in the store, and tell where they belong when they are turned', () => {
    fc.assert(
      fc.property(places, fc.integer(), (place, seed) => {
        const stored = new AuditIds(createRandom(seed)).next(place)
        expect(isAuditId(stored)).toBe(true)
        expect(isAuditId(invertId(stored))).toBe(true)
        expect(invertId(invertId(stored))).toBe(stored)
        expect(placeOfId(invertId(stored))).toEqual(place)
        expect(stored.startsWith(`${timeKey(place.atMs)}-`)).toBe(true)
      }),
    )
  })

  test('sort by time, then by the revision that something was decided on, then by count', () => {
    fc.assert(
      fc.property(places, places, (one, other) => {
        const ids = new AuditIds(createRandom(1))
        const [first, second] = [ids.next(one), ids.next(other)]
        const isLater = other.atMs - one.atMs || other.order - one.order || 1
        expect(invertId(second) > invertId(first)).toBe(isLater > 0)
        expect(second < first).toBe(isLater > 0)
      }),
    )
  })

  test('differ, also those of several writers at the same time', () => {
    const writers = [1, 2, 3].map((seed) => new AuditIds(createRandom(seed)))
    const made = writers.flatMap((ids) =>
      Array.from({ length: 5_000 }, () => ids.next({ atMs: 7, order: 3 })),
    )
    expect(new Set(made).size).toBe(made.length)
  })

  test('take time that is out of range for the end of it', () => {
    expect(timeKey(-5)).toBe(timeKey(0))
    expect(timeKey(Number.MAX_SAFE_INTEGER)).toBe('00000000000000')
    expect(isAuditId('x')).toBe(false)
  })
})
