import type { Entry, Membership, MembershipChange, Message } from '@orrery/raft'
import {
  createMembership,
  decodeMembership,
  decodeMembershipChange,
  decodeMessages,
  emptyMembership,
  encodeMembership,
  encodeMembershipChange,
  encodeMessages,
  RaftError,
} from '@orrery/raft'
import fc from 'fast-check'
import { expect, test } from 'vitest'

const id = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n })
const index = fc.oneof(fc.nat(300), fc.maxSafeNat())
const term = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }))
const payload = fc.uint8Array({ maxLength: 40 })
const envelope = { from: id, to: id, term }
const unnamed = { from: id, to: id, term: fc.constant(0) }

const membership: fc.Arbitrary<Membership> = fc
  .record({
    voters: fc.uniqueArray(id, { minLength: 1, maxLength: 5 }),
    outgoing: fc.array(id, { maxLength: 3 }),
    learners: fc.array(id, { maxLength: 3 }),
    leavesAutomatically: fc.boolean(),
  })
  .map(({ voters, outgoing, learners, leavesAutomatically }) => {
    const simple = createMembership({ voters, learners })
    const joint = createMembership({ voters: outgoing.filter((one) => !simple.learners.includes(one)) })
    const outgoingVoters = joint.voters
    const nextLearners = outgoingVoters.filter((one) => !simple.voters.includes(one)).slice(1)
    return {
      ...simple,
      outgoingVoters,
      nextLearners,
      leavesAutomatically: leavesAutomatically && outgoingVoters.length > 0,
    }
  })

/** The last entry of a log, of a term not after another. */
function last(maxTerm: number): fc.Arbitrary<{ lastIndex: number; lastTerm: number }> {
  const some = fc.record({
    lastIndex: fc.integer({ min: 1, max: 2 ** 40 }),
    lastTerm: fc.integer({ min: 1, max: maxTerm }),
  })
  return fc.oneof(some, fc.constant({ lastIndex: 0, lastTerm: 0 }))
}

const votes: fc.Arbitrary<Message> = fc
  .tuple(fc.record(envelope), fc.constantFrom('preVote', 'vote'), fc.boolean())
  .chain(([head, type, isTransfer]) =>
    last(head.term).map(
      (log): Message =>
        type === 'vote' ? { type, ...head, ...log, isTransfer } : { type: 'preVote', ...head, ...log },
    ),
  )

const appends: fc.Arbitrary<Message> = fc
  .record({
    ...envelope,
    previous: fc.nat(1_000),
    steps: fc.array(fc.tuple(fc.nat(3), fc.constantFrom('command', 'membership', 'empty'), payload), {
      maxLength: 6,
    }),
    commit: fc.nat(2_000),
  })
  .map(({ from, to, term: base, previous, steps, commit }) => {
    const previousTerm = previous === 0 ? 0 : 1
    let entryTerm = Math.max(previousTerm, 1)
    const entries = steps.map(([step, type, content], at): Entry => {
      entryTerm += step
      return {
        index: previous + at + 1,
        term: entryTerm,
        type,
        payload: type === 'empty' ? new Uint8Array() : content,
      }
    })
    const lastIndex = previous + entries.length + 7
    const messageTerm = Math.max(base, entryTerm)
    return {
      type: 'append',
      from,
      to,
      term: messageTerm,
      previousIndex: previous,
      previousTerm,
      entries,
      commitIndex: Math.min(commit, lastIndex),
      lastIndex,
    }
  })

const appendResponses: fc.Arbitrary<Message> = fc
  .record({
    ...envelope,
    index,
    isRejected: fc.boolean(),
    hintIndex: index,
    hintTerm: index,
    isLogReset: fc.boolean(),
  })
  .map((fields) =>
    fields.isRejected
      ? { type: 'appendResponse', ...fields }
      : { type: 'appendResponse', ...fields, hintIndex: 0, hintTerm: 0, isLogReset: false },
  )

const proposals = fc.array(fc.record({ type: fc.constantFrom('command', 'membership'), payload }), {
  maxLength: 5,
})

function of<Fields extends object>(
  type: Message['type'],
  fields: { [Key in keyof Fields]: fc.Arbitrary<Fields[Key]> },
): fc.Arbitrary<Message> {
  return fc.record(fields).map((values) => ({ type, ...values }) as unknown as Message)
}

