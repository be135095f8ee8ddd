import type { MemberId, Membership, MembershipChange, MembershipStep } from '@orrery/raft'
import {
  changeMembership,
  createMembership,
  emptyMembership,
  isMember,
  isVoter,
  membersOf,
} from '@orrery/raft'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { membershipFlaw } from '../src/membership.ts'
import { printMembership } from './support/print.ts'

const context = new Uint8Array()

/** Steps as text: `+4` adds a voter, `~4` a learner, `-4` removes. */
function steps(text: string): MembershipStep[] {
  const types = { '+': 'addVoter', '~': 'addLearner', '-': 'remove' } as const
  return (text.match(/[+~-]\d+/g) ?? []).map((word) => ({
    type: types[word.charAt(0) as '+' | '~' | '-'],
    member: BigInt(word.slice(1)),
  }))
}

function change(
  membership: Membership,
  text: string,
  transition: MembershipChange['transition'] = 'auto',
): string {
  const result = changeMembership(membership, { steps: steps(text), transition, context })
  return result.ok ? printMembership(result.membership) : result.reason
}

const three = createMembership({ voters: [1n, 2n, 3n], learners: [4n] })

test.each([
  ['+5', 'voters 1 2 3 5, learners 4'],
  ['+4', 'voters 1 2 3 4'],
  ['+1', 'voters 1 2 3, learners 4'],
  ['~5', 'voters 1 2 3, learners 4 5'],
  ['~4', 'voters 1 2 3, learners 4'],
  ['~3', 'voters 1 2, learners 3 4'],
  ['-3', 'voters 1 2, learners 4'],
  ['-4', 'voters 1 2 3'],
  ['-9', 'voters 1 2 3, learners 4'],
  ['', 'notJoint'],
])('of voters 1 2 3 and learner 4, the direct change %s makes: %s', (text, expected) => {
  expect(change(three, text)).toBe(expected)
})

test.each([
  ['+5 -3', 'voters 1 2 5, outgoing 1 2 3, learners 4, leaves automatically'],
  ['+4 ~1', 'voters 2 3 4, outgoing 1 2 3, next learners 1, leaves automatically'],
  ['-1 +1', 'voters 1 2 3, outgoing 1 2 3, learners 4, leaves automatically'],
  ['+1 -1', 'voters 2 3, outgoing 1 2 3, learners 4, leaves automatically'],
  ['~1 -1', 'voters 2 3, outgoing 1 2 3, learners 4, leaves automatically'],
  ['-1 ~1', 'voters 2 3, outgoing 1 2 3, learners 4, next learners 1, leaves automatically'],
  ['+5 ~5', 'voters 1 2 3, outgoing 1 2 3, learners 4 5, leaves automatically'],
  ['+5 +5', 'voters 1 2 3 5, outgoing 1 2 3, learners 4, leaves automatically'],
  ['-1 -2 -3', 'noVoters'],
])('of voters 1 2 3 and learner 4, the change %s goes through: %s', (text, expected) => {
  expect(change(three, text)).toBe(expected)
})

test('one step goes through joint consensus when it is asked for', () => {
  expect(change(three, '+5', 'joint')).toBe(
    'voters 1 2 3 5, outgoing 1 2 3, learners 4, leaves automatically',
  )
  expect(change(three, '+5', 'jointUntilLeft')).toBe('voters 1 2 3 5, outgoing 1 2 3, learners 4')
})

test('in joint consensus only leaving it is accepted', () => {
  const joint: Membership = { ...three, voters: [1n, 2n, 5n], outgoingVoters: [1n, 2n, 3n] }
  for (const text of ['+6', '-1', '+6 -1']) expect(change(joint, text)).toBe('joint')
  expect(change(joint, '', 'jointUntilLeft')).toBe('voters 1 2 5, learners 4')
})

test('outgoing voters that were demoted become learners when joint consensus is left', () => {
  const joint: Membership = { ...three, voters: [1n], outgoingVoters: [1n, 2n, 3n], nextLearners: [3n] }
  expect(change(joint, '')).toBe('voters 1, learners 3 4')
})

