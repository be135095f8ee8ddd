import { createRandom, InvariantError, type Random } from '@orrery/environment'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { KeyHistory } from '../src/key-history.ts'
import { KeyIndex } from '../src/key-index.ts'

/** The index beside a plain map, whose keys are sorted whenever their order matters. */
class Twins {
  readonly index = new KeyIndex()
  readonly live = new Map<string, boolean>()
  #revision = 1

  put(key: string): void {
    this.index.put(key, ++this.#revision, 0)
    this.live.set(key, true)
  }

  tombstone(key: string): void {
    if (this.live.get(key) !== true) return
    this.index.tombstone(key, ++this.#revision, 0)
    this.live.set(key, false)
  }

  remove(key: string): void {
    if (this.live.get(key) === true) this.tombstone(key)
    this.index.remove(key)
    this.live.delete(key)
  }

  checkAll(): void {
    const keys = [...this.live.keys()].sort((a, b) => (a < b ? -1 : 1))
    expect(visited(this.index, '', undefined)).toEqual(keys)
    expect(this.index.size).toBe(keys.length)
    expect(this.index.live).toBe(keys.filter((key) => this.live.get(key)).length)
    expect(this.index.countLive('', undefined)).toBe(this.index.live)
  }

  checkSpan(from: string, end: string | undefined): void {
    const keys = [...this.live.keys()].filter((key) => key >= from && (end === undefined || key < end))
    expect(visited(this.index, from, end)).toEqual(keys.sort((a, b) => (a < b ? -1 : 1)))
    expect(this.index.countLive(from, end)).toBe(keys.filter((key) => this.live.get(key)).length)
    expect(this.index.get(from)?.live).toBe(this.live.get(from))
  }
}

function visited(index: KeyIndex, from: string, end: string | undefined): readonly string[] {
  const keys: string[] = []
  index.visit(from, end, (key) => {
    keys.push(key)
    return true
  })
  return keys
}

/** How the keys of a phase come: their order decides how leaves split. */
const orders = {
  ascending: (_: Random, at: number) => String(at).padStart(6, '0'),
  descending: (_: Random, at: number) => String(999_999 - at),
  random: (random: Random) => String(random.below(3_000)),
  'in one place': (random: Random, at: number) => `5${String(at).padStart(6, '0')}${random.below(3)}`,
} as const satisfies Record<string, (random: Random, at: number) => string>

describe('the key index', () => {
  test('finds, orders and counts keys as a sorted map does, through splits and removals', () => {
    const phase = fc.record({
      order: fc.constantFrom(...Object.values(orders)),
      count: fc.integer({ min: 1, max: 1_500 }),
      // What happens to a key in ten cases.
      removeOfTen: fc.integer({ min: 0, max: 10 }),
      deleteOfTen: fc.integer({ min: 0, max: 5 }),
    })
    fc.assert(
      fc.property(fc.array(phase, { minLength: 1, maxLength: 4, size: 'max' }), fc.nat(), (phases, seed) => {
        const random = createRandom(seed)
        const twins = new Twins()
        for (const { order, count, removeOfTen, deleteOfTen } of phases) {
          for (let at = 0; at < count; at++) twins.put(order(random, at))
          twins.checkAll()
          for (const key of [...twins.live.keys()]) {
            if (random.below(10) < removeOfTen) twins.remove(key)
            else if (random.below(10) < deleteOfTen) twins.tombstone(key)
          }
          twins.checkAll()
          for (let i = 0; i < 10; i++) {
            const [from, end] = [orders.random(random), orders.random(random)]
            twins.checkSpan(from, i === 0 ? undefined : end)
          }
        }
        for (const key of [...twins.live.keys()]) twins.remove(key)
        twins.checkAll()
        twins.put('again')
        twins.checkAll()
      }),
      { numRuns: 60 },
    )
  })

  test('counts a range that begins or ends at the edge of a leaf', () => {
    const twins = new Twins()
    for (let at = 0; at < 1_000; at++) twins.put(orders.ascending(createRandom(1), at))
    for (let at = 0; at < 1_000; at += 3) twins.tombstone(orders.ascending(createRandom(1), at))
    for (const edge of [255, 256, 257, 511, 512, 513, 767, 768, 999]) {
      const key = orders.ascending(createRandom(1), edge)
      twins.checkSpan('', key)
      twins.checkSpan(key, undefined)
      twins.checkSpan(key, key)
      twins.checkSpan(key, `${key}\0`)
    }
  })

  test('ends a visit when it is told to', () => {
    const index = new KeyIndex()
    for (const key of ['a', 'b', 'c', 'd']) index.put(key, 2, 0)
    const seen: string[] = []
    index.visit('b', undefined, (key) => {
      seen.push(key)
      return key !== 'c'
    })
    expect(seen).toEqual(['b', 'c'])
  })

  test('restores keys from their revisions, with a generation whose beginning is compacted', () => {
    const index = new KeyIndex()
    index.restore('a', 5, 0, 3, 2)
    index.restore('b', 6, 0, 0, 0)
    index.restore('a', 7, 0, 0, 0)
    index.restore('b', 8, 0, 8, 1)
    expect(index.live).toBe(1)
    const numbers = ({ created, version, live }: KeyHistory) => ({ created, version, live })
    const histories = [index.get('a'), index.get('b')].map((history) => history && numbers(history))
    expect(histories).toEqual([
      { created: 3, version: 0, live: false },
      { created: 8, version: 1, live: true },
    ])
    expect(numbers(index.put('a', 9, 0))).toEqual({ created: 9, version: 1, live: true })
    expect(numbers(index.put('b', 9, 1))).toEqual({ created: 8, version: 2, live: true })
  })

  test('stops at what cannot be: a deletion of what is not there, a key forgotten while it exists', () => {
    const index = new KeyIndex()
    index.put('a', 2, 0)
    expect(() => index.tombstone('b', 3, 0)).toThrow(InvariantError)
    expect(() => index.remove('a')).toThrow(InvariantError)
    expect(() => index.put('a', 2, 0)).toThrow(InvariantError)
    index.tombstone('a', 3, 0)
    expect(() => index.tombstone('a', 4, 0)).toThrow(InvariantError)
  })
})
