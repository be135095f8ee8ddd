import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ConnectionCounts } from '../src/connection-counts.ts'
import type { Limits, RefusalReason } from '../src/options.ts'

const unlimited: Limits = { perHostMax: Infinity, hostsMax: Infinity, totalMax: Infinity }

interface Step {
  readonly host: string | undefined
  readonly isAllowed: boolean
  /** Which of the open connections ends instead, if there is one. */
  readonly ends: number | undefined
}

/** What a list of the hosts of all open connections says. */
function expectedOf(
  open: readonly (string | undefined)[],
  limits: Limits,
  step: Step,
): RefusalReason | undefined {
  const { host, isAllowed } = step
  const known = new Set(open.filter((one) => one !== undefined))
  if (host !== undefined && !isAllowed) {
    if (open.filter((one) => one === host).length >= limits.perHostMax) return 'perHost'
    if (!known.has(host) && known.size >= limits.hostsMax) return 'hosts'
  }
  return open.length >= limits.totalMax ? 'total' : undefined
}

describe('connections', () => {
  test('are counted as a list of them would be', () => {
    const limit = fc.oneof(fc.integer({ min: 1, max: 6 }), fc.constant(Infinity))
    const step = fc.record({
      host: fc.constantFrom('a', 'b', 'c', 'd', undefined),
      isAllowed: fc.boolean(),
      ends: fc.option(fc.nat(20), { nil: undefined }),
    })
    const limits = fc.record({ perHostMax: limit, hostsMax: limit, totalMax: limit })
    fc.assert(
      fc.property(limits, fc.array(step, { maxLength: 60 }), (limits, steps) => {
        const counts = new ConnectionCounts(limits)
        const open: (string | undefined)[] = []
        for (const step of steps) {
          if (step.ends !== undefined && step.ends < open.length) {
            counts.remove(open.splice(step.ends, 1)[0])
          } else {
            const expected = expectedOf(open, limits, step)
            expect(counts.add(step.host, step.isAllowed)).toBe(expected)
            if (expected === undefined) open.push(step.host)
          }
          expect(counts.total).toBe(open.length)
          expect(counts.hosts).toBe(new Set(open.filter((host) => host !== undefined)).size)
        }
        for (const host of open) counts.remove(host)
        expect([counts.total, counts.hosts]).toEqual([0, 0])
      }),
    )
  })

  test('of a host that has none cannot end', () => {
    const counts = new ConnectionCounts(unlimited)
    expect(() => counts.remove('a')).toThrow('was counted')
    counts.add('b', false)
    expect(() => counts.remove('a')).toThrow('is known')
  })
})