const message: fc.Arbitrary<Message> = fc.oneof(
  votes,
  appends,
  appendResponses,
  of('preVoteResponse', { ...envelope, term: index, isGranted: fc.boolean(), isOnProbation: fc.boolean() }),
  of('voteResponse', { ...envelope, isGranted: fc.boolean(), isOnProbation: fc.boolean() }),
  of('heartbeat', { ...envelope, commitIndex: index, round: index }),
  of('heartbeatResponse', { ...envelope, round: index }),
  of('timeoutNow', envelope),
  of('snapshot', {
    ...envelope,
    snapshot: fc.record({ index: fc.integer({ min: 1, max: 2 ** 40 }), term: fc.constant(1), membership }),
  }),
  of('transferLeadership', { ...unnamed, target: id }),
  of('propose', { ...unnamed, proposals }),
  of('readIndex', { ...unnamed, context: index }),
  of('readIndexResponse', { ...envelope, context: index, index }),
)

const messages = fc.array(message, { maxLength: 4 })

/** Whatever the bytes, there is a result or a coded error, and the result is written as it was read. */
function decodeOrRefuse(bytes: Uint8Array): void {
  let decoded: Message[]
  try {
    decoded = decodeMessages(bytes)
  } catch (error) {
    expect(error).toBeInstanceOf(RaftError)
    expect((error as RaftError).code).toBe('RAFT_MESSAGE_MALFORMED')
    return
  }
  expect(encodeMessages(decoded)).toEqual(bytes)
}

test('messages pass over the wire unchanged', () => {
  fc.assert(
    fc.property(messages, (list) => {
      expect(decodeMessages(encodeMessages(list))).toEqual(list)
    }),
    { numRuns: 300 },
  )
})

test('a batch that ends early, at whatever byte, is refused', () => {
  fc.assert(
    fc.property(messages, (list) => {
      const bytes = encodeMessages(list)
      for (let length = 0; length < bytes.length; length++) {
        expect(() => decodeMessages(bytes.subarray(0, length))).toThrow(RaftError)
      }
      expect(() => decodeMessages(Uint8Array.of(...bytes, 0))).toThrow(RaftError)
    }),
    { numRuns: 60 },
  )
})

test('a batch with a byte changed is refused, or is what somebody could have sent', () => {
  fc.assert(
    fc.property(messages, fc.nat(), fc.integer({ min: 1, max: 255 }), (list, at, flip) => {
      const bytes = encodeMessages(list)
      const place = at % bytes.length
      bytes[place] = (bytes[place] ?? 0) ^ flip
      decodeOrRefuse(bytes)
    }),
    { numRuns: 2_000 },
  )
})

test('random bytes are refused, or are what somebody could have sent', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      decodeOrRefuse(bytes)
      decodeOrRefuse(Uint8Array.of(1, 1, ...bytes))
    }),
    { numRuns: 2_000 },
  )
})

const head = [...encodeMessages([{ type: 'timeoutNow', from: 1n, to: 2n, term: 5 }])].slice(3)

