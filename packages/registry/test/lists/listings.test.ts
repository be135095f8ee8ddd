import { createManualClock, type ManualClock } from '@orrery/environment/testing'
import { beforeEach, describe, expect, test } from 'vitest'
import { Listings } from '../../src/lists/listings.ts'
import type { PageRequest } from '../../src/registry.ts'

interface Query extends PageRequest {
  readonly below: number
}

const ids = Array.from({ length: 1_000 }, (_, n) => ({ id: n }))
const compare = (a: { id: number }, b: { id: number }): number => a.id - b.id

let clock: ManualClock
let made: number[]
let listings: Listings<{ id: number }, Query>

beforeEach(() => {
  clock = createManualClock()
  made = []
  listings = new Listings({
    clock,
    nameOf: ({ below }) => String(below),
    all: ({ below }) => {
      made.push(below)
      return ids.slice(0, below)
    },
    fits: ({ id }, { below }) => id < below,
    compare,
  })
})

const firstOf = (query: Query): number | undefined => listings.page(query).items[0]?.id

describe('long lists', () => {
  test('are made once for all of their pages', () => {
    const firsts = Array.from({ length: 10 }, (_, n) => firstOf({ below: 1_000, offset: 100 * n }))
    expect(firsts).toEqual([0, 100, 200, 300, 400, 500, 600, 700, 800, 900])
    expect(listings.page({ below: 1_000, offset: 990 }).total).toBe(1_000)
    expect(made).toEqual([1_000])
  })

  test('are not kept when they fit into one page', () => {
    expect(firstOf({ below: 100 })).toBe(0)
    expect(firstOf({ below: 1_000, limit: 1_000 })).toBe(0)
    expect(listings.kept).toBe(0)
    expect(clock.pending).toBe(0)
  })

  test('are kept as long as pages of them are read, and five to ten seconds more', () => {
    for (let read = 0; read < 10; read++) {
      firstOf({ below: 1_000, offset: read })
      clock.advance(4_000)
    }
    expect(made).toEqual([1_000])
    clock.advance(900)
    expect(listings.kept).toBe(1)
    clock.advance(5_100)
    expect(listings.kept).toBe(0)
    expect(clock.pending).toBe(0)
  })

  test('are kept at most four at a time: the one read last stays', () => {
    for (const below of [500, 600, 700, 800]) firstOf({ below })
    firstOf({ below: 500 })
    firstOf({ below: 900 })
    expect(listings.kept).toBe(4)
    made.length = 0
    for (const below of [500, 700, 800, 900, 600]) firstOf({ below })
    expect(made).toEqual([600])
  })

  test('are made anew when a part of them has changed', () => {
    firstOf({ below: 800 })
    for (const one of ids.slice(0, 100)) listings.touch(one)
    expect(listings.kept).toBe(1)
    listings.touch(ids[100] ?? expect.unreachable('there are a thousand'))
    expect(listings.kept).toBe(0)
  })

  test('refuse a part that cannot be before they are made', () => {
    expect(() => listings.page({ below: 1_000, limit: 0 })).toThrow(/REGISTRY_INVALID: limit/)
    expect(() => listings.page({ below: 1_000, offset: -1 })).toThrow(/REGISTRY_INVALID: offset/)
    expect(made).toEqual([])
  })

  test('are served, but not kept, when they are closed', () => {
    firstOf({ below: 1_000 })
    listings.close()
    expect(clock.pending).toBe(0)
    expect(firstOf({ below: 1_000, offset: 5 })).toBe(5)
    expect(listings.kept).toBe(0)
    expect(clock.pending).toBe(0)
  })
})
