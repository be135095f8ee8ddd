import { bytesFromKey, fromKeyEnd, keyFromBytes, prefixEnd } from '@orrery/mvcc'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

const bytes = fc.uint8Array({ maxLength: 50 })

describe('a key as a byte string', () => {
  test('has one char per byte', () => {
    expect(keyFromBytes(Uint8Array.of(0x61, 0x00, 0xff))).toBe('a\0\xff')
    expect(bytesFromKey('a\0\xff')).toEqual(Uint8Array.of(0x61, 0x00, 0xff))
  })

  test('turns back into its bytes, however long it is', () => {
    fc.assert(
      fc.property(bytes, (key) => {
        expect(bytesFromKey(keyFromBytes(key))).toEqual(key)
      }),
    )
    const long = new Uint8Array(1_000_000).map((_, at) => at % 256)
    expect(Buffer.compare(bytesFromKey(keyFromBytes(long)), long)).toBe(0)
  })

  test('compares as its bytes do', () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        const [x, y] = [keyFromBytes(a), keyFromBytes(b)]
        expect(x < y ? -1 : x > y ? 1 : 0).toBe(Buffer.compare(a, b))
      }),
    )
  })
})

describe('the end of a prefix', () => {
  test.each([
    ['a', 'b'],
    ['a/', 'a0'],
    ['a\xff', 'b'],
    ['a\xff\xff', 'b'],
    ['\xfe', '\xff'],
    ['\xff', fromKeyEnd],
    ['\xff\xff', fromKeyEnd],
    ['', fromKeyEnd],
  ])('%j is %j', (prefix, end) => expect(prefixEnd(prefix)).toBe(end))

  test('is above exactly the keys that begin with it, and those before it', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '\0', '\xfe', '\xff'), maxLength: 4 })
    fc.assert(
      fc.property(text, text, (prefix, key) => {
        const end = prefixEnd(prefix)
        const isWithin = key >= prefix && (end === fromKeyEnd || key < end)
        expect(isWithin).toBe(key.startsWith(prefix))
      }),
      { numRuns: 1_000 },
    )
  })
})
