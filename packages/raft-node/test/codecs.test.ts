import { createMembership } from '@orrery/raft'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type ClusterMembers,
  decodeAnswer,
  decodeRequest,
  encodeAnswer,
  encodeRequest,
  type NodeRequest,
  tagged,
  untagged,
} from '../src/administration.ts'
import { ByteReader } from '../src/byte-reader.ts'
import { ByteWriter } from '../src/byte-writer.ts'
import { NodeError, nodeErrorCodes } from '../src/errors.ts'
import {
  decodeBase,
  decodeHardState,
  decodeInstalled,
  decodePosition,
  encodeBase,
  encodeHardState,
  encodeInstalled,
  encodePosition,
} from '../src/log-records.ts'
import {
  decodeUpdate,
  encodeUpdate,
  fromMembershipChange,
  toMembershipChange,
} from '../src/member-entries.ts'
import type { MemberChange } from '../src/membership-rules.ts'

const id = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const count = fc.maxSafeNat()
const texts = fc.array(fc.string(), { maxLength: 3 })

const change = fc.oneof(
  fc.record({ type: fc.constant('add' as const), id, peerAddresses: texts, isLearner: fc.boolean() }),
  fc.record({ type: fc.constant('remove' as const), id }),
  fc.record({ type: fc.constant('promote' as const), id }),
  fc.record({ type: fc.constant('move' as const), id, peerAddresses: texts }),
)
const update = fc.record({
  id,
  change: fc.oneof(
    fc.record({ peerAddresses: texts }),
    fc.record({ name: fc.string(), directoryId: id, clientUrls: texts }),
  ),
})
const request: fc.Arbitrary<NodeRequest> = fc.oneof(
  fc.constant({ type: 'members' as const }),
  fc.record({ type: fc.constant('transfer' as const), target: id }),
  fc.record({ type: fc.constant('update' as const), update }),
  fc.record({ type: fc.constant('change' as const), change }),
)
const answer: fc.Arbitrary<ClusterMembers> = fc.record({
  clusterId: id,
  members: fc.array(
    fc.record({
      id,
      name: fc.string(),
      directoryId: id,
      isLearner: fc.boolean(),
      peerAddresses: texts,
      clientUrls: texts,
    }),
    { maxLength: 3 },
  ),
})
const position = fc.record({ index: count, term: count })
const hardState = fc.record({ term: count, vote: id, commitIndex: count, isOnProbation: fc.boolean() })
const ids = fc.uniqueArray(fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }), { minLength: 1, maxLength: 12 })
/** Of each three ids one votes, one learns, and one is about to learn; the last only in joint consensus. */
const membership = fc.tuple(ids, fc.boolean(), fc.boolean()).map(([all, isJoint, leavesAutomatically]) => {
  const sorted = [...all].sort((a, b) => (a < b ? -1 : 1))
  const every = (rest: number): bigint[] => sorted.filter((_, at) => at % 3 === rest)
  const settled = createMembership({ voters: every(0), learners: every(1) })
  if (!isJoint) return settled
  const outgoingVoters = sorted.filter((_, at) => at % 3 !== 1)
  return { ...settled, outgoingVoters, nextLearners: every(2), leavesAutomatically }
})
const installed = fc.record({
  index: count,
  term: count,
  membership,
  stateName: fc.string(),
})

function codeOf(run: () => unknown): string {
  try {
    run()
    return 'ok'
  } catch (error) {
    return (error as Error & { code: string }).code
  }
}

/** What is written is read again, and what is cut or has something behind it is refused. */
function proveCodec<T>(
  values: fc.Arbitrary<T>,
  encode: (value: T) => Uint8Array,
  decode: (bytes: Uint8Array) => T,
): void {
  fc.assert(
    fc.property(values, fc.nat(), (value, at) => {
      const bytes = encode(value)
      expect(decode(bytes)).toEqual(value)
      expect(codeOf(() => decode(bytes.subarray(0, at % bytes.length)))).toBe('NODE_DAMAGED')
      expect(codeOf(() => decode(Buffer.concat([bytes, Buffer.alloc(1)])))).toBe('NODE_DAMAGED')
    }),
    { numRuns: 200 },
  )
}

