import { LeaseError } from '@orrery/lease'
import { StoreError, storeErrorCodes } from '@orrery/store'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  decodeAnswer,
  decodeRequest,
  encodeAnswer,
  encodeRequest,
  type PeerRequest,
} from '../src/cluster/peer-requests.ts'

const id = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const request: fc.Arbitrary<PeerRequest> = fc.oneof(
  fc.record({ type: fc.constant('keepAlive' as const), ids: fc.array(id, { maxLength: 4 }) }),
  fc.record({ type: fc.constant('timeToLive' as const), id, keys: fc.boolean() }),
  fc.record({ type: fc.constant('hash' as const), revision: fc.maxSafeNat() }),
)

function codeOf(run: () => unknown): string {
  try {
    run()
    return 'ok'
  } catch (error) {
    return (error as Error & { code: string }).code
  }
}

test('a request is the same after its way', () => {
  fc.assert(
    fc.property(request, (one) => {
      expect(decodeRequest(encodeRequest(one))).toEqual(one)
    }),
  )
})

test('an answer is the same after its way', () => {
  const ms = fc.nat(2 ** 40)
  const keys = fc.array(fc.uint8Array({ maxLength: 8 }), { maxLength: 4 })
  const timeToLive = fc.oneof(
    fc.record({ grantedMs: ms, remainingMs: ms }),
    fc.record({ grantedMs: ms, remainingMs: ms, keys }),
    fc.constant(undefined),
  )
  fc.assert(
    fc.property(ms, timeToLive, (ttlMs, one) => {
      const gone = new LeaseError('LEASE_NOT_FOUND', 'there is no lease')
      const renewed = { type: 'keepAlive', renewed: [{ ttlMs }, gone, { ttlMs: 7 }] } as const
      expect(decodeAnswer('keepAlive', encodeAnswer(renewed))).toEqual(renewed)
      const told = { type: 'timeToLive', timeToLive: one } as const
      expect(decodeAnswer('timeToLive', encodeAnswer(told))).toEqual(told)
    }),
  )
})

test('a hash is the same after its way', () => {
  const number = fc.maxSafeInteger()
  fc.assert(
    fc.property(number, number, number, (hash, compactRevision, revision) => {
      const told = { type: 'hash', hash, compactRevision, revision } as const
      expect(decodeAnswer('hash', encodeAnswer(told))).toEqual(told)
    }),
  )
})

test('an error keeps its class, code and text', () => {
  const lease = new LeaseError('LEASE_NOT_FOUND', 'there is no lease')
  expect(() => decodeAnswer('keepAlive', encodeAnswer(lease))).toThrow(lease)
  for (const code of storeErrorCodes) {
    const error = new StoreError(code, 'the reason')
    expect(() => decodeAnswer('timeToLive', encodeAnswer(error))).toThrow(error)
    expect(codeOf(() => decodeAnswer('timeToLive', encodeAnswer(error)))).toBe(code)
  }
  expect(codeOf(() => decodeAnswer('keepAlive', encodeAnswer(new Error('x'))))).toBe('STORE_FAILED')
})

test.each([
  '',
  'no JSON',
  'null',
  '7',
  '[]',
  '{}',
  '{"type":"keepAlive"}',
  '{"type":"keepAlive","ids":"7"}',
  '{"type":"keepAlive","ids":[7]}',
  '{"type":"keepAlive","ids":["7","seven"]}',
  '{"type":"keepAlive","ids":["123456789012345678901"]}',
  '{"type":"timeToLive"}',
  '{"type":"revoke","id":"7"}',
  '{"type":"hash"}',
  '{"type":"hash","revision":"7"}',
  '{"type":"hash","revision":1.5}',
])('the request %j is refused as damaged', (text) => {
  expect(codeOf(() => decodeRequest(Buffer.from(text)))).toBe('STORE_DAMAGED')
})

test.each([
  '',
  'no JSON',
  'null',
  '"x"',
  '{}',
  '{"renewed":7}',
  '{"renewed":[null]}',
  '{"renewed":[{"ttlMs":"7"}]}',
])('the answer %j to a renewal is refused as damaged', (text) => {
  expect(codeOf(() => decodeAnswer('keepAlive', Buffer.from(text)))).toBe('STORE_DAMAGED')
})

test.each(['{}', '{"hash":1}', '{"hash":1,"compactRevision":2,"revision":"3"}'])(
  'the answer %j to a question for a hash is refused as damaged',
  (text) => {
    expect(codeOf(() => decodeAnswer('hash', Buffer.from(text)))).toBe('STORE_DAMAGED')
  },
)

test('noise is refused as damaged', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      expect(codeOf(() => decodeRequest(bytes))).toBe('STORE_DAMAGED')
      expect(codeOf(() => decodeAnswer('keepAlive', bytes))).toBe('STORE_DAMAGED')
    }),
  )
})