test('the last voter stays', () => {
  const one = createMembership({ voters: [1n] })
  expect([change(one, '-1'), change(one, '~1'), change(one, '-1 ~2')]).toEqual([
    'noVoters',
    'noVoters',
    'noVoters',
  ])
})

test('a first voter founds a membership, but nobody agrees to a joint one', () => {
  expect(change(emptyMembership, '+1')).toBe('voters 1')
  expect(change(emptyMembership, '~1')).toBe('noVoters')
  expect(change(emptyMembership, '+1 +2')).toBe('noVoters')
})

test('a change that is taken twice is harmless', () => {
  for (const text of ['+5', '-3', '~3']) {
    const once = changeMembership(three, { steps: steps(text), transition: 'auto', context })
    const twice =
      once.ok && changeMembership(once.membership, { steps: steps(text), transition: 'auto', context })
    expect(twice).toEqual(once)
  }
})

test('a membership is sorted, without duplicates, and a voter is no learner', () => {
  const membership = createMembership({ voters: [30n, 4n, 30n], learners: [4n, 200n, 5n] })
  expect(printMembership(membership)).toBe('voters 4 30, learners 5 200')
  expect(membersOf(membership)).toEqual([4n, 5n, 30n, 200n])
  expect([isVoter(membership, 5n), isMember(membership, 5n), isMember(membership, 6n)]).toEqual([
    false,
    true,
    false,
  ])
})

const step = fc.record({
  type: fc.constantFrom('addVoter', 'addLearner', 'remove'),
  member: fc.integer({ min: 1, max: 6 }).map(BigInt),
})
const changes = fc.array(
  fc.record({
    steps: fc.array(step, { maxLength: 4 }),
    transition: fc.constantFrom('auto', 'joint', 'jointUntilLeft'),
    context: fc.constant(context),
  }),
  { maxLength: 12 },
)

function majorities(voters: readonly MemberId[]): ReadonlySet<MemberId>[] {
  const sets = Array.from({ length: 2 ** voters.length }, (_, bits) =>
    voters.filter((_id, at) => (bits >> at) & 1),
  )
  return sets.filter((set) => set.length * 2 > voters.length).map((set) => new Set(set))
}

function isQuorum(set: ReadonlySet<MemberId>, { voters, outgoingVoters }: Membership): boolean {
  return [voters, outgoingVoters].every(
    (list) => list.length === 0 || list.filter((id) => set.has(id)).length * 2 > list.length,
  )
}

/** Whether some quorum of `a` has nobody in common with some quorum of `b`. */
function canSplit(a: Membership, b: Membership): boolean {
  const everybody = [...new Set([...membersOf(a), ...membersOf(b)])]
  return Array.from({ length: 2 ** everybody.length }, (_, bits) => bits).some((bits) => {
    const left = new Set(everybody.filter((_id, at) => (bits >> at) & 1))
    const right = new Set(everybody.filter((id) => !left.has(id)))
    return isQuorum(left, a) && isQuorum(right, b)
  })
}

test('whatever is changed: memberships stay sound, and quorums of one and of the next overlap', () => {
  fc.assert(
    fc.property(changes, (list) => {
      let membership = createMembership({ voters: [1n, 2n, 3n] })
      for (const one of list) {
        const result = changeMembership(membership, one)
        if (!result.ok) continue
        expect(membershipFlaw(result.membership)).toBeUndefined()
        expect(result.membership.voters.length).toBeGreaterThan(0)
        expect(canSplit(membership, result.membership)).toBe(false)
        membership = result.membership
      }
    }),
    { numRuns: 200 },
  )
  // The check itself can fail.
  const one = createMembership({ voters: [1n, 2n, 3n] })
  expect(canSplit(one, createMembership({ voters: [1n, 4n, 5n] }))).toBe(true)
  expect(majorities(one.voters)).toHaveLength(4)
})