/** Whatever comes, it is read or refused as damaged. */
function proveRobust(decode: (bytes: Uint8Array) => unknown): void {
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 80 }),
    fc.array(fc.nat(4), { maxLength: 60 }).map((bytes) => Uint8Array.from(bytes)),
  )
  fc.assert(
    fc.property(noise, (bytes) => {
      expect(['ok', 'NODE_DAMAGED']).toContain(codeOf(() => decode(bytes)))
    }),
    { numRuns: 500 },
  )
}

describe('what is written is read again', () => {
  test('requests', () => proveCodec(request, encodeRequest, decodeRequest))
  test('answers', () => proveCodec(answer, encodeAnswer, decodeAnswer))
  test('updates of members', () => proveCodec(update, encodeUpdate, decodeUpdate))
  test('positions in the log', () => proveCodec(position, encodePosition, decodePosition))
  test('hard states', () => proveCodec(hardState, encodeHardState, decodeHardState))
  test('snapshots that were installed', () => proveCodec(installed, encodeInstalled, decodeInstalled))
  test('the base of the log', () =>
    proveCodec(fc.record({ base: position, hardState, stateName: fc.string() }), encodeBase, decodeBase))
})

test('noise is refused as damaged', () => {
  for (const decode of [decodeRequest, decodeUpdate, decodeHardState, decodeBase, decodeInstalled])
    proveRobust(decode)
})

test('an error is answered with its code and text, and an unknown one as a failure', () => {
  for (const code of nodeErrorCodes) {
    const bytes = encodeAnswer(new NodeError(code, 'the reason'))
    expect(() => decodeAnswer(bytes)).toThrow(new NodeError(code, 'the reason'))
    expect(codeOf(() => decodeAnswer(bytes))).toBe(code)
  }
  const unknown = new ByteWriter().byte(1).text('NODE_OF_TOMORROW').text('x').finish()
  expect(codeOf(() => decodeAnswer(unknown))).toBe('NODE_FAILED')
})

test('a request says whom it is for', () => {
  const content = Buffer.from('content')
  for (const receiver of ['node', 'host'] as const) {
    const parts = untagged(tagged(receiver, content))
    expect([parts.receiver, Buffer.from(parts.content)]).toEqual([receiver, content])
  }
})

test('a change of the membership is the same after it was an entry', () => {
  fc.assert(
    fc.property(change, (wish: MemberChange) => {
      if (wish.type === 'move') return
      const isMember = wish.type === 'promote'
      expect(fromMembershipChange(toMembershipChange(wish), isMember)).toEqual(wish)
    }),
  )
})

describe('a reader of bytes', () => {
  test('reads nothing behind the end', () => {
    const reader = new ByteReader(Buffer.alloc(7))
    for (const read of [() => reader.count(), () => reader.id(), () => reader.bytes()]) {
      expect(codeOf(read)).toBe('NODE_DAMAGED')
    }
    for (let n = 0; n < 7; n++) reader.byte()
    reader.end()
    expect(codeOf(() => reader.byte())).toBe('NODE_DAMAGED')
  })

  test('refuses lengths that cannot be true, without reserving room for them', () => {
    const long = new ByteWriter().count(Number.MAX_SAFE_INTEGER).byte(1).finish()
    expect(codeOf(() => new ByteReader(long).bytes())).toBe('NODE_DAMAGED')
    expect(codeOf(() => new ByteReader(long).list(() => 0))).toBe('NODE_DAMAGED')
    expect(codeOf(() => new ByteReader(Buffer.alloc(8, 0xff)).count())).toBe('NODE_DAMAGED')
  })

  test('reads from the middle of a buffer', () => {
    const bytes = new ByteWriter().text('before').id(7n).text('after').finish()
    const padded = Buffer.concat([Buffer.alloc(3), bytes]).subarray(3)
    const reader = new ByteReader(padded)
    expect([reader.text(), reader.id(), reader.text()]).toEqual(['before', 7n, 'after'])
    reader.end()
  })
})
