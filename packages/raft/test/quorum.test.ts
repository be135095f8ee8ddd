import fc from 'fast-check'
import { expect, test } from 'vitest'
import { electionResult, majorityReached, majorityVote, type VoteCast } from '../src/quorum.ts'

test.each([
  { values: [], reached: Infinity },
  { values: [7], reached: 7 },
  { values: [7, 3], reached: 3 },
  { values: [7, 3, 5], reached: 5 },
  { values: [1, 9, 9, 0], reached: 1 },
  { values: [0, 0, 9, 9, 9], reached: 9 },
])('a majority of $values has reached $reached', ({ values, reached }) => {
  expect(majorityReached(values)).toBe(reached)
})

test('what a majority has reached is the highest value that enough have, counted one by one', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 9 }), (values) => {
      const majority = Math.floor(values.length / 2) + 1
      const candidates = [...values].sort((a, b) => b - a)
      const naive = candidates.find((one) => values.filter((value) => value >= one).length >= majority)
      expect(majorityReached([...values])).toBe(naive)
    }),
  )
})

const voters = fc.uniqueArray(fc.nat(8), { maxLength: 7 })
const casts = fc.constantFrom<VoteCast>('granted', 'refused', 'grantedOnProbation')
const votes = fc.array(fc.tuple(fc.nat(8), casts)).map((pairs) => new Map(pairs))

/** Whether somebody wins, if those who did not vote yet do as told. */
function wins(list: readonly number[], cast: ReadonlyMap<number, VoteCast>, others: boolean): boolean {
  const agrees = (id: number): boolean => (cast.has(id) ? cast.get(id) === 'granted' : others)
  return list.length === 0 || list.filter(agrees).length * 2 > list.length
}

/** Whether all are for it, on probation or not, if those who did not vote yet do as told. */
function isUnanimous(list: readonly number[], cast: ReadonlyMap<number, VoteCast>, others: boolean): boolean {
  return list.every((id) => (cast.has(id) ? cast.get(id) !== 'refused' : others))
}

test('an election is won or lost as soon as nobody can change that, and pending before', () => {
  fc.assert(
    fc.property(voters, votes, (list, cast) => {
      const expected = wins(list, cast, false) ? 'won' : wins(list, cast, true) ? 'pending' : 'lost'
      expect(majorityVote(list, cast)).toBe(expected)
    }),
  )
})

test('a joint election needs both majorities, or all; on probation a vote is none for a majority', () => {
  fc.assert(
    fc.property(voters, voters, votes, (incoming, outgoing, cast) => {
      const both = (others: boolean): boolean =>
        (wins(incoming, cast, others) && wins(outgoing, cast, others)) ||
        isUnanimous([...incoming, ...outgoing], cast, others)
      const expected = both(false) ? 'won' : both(true) ? 'pending' : 'lost'
      expect(electionResult({ voters: incoming, outgoingVoters: outgoing }, cast)).toBe(expected)
    }),
  )
})
