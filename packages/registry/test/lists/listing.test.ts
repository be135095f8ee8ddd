import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Listing } from '../../src/lists/listing.ts'

/** Something that has its place by a name, and can go. */
interface Thing {
  readonly name: number
  isThere: boolean
  color: number
}

const compare = (a: Thing, b: Thing): number => a.name - b.name
const fits = ({ isThere, color }: Thing): boolean => isThere && color === 0

describe('a list that follows its items', () => {
  test('has those that fit, in order, whatever comes, changes, goes and comes back as another one', () => {
    const change = fc.record({ name: fc.nat(30), act: fc.constantFrom('put', 'paint', 'remove') })
    const changes = fc.array(fc.array(change, { maxLength: 20 }), { maxLength: 10 })
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(30)), changes, (names, rounds) => {
        const things = new Map(names.map((name) => [name, { name, isThere: true, color: name % 2 }]))
        const naive = (): readonly Thing[] => [...things.values()].filter(fits).sort(compare)
        const listing = new Listing<Thing>({ compare, fits }, naive())
        for (const round of rounds) {
          for (const { name, act } of round) {
            const known = things.get(name)
            if (act === 'put' && known === undefined) things.set(name, { name, isThere: true, color: 0 })
            else if (act === 'paint' && known !== undefined) known.color = 1 - known.color
            else if (act === 'remove' && known !== undefined) {
              known.isThere = false
              things.delete(name)
            }
            const touched = things.get(name) ?? known
            if (touched !== undefined) listing.touch(touched)
          }
          expect(listing.items()).toEqual(naive())
          listing.items().forEach((item) => expect(things.get(item.name)).toBe(item))
        }
      }),
    )
  })

  test('compares no more than it has to', () => {
    let compared = 0
    const counting = (a: Thing, b: Thing): number => {
      compared++
      return compare(a, b)
    }
    const things = Array.from({ length: 10_000 }, (_, n): Thing => ({ name: 2 * n, isThere: true, color: 0 }))
    const listing = new Listing<Thing>({ compare: counting, fits }, things)
    expect(listing.items()).toBe(things)
    things.slice(0, 50).forEach((thing) => listing.touch(thing))
    expect(listing.items()).toBe(things)
    expect(compared).toBeLessThan(50 * 15)
    listing.touch({ name: 9_001, isThere: true, color: 0 })
    expect(listing.items()).toHaveLength(10_001)
    expect(compared).toBeLessThan(50 * 15 + 2 * 15)
  })

  test('says when so much has changed that it is better made anew', () => {
    const things = Array.from({ length: 80 }, (_, name): Thing => ({ name, isThere: true, color: 0 }))
    const listing = new Listing<Thing>({ compare, fits }, things)
    expect(things.slice(0, 10).every((thing) => listing.touch(thing))).toBe(true)
    expect(listing.touch(things[10] ?? expect.unreachable('there are eighty'))).toBe(false)
  })
})
