import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isRevisionKey, readMain, readSub, revisionKeyBytes, writeRevisionKey } from '../src/layout.js'

/** Around every power of two: there a byte of a key carries over into the next one. */
const near = (bits: number): fc.Arbitrary<number> =>
  fc
    .tuple(fc.nat(bits), fc.integer({ min: -2, max: 2 }))
    .map(([exponent, offset]) => Math.min(2 ** bits - 1, Math.max(0, 2 ** exponent + offset)))

const revision = fc.record({ main: near(53), sub: near(32), tombstone: fc.boolean() })

function keyOf({ main, sub, tombstone }: { main: number; sub: number; tombstone: boolean }): Buffer {
  const bytes = Buffer.alloc(revisionKeyBytes + 1)
  return bytes.subarray(0, writeRevisionKey(bytes, 0, main, sub, tombstone))
}

describe('the key of a revision', () => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(revision, (written) => {
        const key = keyOf(written)
        const read = {
          main: readMain(key, 0),
          sub: readSub(key, 0),
          tombstone: key.length > revisionKeyBytes,
        }
        expect(read).toEqual(written)
        expect(isRevisionKey(key)).toBe(true)
      }),
    )
  })

  test('comes before those of later revisions', () => {
    fc.assert(
      fc.property(revision, revision, (one, other) => {
        const difference = one.main === other.main ? one.sub - other.sub : one.main - other.main
        fc.pre(difference !== 0)
        expect(Buffer.compare(keyOf(one), keyOf(other))).toBe(Math.sign(difference))
      }),
    )
  })

  test.each([
    ['is too short', '0000000000012c000000'],
    ['is too long', '0000000000012c000000007474'],
    ['ends in another mark than a tombstone', '0000000000012c0000000075'],
    ['has a main part that is no safe integer', '2000000000000000000000'],
  ])('is none that %s', (_, hex) => {
    expect(isRevisionKey(Buffer.from(hex, 'hex'))).toBe(false)
  })
})
