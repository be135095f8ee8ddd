import { hasCode } from '@orrery/environment'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Command } from '../src/command.ts'
import { decodeCommand } from '../src/command-decoder.ts'
import { CommandEncoder } from '../src/command-encoder.ts'

const key = fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString('latin1'))
const bytes = fc.uint8Array({ maxLength: 20 }).map((value) => Buffer.from(value))
const id = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const number = fc.oneof(
  fc.maxSafeInteger(),
  fc.double({ noNaN: true }).map((value) => value + 0),
)

const put = fc.record({
  prevKv: fc.boolean(),
  ignoreValue: fc.boolean(),
  ignoreLease: fc.boolean(),
  lease: id,
  key,
  value: bytes,
})
const deleteRange = fc.record({ prevKv: fc.boolean(), key, rangeEnd: key })
const range = fc.record({
  key,
  rangeEnd: key,
  sortOrder: fc.constantFrom('none', 'ascend', 'descend'),
  sortTarget: fc.constantFrom('key', 'version', 'createRevision', 'modRevision', 'value'),
  keysOnly: fc.boolean(),
  countOnly: fc.boolean(),
  limit: number,
  revision: number,
  minModRevision: number,
  maxModRevision: number,
  minCreateRevision: number,
  maxCreateRevision: number,
})
const result = fc.constantFrom('equal', 'greater', 'less', 'notEqual')
const compare = fc.oneof(
  fc.record({
    key,
    rangeEnd: key,
    result,
    target: fc.constantFrom('version', 'createRevision', 'modRevision'),
    value: number,
  }),
  fc.record({ key, rangeEnd: key, result, target: fc.constant('value'), value: bytes }),
  fc.record({ key, rangeEnd: key, result, target: fc.constant('lease'), value: id }),
)
const { txn } = fc.letrec((tie) => ({
  op: fc.oneof(
    { maxDepth: 3 },
    range.map((request) => ({ type: 'range', ...request })),
    put.map((request) => ({ type: 'put', ...request })),
    deleteRange.map((request) => ({ type: 'deleteRange', ...request })),
    tie('txn').map((request) => ({ type: 'txn', ...(request as object) })),
  ),
  txn: fc.record({
    compare: fc.array(compare, { maxLength: 3 }),
    success: fc.array(tie('op'), { maxLength: 3 }),
    failure: fc.array(tie('op'), { maxLength: 3 }),
  }),
}))
const command = fc.oneof(
  put.map((request) => ({ type: 'put', request })),
  deleteRange.map((request) => ({ type: 'deleteRange', request })),
  txn.map((request) => ({ type: 'txn', request })),
  number.map((revision) => ({ type: 'compact', revision })),
  fc.record({ type: fc.constant('leaseGrant'), id, ttlMs: number }),
  fc.record({ type: fc.constant('leaseRevoke'), id }),
  fc.record({ type: fc.constant('leaseRevokeKeys'), id, keys: fc.array(key, { maxLength: 5 }) }),
  fc.record({ type: fc.constant('leaseExpire'), ids: fc.array(id, { maxLength: 5 }) }),
  fc.record({
    type: fc.constant('leaseCheckpoint'),
    checkpoints: fc.array(fc.record({ id, remainingMs: number }), { maxLength: 5 }),
  }),
  fc.record({
    type: fc.constant('alarm'),
    action: fc.constantFrom('activate', 'deactivate'),
    alarm: fc.constantFrom('noSpace', 'corrupt'),
    memberId: id,
  }),
) as fc.Arbitrary<Command>

const encoder = new CommandEncoder()
const encode = (given: Command): Buffer => Buffer.from(encoder.encode(given))

/** Decodes what may be damaged: either it is a command, or it is refused as damaged. */
function decodeOrRefuse(given: Uint8Array): Command | undefined {
  try {
    return decodeCommand(given)
  } catch (error) {
    if (hasCode(error, 'STORE_DAMAGED')) return undefined
    throw error
  }
}

