import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { placeBytes, sealContent, unsealContent } from '../../src/encryption/sealing.ts'
import type { ContentPlace } from '../../src/encryption/ports.ts'
import { keyOf } from './support.ts'

const bytes = fc.uint8Array({ maxLength: 300 })
const key = fc.uint8Array({ minLength: 32, maxLength: 32 })
const place: fc.Arbitrary<ContentPlace> = fc.record({
  path: fc.constantFrom('a/b/c', 'a/b/c%2Fd', 'n/g/1', 'n/g/'),
  at: fc.oneof(fc.integer({ min: 1, max: 30 }), fc.constant('draft' as const)),
})
const refusal = expect.objectContaining({ code: 'CONFIG_DECRYPTION_FAILED' }) as Error

describe('a sealed content', () => {
  test('opens with its key at its place, and takes 28 bytes more', () => {
    fc.assert(
      fc.property(key, place, bytes, (dataKey, at, plain) => {
        const sealed = sealContent(dataKey, at, plain)
        expect(sealed.length).toBe(plain.length + 28)
        expect(unsealContent(dataKey, at, sealed)).toEqual(Buffer.from(plain))
      }),
    )
  })

  test('looks different each time', () => {
    const plain = Buffer.from('the same')
    const at: ContentPlace = { path: 'a/b/c', at: 1 }
    const seen = new Set(
      Array.from({ length: 100 }, () => Buffer.from(sealContent(keyOf(1), at, plain)).toString('hex')),
    )
    expect(seen.size).toBe(100)
    expect(new Set([...seen].map((sealed) => sealed.slice(0, 24))).size).toBe(100)
  })

  test('opens at no other place', () => {
    fc.assert(
      fc.property(place, place, bytes, (at, other, plain) => {
        fc.pre(at.path !== other.path || at.at !== other.at)
        const sealed = sealContent(keyOf(1), at, plain)
        expect(() => unsealContent(keyOf(1), other, sealed)).toThrow(refusal)
      }),
    )
  })

  test('opens with no other key', () => {
    const at: ContentPlace = { path: 'a/b/c', at: 'draft' }
    const sealed = sealContent(keyOf(1), at, Buffer.from('secret'))
    expect(() => unsealContent(keyOf(2), at, sealed)).toThrow(refusal)
  })

  test('does not open when any bit of it was changed', () => {
    const at: ContentPlace = { path: 'a/b/c', at: 1 }
    const sealed = sealContent(keyOf(1), at, Buffer.from('secret'))
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = Uint8Array.from(sealed)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(() => unsealContent(keyOf(1), at, changed)).toThrow(refusal)
    }
  })

  test('does not open when it is cut off or has more at its end', () => {
    const at: ContentPlace = { path: 'a/b/c', at: 1 }
    const sealed = sealContent(keyOf(1), at, Buffer.from('secret'))
    for (let length = 0; length < sealed.length; length++) {
      expect(() => unsealContent(keyOf(1), at, sealed.subarray(0, length))).toThrow(refusal)
    }
    expect(() => unsealContent(keyOf(1), at, Buffer.concat([sealed, Buffer.of(0)]))).toThrow(refusal)
  })

  test('is bound to bytes that others can make as well', () => {
    expect(Buffer.from(placeBytes({ path: 'a/b/c', at: 12 })).toString()).toBe('a/b/c\n12')
    expect(Buffer.from(placeBytes({ path: 'a/b/c', at: 'draft' })).toString()).toBe('a/b/c\ndraft')
  })
})