test.each([
  ['an unknown version', [2, 0]],
  ['more messages than bytes', [1, 0xff, 0xff, 0xff, 0xff, 0x7f]],
  ['an unknown type', [1, 1, 99, ...head]],
  ['a sender 0', [1, 1, 9, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 5]],
  ['no term where there must be one', [1, 1, 9, ...head.slice(0, 16), 0]],
  ['a term where there must be none', [1, 1, 12, ...head, 7]],
  ['a number that is longer than necessary', [1, 1, 9, ...head.slice(0, 16), 0x85, 0]],
  [
    'a number beyond 2^53',
    [1, 1, 9, ...head.slice(0, 16), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
  ],
  ['a number without end', [1, 1, 9, ...head.slice(0, 16), ...new Array<number>(20).fill(0x80)]],
  ['more entries than bytes', [1, 1, 4, ...head, 0, 0, 0, 9, 0xff, 0xff, 0xff, 0x7f]],
  ['a payload beyond the end', [1, 1, 4, ...head, 0, 0, 0, 9, 1, 1, 0, 0xff, 0xff, 0xff, 0x7f]],
  ['an entry of a later term than its message', [1, 1, 4, ...head, 0, 0, 0, 9, 1, 6, 0, 0]],
  ['an entry of term 0', [1, 1, 4, ...head, 0, 0, 0, 9, 1, 0, 0, 0]],
  ['an empty entry with a payload', [1, 1, 4, ...head, 0, 0, 0, 9, 1, 1, 2, 1, 0]],
  ['a log that ends before its entries', [1, 1, 4, ...head, 0, 0, 0, 0, 1, 1, 0, 0]],
  ['a commit index beyond the log', [1, 1, 4, ...head, 0, 0, 2, 1, 1, 1, 0, 0]],
  ['a proposal of an empty entry', [1, 1, 11, ...head.slice(0, 16), 0, 1, 2, 0]],
  ['a boolean that is neither', [1, 1, 3, ...head, 2]],
  ['a snapshot of nothing', [1, 1, 8, ...head, 0, 0, 0, 0, 0, 0, 0]],
])('%s is refused', (_name, bytes) => {
  expect(() => decodeMessages(Uint8Array.from(bytes))).toThrow('RAFT_MESSAGE_MALFORMED')
})

test('payloads are copied when they are written, and views when they are read', () => {
  const content = Uint8Array.of(1, 2, 3)
  const bytes = encodeMessages([
    { type: 'propose', from: 1n, to: 2n, term: 0, proposals: [{ type: 'command', payload: content }] },
  ])
  content[0] = 9
  const [decoded] = decodeMessages(bytes)
  const read = decoded?.type === 'propose' ? decoded.proposals[0]?.payload : undefined
  expect(read).toEqual(Uint8Array.of(1, 2, 3))
  expect(read?.buffer).toBe(bytes.buffer)
})

test('proposals that a host forwards for a term keep it', () => {
  const list: Message[] = [
    {
      type: 'propose',
      from: 1n,
      to: 2n,
      term: 7,
      proposals: [{ type: 'command', payload: Uint8Array.of(1) }],
    },
  ]
  expect(decodeMessages(encodeMessages(list))).toEqual(list)
})

test('a batch may lie anywhere in a buffer', () => {
  const list: Message[] = [{ type: 'heartbeat', from: 1n, to: 2n, term: 3, commitIndex: 4, round: 5 }]
  const bytes = encodeMessages(list)
  const frame = new Uint8Array(bytes.length + 9)
  frame.set(bytes, 5)
  expect(decodeMessages(frame.subarray(5, 5 + bytes.length))).toEqual(list)
})

test('to encode what no member sends is a bug', () => {
  const heartbeat = { type: 'heartbeat', from: 1n, to: 2n, term: 3, commitIndex: 4, round: 5 } as const
  for (const wrong of [
    { from: 0n },
    { to: 2n ** 64n },
    { term: -1 },
    { commitIndex: 0.5 },
    { round: 2 ** 53 },
  ]) {
    expect(() => encodeMessages([{ ...heartbeat, ...wrong }])).toThrow()
  }
})

const change: fc.Arbitrary<MembershipChange> = fc.record({
  steps: fc.array(fc.record({ type: fc.constantFrom('addVoter', 'addLearner', 'remove'), member: id }), {
    maxLength: 5,
  }),
  transition: fc.constantFrom('auto', 'joint', 'jointUntilLeft'),
  context: payload,
})

test('membership changes and memberships are read as they were written', () => {
  fc.assert(
    fc.property(change, membership, (one, other) => {
      expect(decodeMembershipChange(encodeMembershipChange(one))).toEqual(one)
      expect(decodeMembership(encodeMembership(other))).toEqual(other)
    }),
  )
  expect(decodeMembership(encodeMembership(emptyMembership))).toEqual(emptyMembership)
})

test('what is no membership and no change is refused', () => {
  fc.assert(
    fc.property(change, membership, fc.nat(), fc.nat(255), (one, other, at, value) => {
      for (const [bytes, decode] of [
        [encodeMembershipChange(one), decodeMembershipChange],
        [encodeMembership(other), decodeMembership],
      ] as const) {
        for (let length = 0; length < bytes.length; length++) {
          expect(() => decode(bytes.subarray(0, length))).toThrow('RAFT_MEMBERSHIP_MALFORMED')
        }
        bytes[at % bytes.length] = value
        try {
          decode(bytes)
        } catch (error) {
          expect(error).toMatchObject({ code: 'RAFT_MEMBERSHIP_MALFORMED' })
        }
      }
    }),
    { numRuns: 100 },
  )
})

test.each([
  ['voters that are not sorted', [2, 2, 1]],
  ['a voter twice', [2, 1, 1]],
  ['a member 0', [1, 0]],
])('a membership with %s is refused', (_name, [count, ...ids]) => {
  const bytes = new Uint8Array(1 + ids.length * 8 + 4)
  bytes[0] = count ?? 0
  for (const [at, one] of ids.entries()) bytes[1 + at * 8] = one
  expect(() => decodeMembership(bytes)).toThrow('RAFT_MEMBERSHIP_MALFORMED')
})

test('a member that is voter and learner is refused', () => {
  const one = [1, 1, 0, 0, 0, 0, 0, 0, 0]
  const bytes = Uint8Array.of(...one, 0, ...one, 0, 0)
  expect(() => decodeMembership(bytes)).toThrow('a learner is a voter')
})
