import { KeyValue } from '@orrery/mvcc'
import { InvariantError } from '@orrery/environment'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RecordEncoder } from '../src/record-encoder.ts'
import { bytesOf, encodePair, latin1, type Pair, pairOf } from './support/wire.ts'

const number = fc.oneof(
  fc.constantFrom(
    0,
    1,
    127,
    128,
    16_383,
    16_384,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32,
    2 ** 49,
    Number.MAX_SAFE_INTEGER,
  ),
  fc.maxSafeNat(),
)
const pair: fc.Arbitrary<Pair> = fc.record({
  key: fc.uint8Array({ maxLength: 200 }).map(latin1),
  createRevision: number,
  modRevision: number,
  version: number,
  value: fc.uint8Array({ maxLength: 200 }).map(latin1),
  lease: fc.oneof(
    fc.constantFrom(0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n)),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  ),
})

function encode(encoder: RecordEncoder, { value, ...fields }: Pair): Uint8Array {
  return encoder.encode({ ...fields, value: bytesOf(value) })
}

describe('a key-value record', () => {
  test('is encoded as protobuf encodes it, and decodes to what it was made of', () => {
    const encoder = new RecordEncoder()
    fc.assert(
      fc.property(pair, (fields) => {
        const record = encode(encoder, fields)
        expect(record).toEqual(encodePair(fields))
        expect(pairOf(new KeyValue(record))).toEqual(fields)
        expect(pairOf(new KeyValue(record).withoutValue())).toEqual({ ...fields, value: '' })
        expect(new KeyValue(record).withoutValue().record).toEqual(encodePair({ ...fields, value: '' }))
      }),
      { numRuns: 500 },
    )
  })

  test('keeps its bytes while its encoder goes on, whatever the sizes', () => {
    const encoder = new RecordEncoder()
    const sizes = fc.constantFrom(0, 1, 300, 4_000, 4_096, 5_000, 70_000)
    fc.assert(
      fc.property(fc.array(sizes, { maxLength: 60 }), (lengths) => {
        const pairs = lengths.map((length, i) => ({
          key: `key-${i}`,
          createRevision: i,
          modRevision: i,
          version: 1,
          value: String.fromCharCode(i).repeat(length),
          lease: 0n,
        }))
        const records = pairs.map((fields) => encode(encoder, fields))
        for (const [i, fields] of pairs.entries()) {
          expect(Buffer.compare(records[i] ?? new Uint8Array(0), encodePair(fields))).toBe(0)
        }
      }),
      { numRuns: 30 },
    )
  })

  test('of a deletion holds the key alone in the backend, key and revision for watchers', () => {
    const encoder = new RecordEncoder()
    const nothing = { createRevision: 0, version: 0, value: '', lease: 0n }
    expect(encoder.tombstone('gone')).toEqual(encodePair({ key: 'gone', modRevision: 0, ...nothing }))
    expect(pairOf(encoder.deletion('gone', 300))).toEqual({ key: 'gone', modRevision: 300, ...nothing })
  })

  test.each([
    ['ends within a number', [0x10, 0x80]],
    ['ends within its value', [0x2a, 0x05, 0x01]],
    ['ends within its lease', [0x30, 0xff]],
    ['has a field that no version of the format knows', [0x38, 0x01]],
  ])('that %s is never taken for a good one', (_, bytes) => {
    expect(() => new KeyValue(Uint8Array.from(bytes)).version).toThrow(InvariantError)
  })
})
