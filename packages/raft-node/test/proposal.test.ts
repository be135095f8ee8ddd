import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ForwardedFilter } from '../src/forwarded-filter.ts'
import {
  contentOf,
  forwardedPayload,
  headerOf,
  memberPayload,
  ownPayload,
  proposalHeadroomBytes,
} from '../src/proposal.ts'

const uint48 = fc.integer({ min: 0, max: 2 ** 48 - 1 })

function payloadOf(content: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.alloc(proposalHeadroomBytes), content])
}

describe('the header of a payload', () => {
  test('of a forwarded proposal says where it comes from', () => {
    fc.assert(
      fc.property(
        fc.record({
          session: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
          sequence: uint48,
          settledBelow: uint48,
        }),
        fc.uint8Array(),
        (origin, content) => {
          const payload = forwardedPayload(payloadOf(content), origin)
          expect(headerOf(payload)).toEqual({ kind: 'forwarded', origin })
          expect(Buffer.from(contentOf(payload))).toEqual(Buffer.from(content))
        },
      ),
    )
  })

  test("of a leader's own, or of one that tells of members, is a byte", () => {
    const content = Buffer.from('content')
    for (const [kind, payload] of [
      ['own', ownPayload(payloadOf(content))],
      ['member', memberPayload(content)],
    ] as const) {
      expect(headerOf(payload)).toEqual({ kind })
      expect(payload).toHaveLength(1 + content.length)
      expect(Buffer.from(contentOf(payload))).toEqual(content)
    }
  })

  test('does not touch what was forwarded before', () => {
    const payload = payloadOf(Buffer.from('x'))
    const first = forwardedPayload(payload, { session: 1n, sequence: 1, settledBelow: 1 })
    const copy = Uint8Array.from(first)
    forwardedPayload(payload, { session: 1n, sequence: 2, settledBelow: 2 })
    ownPayload(payload)
    expect(first).toEqual(copy)
  })

  test('that nobody wrote is none', () => {
    for (const bytes of [[], [3], [255, 0], [1], [1, ...Array<number>(19).fill(0)]]) {
      expect(headerOf(Uint8Array.from(bytes))).toBeUndefined()
    }
  })
})

describe('a leader', () => {
  const origin = (sequence: number, settledBelow = 0, session = 1n) => ({ session, sequence, settledBelow })

  test('appends a forwarded proposal once in a term', () => {
    const filter = new ForwardedFilter()
    expect(filter.isNew(origin(1), 5)).toBe(true)
    expect(filter.isNew(origin(1), 5)).toBe(true)
    filter.appended(origin(1), 5)
    expect(filter.isNew(origin(1), 5)).toBe(false)
    expect(filter.isNew(origin(2), 5)).toBe(true)
    expect(filter.isNew(origin(1, 0, 2n), 5)).toBe(true)
    expect(filter.isNew(origin(1), 6)).toBe(true)
  })

  test('never appends what its sender calls settled, also when it comes late', () => {
    const filter = new ForwardedFilter()
    filter.appended(origin(5, 4), 5)
    expect(filter.isNew(origin(3), 5)).toBe(false)
    expect(filter.isNew(origin(4), 5)).toBe(true)
    filter.appended(origin(4, 2), 5)
    expect(filter.isNew(origin(3), 5)).toBe(false)
    filter.appended(origin(9, 9), 5)
    expect(filter.isNew(origin(5), 5)).toBe(false)
  })
})
