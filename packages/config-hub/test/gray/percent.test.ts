import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bucketCount, bucketOf } from '../../src/gray/bucket.ts'
import { matchesRule } from '../../src/gray/match-rule.ts'
import type { ConfigClient } from '../../src/model.ts'

const path = 'prod/shop/app.yaml'
const ids = 10_000

/** Percent in hundredths. */
const hundredths = fc.integer({ min: 0, max: 10_000 })
const matches = (percent: number, client: ConfigClient, of = path): boolean =>
  matchesRule({ percent }, client, of)

describe('the bucket of a client', () => {
  test.each([
    ['prod/shop/app.yaml', 'client-1', 9_669],
    ['prod/shop/app.yaml', 'client-2', 5_642],
    ['prod/shop/db.yaml', 'client-1', 2_567],
    ['', '', 6_237],
    ['größe/名', '10.1.2.3', 3_747],
  ])('of %j and %j is %i for ever', (file, who, bucket) => {
    expect(bucketOf(file, who)).toBe(bucket)
  })

  test('is one of them, whoever it is', () => {
    const property = fc.property(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'binary' }),
      (file, who) => {
        const bucket = bucketOf(file, who)
        expect(Number.isInteger(bucket) && bucket >= 0 && bucket < bucketCount).toBe(true)
        expect(bucketOf(file, who)).toBe(bucket)
      },
    )
    fc.assert(property)
  })

  test('knows where the path ends', () => {
    expect(bucketOf('ab', 'c')).not.toBe(bucketOf('a', 'bc'))
  })
})

describe('a share of the clients', () => {
  test('has them all again when it grows', () => {
    const client = fc.record({ id: fc.string({ unit: 'binary', minLength: 1 }) })
    const property = fc.property(client, hundredths, hundredths, (who, one, other) => {
      const [less, more] = [Math.min(one, other) / 100, Math.max(one, other) / 100]
      if (matches(less, who)) expect(matches(more, who)).toBe(true)
    })
    fc.assert(property, { numRuns: 1_000 })
  })

  test('begins for each client at one percentage', () => {
    const client = { id: 'client-1' }
    const first = (bucketOf(path, client.id) + 1) / 100
    expect(matches(first, client)).toBe(true)
    expect(matches((first * 100 - 1) / 100, client)).toBe(false)
  })

  test.each([
    ['counted', (nth: number): ConfigClient => ({ id: `client-${nth}` })],
    ['long and alike', (nth: number): ConfigClient => ({ id: `${'shop-backend-'.repeat(10)}${nth}` })],
    ['numbers', (nth: number): ConfigClient => ({ id: String(nth) })],
    ['addresses', (nth: number): ConfigClient => ({ address: `10.0.${nth >> 8}.${nth & 255}` })],
    ['addresses of IPv6', (nth: number): ConfigClient => ({ address: `2001:db8::${nth.toString(16)}` })],
  ])('is about as large as it says, where the ids are %s', (_, clientOf) => {
    const property = fc.property(hundredths, fc.nat({ max: 50 }), (share, file) => {
      const percent = share / 100
      let matched = 0
      for (let nth = 0; nth < ids; nth++) if (matches(percent, clientOf(nth), `n/g/f${file}`)) matched++
      // Five standard deviations of as many draws: seen once in millions of runs.
      const p = percent / 100
      const bound = 5 * Math.sqrt(ids * p * (1 - p))
      expect(Math.abs(matched - ids * p)).toBeLessThanOrEqual(Math.ceil(bound))
    })
    fc.assert(property, { numRuns: 5 })
  })

  test('has others for another file', () => {
    let [both, one] = [0, 0]
    for (let nth = 0; nth < ids; nth++) {
      const client = { id: `client-${nth}` }
      if (!matches(10, client, 'n/g/a.yaml')) continue
      one++
      if (matches(10, client, 'n/g/b.yaml')) both++
    }
    expect(both / one).toBeGreaterThan(0.05)
    expect(both / one).toBeLessThan(0.15)
  })

  test('goes by the address of a client without an id, however it is written', () => {
    const property = fc.property(fc.ipV4(), hundredths, (address, share) => {
      const percent = share / 100
      const expected = bucketOf(path, address) < share
      expect(matches(percent, { address })).toBe(expected)
      expect(matches(percent, { id: '', address: `::ffff:${address}` })).toBe(expected)
    })
    fc.assert(property)
  })
})
