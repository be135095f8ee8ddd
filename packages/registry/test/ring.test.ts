import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRing, type Ring, type RingMember } from '../src/health/ring.ts'

const member = (name: string): RingMember => ({ name, address: `${name}:1`, createRevision: 1 })
const ringOf = (names: readonly string[]): Ring => createRing(names.map(member), 1)
const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 8 })
const paths = Array.from(
  { length: 2_000 },
  (_, n) => `default/service-${n % 37}/10.0.${n >> 8}.${n & 255}:8080`,
)
const ownersOf = (ring: Ring): (string | undefined)[] => paths.map((path) => ring.owner(path)?.name)

describe('a ring', () => {
  test('without members has no owners', () => {
    expect(createRing([], 0).owner('a/b/c')).toBeUndefined()
  })

  test('with one member gives it everything', () => {
    expect(new Set(ownersOf(ringOf(['a'])))).toEqual(new Set(['a']))
  })

  test('keeps its revision, and its members in order of name', () => {
    const ring = createRing([member('c'), member('a'), member('b')], 7)
    expect(ring.revision).toBe(7)
    expect(ring.members.map(({ name }) => name)).toEqual(['a', 'b', 'c'])
  })

  test('refuses two members of one name', () => {
    expect(() => ringOf(['a', 'b', 'a'])).toThrow(/different names/)
  })

  test('says the same whatever the order of its members, their addresses and revisions', () => {
    fc.assert(
      fc.property(names, fc.integer(), (given, seed) => {
        const shuffled = [...given].sort(
          (a, b) => ((a.length * 31 + seed) % 7) - ((b.length * 31 + seed) % 7),
        )
        const moved = shuffled.map((name) => ({ name, address: 'elsewhere', createRevision: 9 }))
        expect(ownersOf(createRing(moved, 2))).toEqual(ownersOf(ringOf(given)))
      }),
      { numRuns: 30 },
    )
  })

  test('moves only the paths of whoever leaves', () => {
    fc.assert(
      fc.property(names, fc.nat(), (given, pick) => {
        const gone = given[pick % given.length]
        const before = ownersOf(ringOf(given))
        const after = ownersOf(ringOf(given.filter((name) => name !== gone)))
        before.forEach((owner, i) => {
          if (owner !== gone) expect(after[i]).toBe(owner)
        })
      }),
      { numRuns: 30 },
    )
  })

  test('moves paths only to whoever comes', () => {
    fc.assert(
      fc.property(names, (given) => {
        const [newcomer, ...others] = given
        const before = ownersOf(ringOf(others))
        const after = ownersOf(ringOf(given))
        after.forEach((owner, i) => {
          if (owner !== newcomer) expect(owner).toBe(before[i])
        })
      }),
      { numRuns: 30 },
    )
  })

  test.each([2, 3, 4, 5, 6, 7])('shares evenly among %d members', (count) => {
    const total = 100_000
    for (const prefix of ['registry-', '10.0.0.']) {
      const ring = ringOf(Array.from({ length: count }, (_, n) => `${prefix}${n}`))
      const shares = new Map<string | undefined, number>()
      for (let n = 0; n < total; n++) {
        const owner = ring.owner(`default/orders/instance-${n}`)?.name
        shares.set(owner, (shares.get(owner) ?? 0) + 1)
      }
      expect(shares.size).toBe(count)
      for (const share of shares.values()) expect(Math.abs((share * count) / total - 1)).toBeLessThan(0.35)
    }
  })

  test('stays as it is from one version to the next, or members of both would not agree', () => {
    const ring = ringOf(['a', 'b', 'c'])
    const owners = ['', 'default/orders/1', 'default/orders/2', 'default/orders/3', 'prod/pay/é'].map(
      (path) => ring.owner(path)?.name,
    )
    expect(owners).toMatchInlineSnapshot(`
      [
        "b",
        "b",
        "c",
        "a",
        "a",
      ]
    `)
  })
})