describe('the command codec', () => {
  test('gives back every command', () => {
    fc.assert(
      fc.property(command, (given) => {
        expect(decodeCommand(encode(given))).toEqual(given)
      }),
      { numRuns: 500 },
    )
  })

  test('fills in what a command leaves out', () => {
    const given: Command = {
      type: 'txn',
      request: {
        compare: [{ key: 'a', result: 'equal', target: 'version', value: 0 }],
        success: [
          { type: 'put', key: 'a' },
          { type: 'range', key: 'b' },
        ],
      },
    }
    const decoded = decodeCommand(encode(given))
    expect(decoded).toMatchObject({
      type: 'txn',
      request: {
        compare: [{ rangeEnd: '', value: 0 }],
        success: [
          { lease: 0n, ignoreLease: false },
          { limit: 0, sortOrder: 'none' },
        ],
        failure: [],
      },
    })
    expect(encode(decoded)).toEqual(encode(given))
  })

  test('keeps its numbers: what an earlier version wrote means the same', () => {
    const id = 1n
    const samples: Command[] = [
      { type: 'put', request: { key: 'k', value: Buffer.from('v'), lease: id, prevKv: true } },
      { type: 'deleteRange', request: { key: 'k', rangeEnd: 'l' } },
      { type: 'txn', request: { success: [{ type: 'txn', failure: [{ type: 'deleteRange', key: 'k' }] }] } },
      { type: 'compact', revision: 3 },
      { type: 'leaseGrant', id, ttlMs: 2 },
      { type: 'leaseRevoke', id },
      { type: 'leaseRevokeKeys', id, keys: ['k'] },
      { type: 'leaseCheckpoint', checkpoints: [{ id, remainingMs: 2 }] },
      { type: 'alarm', action: 'deactivate', alarm: 'corrupt', memberId: id },
      { type: 'leaseExpire', ids: [id] },
    ]
    expect(samples.map((sample) => encode(sample).toString('hex'))).toMatchInlineSnapshot(`
      [
        "00010100000000000000010000006b0100000076",
        "0100010000006b010000006c",
        "020000000001000000030000000000000000010000000200010000006b0000000000000000",
        "030000000000000840",
        "0401000000000000000000000000000040",
        "050100000000000000",
        "06010000000000000001000000010000006b",
        "070100000001000000000000000000000000000040",
        "0801010100000000000000",
        "09010000000100000000000000",
      ]
    `)
  })

  test('grows for large commands and shrinks back for small ones', () => {
    const value = Buffer.alloc(100_000, 7)
    const large: Command = { type: 'put', request: { key: 'k'.repeat(10_000), value } }
    expect(decodeCommand(encode(large))).toMatchObject({ request: { value } })
    expect(encode({ type: 'leaseRevoke', id: 5n })).toHaveLength(9)
  })

  test('refuses what ends early, at every byte', () => {
    fc.assert(
      fc.property(command, (given) => {
        const whole = encode(given)
        for (let length = 0; length < whole.length; length++) {
          expect(decodeOrRefuse(whole.subarray(0, length))).toBeUndefined()
        }
        expect(decodeOrRefuse(Buffer.concat([whole, Buffer.alloc(1)]))).toBeUndefined()
      }),
      { numRuns: 60 },
    )
  })

  test('takes or refuses changed bytes, and does nothing else', () => {
    fc.assert(
      fc.property(command, fc.nat(), fc.integer({ min: 1, max: 255 }), (given, at, mask) => {
        const damaged = encode(given)
        const index = at % damaged.length
        damaged[index] = (damaged[index] ?? 0) ^ mask
        decodeOrRefuse(damaged)
      }),
      { numRuns: 2_000 },
    )
  })

  test('takes or refuses any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (given) => {
        decodeOrRefuse(given)
      }),
      { numRuns: 2_000 },
    )
  })

  test('does not allocate what a damaged count asks for', () => {
    const claims = [
      Buffer.from([6, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]),
      Buffer.from([7, 0xff, 0xff, 0xff, 0x7f]),
      Buffer.from([9, 0xff, 0xff, 0xff, 0x7f]),
      Buffer.from([2, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]),
    ]
    const before = process.memoryUsage().rss
    for (const claim of claims) expect(() => decodeCommand(claim)).toThrow('STORE_DAMAGED')
    expect(process.memoryUsage().rss - before).toBeLessThan(200_000_000)
  })

  test('never encodes what it would not read again: deeply nested txns are refused', () => {
    const nest = (depth: number): Command => {
      let request: Extract<Command, { type: 'txn' }>['request'] = {}
      for (let n = 0; n < depth; n++) request = { success: [{ type: 'txn', ...request }] }
      return { type: 'txn', request }
    }
    for (const depth of [255, 256, 257, 5_000]) {
      let encoded: Buffer | undefined
      try {
        encoded = encode(nest(depth))
      } catch (error) {
        expect(hasCode(error, 'STORE_REQUEST_TOO_LARGE')).toBe(true)
      }
      if (encoded !== undefined) expect(decodeCommand(encoded)).toMatchObject({ type: 'txn' })
      expect(encoded !== undefined).toBe(depth <= 256)
    }
  })
})
