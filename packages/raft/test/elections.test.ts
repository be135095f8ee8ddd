import { createRandom } from '@orrery/environment'
import { expect, test } from 'vitest'
import { between, Cluster } from './support/cluster.ts'
import {
  acknowledge,
  append,
  appendResponse,
  from,
  lead,
  preVote,
  solo,
  takeOnly,
  tell,
  tickTimes,
  vote,
  work,
} from './support/solo.ts'

const noPreVote = { preVote: false, checkQuorum: false }

// Raft, section 5.1.

test.each(['follower', 'candidate', 'leader'] as const)(
  'a %s that sees a later term takes it over and follows',
  (role) => {
    const member = solo({ raft: noPreVote })
    if (role === 'candidate') member.raft.campaign()
    if (role === 'leader') lead(member)
    work(member)
    tell(member, append(2, 7, {}))
    expect(member.raft.status()).toMatchObject({ role: 'follower', term: 7, leaderId: 2n })
  },
)

test('a message of an earlier term has no effect', () => {
  const member = solo({ hardState: { term: 5 }, raft: noPreVote })
  expect(tell(member, vote(2, 4), append(2, 4, { terms: [4] }), appendResponse(2, 4, 9))).toEqual([])
  expect(member.raft.status()).toMatchObject({ term: 5, leaderId: 0n, lastIndex: 0 })
})

// Raft, section 5.2.

test('a member begins as a follower', () => {
  expect(solo().raft.status()).toMatchObject({ role: 'follower', leaderId: 0n })
})

test('a leader sends heartbeats to all members at its interval', () => {
  const member = lead(solo({ raft: { ...noPreVote, heartbeatTicks: 3 } }))
  tickTimes(member, 2)
  expect(work(member)).toEqual([])
  tickTimes(member, 1)
  expect(work(member)).toMatchObject([
    { type: 'heartbeat', to: 2n },
    { type: 'heartbeat', to: 3n },
  ])
})

test('a follower that hears nobody for an election timeout begins an election', () => {
  const member = solo({ raft: noPreVote })
  tickTimes(member, 9)
  expect(member.raft.role).toBe('follower')
  tickTimes(member, 1)
  expect(member.raft.status()).toMatchObject({ role: 'candidate', term: 1 })
  expect(work(member)).toMatchObject([
    { type: 'vote', to: 2n, term: 1 },
    { type: 'vote', to: 3n, term: 1 },
  ])
  expect(member.disk.hardState).toMatchObject({ term: 1, vote: 1n })
})

test('a candidate that hears nothing for an election timeout begins another election', () => {
  const member = solo({ raft: noPreVote })
  tickTimes(member, 10)
  work(member)
  tickTimes(member, 10)
  expect(member.raft.status()).toMatchObject({ role: 'candidate', term: 2 })
})

test.each([
  { voters: [1], granted: [], rejected: [], role: 'leader' },
  { voters: [1, 2, 3], granted: [2], rejected: [], role: 'leader' },
  { voters: [1, 2, 3], granted: [2, 3], rejected: [], role: 'leader' },
  { voters: [1, 2, 3], granted: [], rejected: [2, 3], role: 'follower' },
  { voters: [1, 2, 3], granted: [], rejected: [2], role: 'candidate' },
  { voters: [1, 2, 3, 4], granted: [2], rejected: [], role: 'candidate' },
  { voters: [1, 2, 3, 4, 5], granted: [2, 3], rejected: [4, 5], role: 'leader' },
  { voters: [1, 2, 3, 4, 5], granted: [2], rejected: [3, 4, 5], role: 'follower' },
  { voters: [1, 2, 3, 4, 5], granted: [2], rejected: [], role: 'candidate' },
])(
  'of $voters a candidate with votes of $granted, and not of $rejected, is a $role',
  ({ voters, granted, rejected, role }) => {
    const member = solo({ voters, raft: noPreVote })
    member.raft.campaign()
    work(member)
    for (const id of granted)
      tell(member, from(id, 'voteResponse', 1, { isGranted: true, isOnProbation: false }))
    for (const id of rejected)
      tell(member, from(id, 'voteResponse', 1, { isGranted: false, isOnProbation: false }))
    expect(member.raft.role).toBe(role)
    expect(member.raft.term).toBe(1)
  },
)

test('a vote is counted once, however often it arrives', () => {
  const member = solo({ voters: [1, 2, 3, 4, 5], raft: noPreVote })
  member.raft.campaign()
  work(member)
  const granted = from(2, 'voteResponse', 1, { isGranted: true, isOnProbation: false })
  tell(member, granted, granted, granted)
  expect(member.raft.role).toBe('candidate')
})

test('a member gives one vote in a term, to whoever asks first, and again to the same', () => {
  const member = solo({ raft: noPreVote })
  expect(tell(member, vote(2, 1))).toMatchObject([
    { type: 'voteResponse', to: 2n, isGranted: true, isOnProbation: false },
  ])
  expect(tell(member, vote(3, 1))).toMatchObject([
    { type: 'voteResponse', to: 3n, isGranted: false, isOnProbation: false },
  ])
  expect(tell(member, vote(2, 1))).toMatchObject([
    { type: 'voteResponse', to: 2n, isGranted: true, isOnProbation: false },
  ])
  expect(tell(member, vote(3, 2))).toMatchObject([
    { type: 'voteResponse', to: 3n, isGranted: true, isOnProbation: false },
  ])
})

test('a vote outlives a crash', () => {
  const member = solo({ hardState: { term: 4, vote: 2n }, raft: noPreVote })
  expect(tell(member, vote(3, 4))).toMatchObject([{ isGranted: false, isOnProbation: false }])
  expect(tell(member, vote(2, 4))).toMatchObject([{ isGranted: true, isOnProbation: false }])
})

test('a candidate that hears a leader of its term, or a later one, follows it', () => {
  for (const term of [1, 2]) {
    const member = solo({ raft: noPreVote })
    member.raft.campaign()
    tell(member, append(2, term, {}))
    expect(member.raft.status()).toMatchObject({ role: 'follower', term, leaderId: 2n })
  }
})

test('the election timeout is drawn from T to 2T - 1 ticks, and anew each time', () => {
  const random = createRandom(1)
  const seen = new Set<number>()
  const member = solo({ raft: noPreVote, random: (bound) => random.below(bound) })
  for (let round = 0; round < 300; round++) {
    let ticks = 0
    for (const { term } = member.raft; member.raft.term === term; ticks++) member.raft.tick()
    seen.add(ticks)
  }
  expect([...seen].sort((a, b) => a - b)).toEqual(Array.from({ length: 10 }, (_, at) => 10 + at))
})

test('a granted vote, and a word of the leader, put off the election', () => {
  const member = solo({ raft: noPreVote })
  tickTimes(member, 9)
  tell(member, vote(2, 1))
  tickTimes(member, 9)
  tell(member, append(2, 1, {}))
  tickTimes(member, 9)
  expect(member.raft.role).toBe('follower')
})

// Raft, section 5.4.1.

test.each([
  { log: [1], last: [1, 1], isGranted: true, isOnProbation: false, why: 'is the same' },
  { log: [1], last: [1, 2], isGranted: true, isOnProbation: false, why: 'is longer' },
  { log: [1, 1], last: [1, 1], isGranted: false, isOnProbation: false, why: 'is shorter' },
  { log: [1], last: [2, 1], isGranted: true, isOnProbation: false, why: 'ends in a later term' },
  {
    log: [1, 1, 1],
    last: [2, 1],
    isGranted: true,
    isOnProbation: false,
    why: 'is shorter, but ends in a later term',
  },
  {
    log: [2],
    last: [1, 3],
    isGranted: false,
    isOnProbation: false,
    why: 'is longer, but ends in an earlier term',
  },
] as const)('a candidate whose log $why gets a vote: $isGranted', ({ log, last, isGranted }) => {
  for (const ask of [vote, preVote]) {
    const member = solo({ log, raft: noPreVote })
    expect(tell(member, ask(2, 3, last))).toMatchObject([{ isGranted }])
  }
})

test('a refused vote does not put off the own election', () => {
  const member = solo({ log: [2], raft: noPreVote })
  tell(member, vote(2, 3))
  tickTimes(member, 9)
  tell(member, vote(2, 4))
  tickTimes(member, 10)
  expect(member.raft.role).toBe('candidate')
})

// Raft thesis, section 9.6.

test('a pre-candidate changes neither its term nor its vote', () => {
  const member = solo({ hardState: { term: 3, vote: 2n } })
  member.raft.campaign()
  expect(work(member)).toMatchObject([
    { type: 'preVote', to: 2n, term: 4 },
    { type: 'preVote', to: 3n, term: 4 },
  ])
  expect(member.disk.hardState).toMatchObject({ term: 3, vote: 2n })
})

test('a pre-vote is granted in the term that was asked for, and changes nothing at the voter', () => {
  const member = solo({ hardState: { term: 3, vote: 2n } })
  expect(tell(member, preVote(3, 4))).toMatchObject([
    { type: 'preVoteResponse', term: 4, isGranted: true, isOnProbation: false },
  ])
  expect(tell(member, preVote(2, 4))).toMatchObject([
    { type: 'preVoteResponse', term: 4, isGranted: true, isOnProbation: false },
  ])
  expect(member.disk.hardState).toMatchObject({ term: 3, vote: 2n })
})

test('a pre-vote of an earlier term is refused in the own term, from which the asker learns', () => {
  const member = solo({ hardState: { term: 5 } })
  expect(tell(member, preVote(2, 3))).toMatchObject([
    { type: 'preVoteResponse', term: 5, isGranted: false, isOnProbation: false },
  ])
  const asker = solo({ hardState: { term: 2 } })
  asker.raft.campaign()
  tell(asker, from(2, 'preVoteResponse', 5, { isGranted: false, isOnProbation: false }))
  expect(asker.raft.status()).toMatchObject({ role: 'follower', term: 5 })
})

test('a late grant of an earlier pre-vote does not count', () => {
  const member = solo({ hardState: { term: 2 } })
  member.raft.campaign()
  tell(
    member,
    from(2, 'preVoteResponse', 2, { isGranted: true, isOnProbation: false }),
    from(3, 'preVoteResponse', 9, { isGranted: true, isOnProbation: false }),
  )
  expect(member.raft.status()).toMatchObject({ role: 'preCandidate', term: 2 })
  tell(member, from(2, 'preVoteResponse', 3, { isGranted: true, isOnProbation: false }))
  expect(member.raft.status()).toMatchObject({ role: 'candidate', term: 3 })
})

test('a pre-candidate that a majority refuses waits for another timeout', () => {
  const member = solo()
  member.raft.campaign()
  work(member)
  tell(
    member,
    from(2, 'preVoteResponse', 0, { isGranted: false, isOnProbation: false }),
    from(3, 'preVoteResponse', 0, { isGranted: false, isOnProbation: false }),
  )
  expect(member.raft.status()).toMatchObject({ role: 'follower', term: 0 })
})

// Raft thesis, section 6.2.

test('a leader steps down when it heard no majority for an election timeout, not before', () => {
  const member = lead(solo({ voters: [1, 2, 3, 4, 5], raft: { preVote: false } }))
  acknowledge(member)
  tickTimes(member, 9)
  acknowledge(member, 2, 3)
  tickTimes(member, 9)
  expect(member.raft.role).toBe('leader')
  acknowledge(member, 2)
  tickTimes(member, 1)
  expect(member.raft.status()).toMatchObject({ role: 'follower', leaderId: 0n })
})

test('a new leader is given an election timeout to be answered', () => {
  const member = lead(solo({ raft: { preVote: false } }))
  tickTimes(member, 9)
  expect(member.raft.role).toBe('leader')
  tickTimes(member, 1)
  expect(member.raft.role).toBe('follower')
})

test('without checkQuorum a leader leads on alone', () => {
  const member = lead(solo({ raft: noPreVote }))
  tickTimes(member, 100)
  expect(member.raft.role).toBe('leader')
})

test('who heard a leader within the election timeout answers no vote, and keeps its term', () => {
  const member = solo({ random: () => 5 })
  tell(member, append(2, 1, {}))
  tickTimes(member, 9)
  expect(tell(member, vote(3, 5), preVote(3, 5))).toEqual([])
  expect(member.raft.term).toBe(1)
  tickTimes(member, 1)
  expect(tell(member, preVote(3, 5))).toMatchObject([{ isGranted: true, isOnProbation: false }])
})

test('a leader answers no vote, unless it hands over itself', () => {
  const member = lead(solo())
  const { term, lastIndex } = member.raft
  expect(tell(member, vote(2, term + 5, [term, lastIndex]))).toEqual([])
  const transfer = from(2, 'vote', term + 5, { lastTerm: term, lastIndex, isTransfer: true })
  expect(tell(member, transfer)).toMatchObject([
    { type: 'voteResponse', isGranted: true, isOnProbation: false },
  ])
})

test('who forgot its leader may vote at once', () => {
  const member = solo()
  tell(member, append(2, 1, {}))
  member.raft.forgetLeader()
  expect(member.raft.status()).toMatchObject({ term: 1, leaderId: 0n })
  expect(tell(member, preVote(3, 2))).toMatchObject([{ isGranted: true, isOnProbation: false }])
})

test('with lease reads nobody forgets its leader, or votes soon after a start', () => {
  const member = solo({ raft: { reads: 'lease' } })
  expect(tell(member, vote(3, 1))).toEqual([])
  tell(member, append(2, 1, {}))
  member.raft.forgetLeader()
  expect(member.raft.leaderId).toBe(2n)
})

// Membership and elections.

test('a learner votes, and does not campaign', () => {
  const member = solo({ voters: [2, 3], learners: [1], raft: noPreVote })
  expect(tell(member, vote(2, 1))).toMatchObject([{ isGranted: true, isOnProbation: false }])
  tickTimes(member, 100)
  member.raft.campaign()
  expect(member.raft.role).toBe('follower')
})

test('who is not a member votes, for it may be one by now', () => {
  const member = solo({ voters: [2, 3], raft: noPreVote })
  expect(tell(member, vote(2, 1))).toMatchObject([{ isGranted: true, isOnProbation: false }])
})

test('the votes of learners and strangers are not counted', () => {
  const member = solo({ voters: [1, 2, 3, 4, 5], learners: [6], raft: noPreVote })
  member.raft.campaign()
  work(member)
  for (const id of [6, 7, 8])
    tell(member, from(id, 'voteResponse', 1, { isGranted: true, isOnProbation: false }))
  expect(member.raft.role).toBe('candidate')
})

test('a sole voter elects itself once its vote is durable', () => {
  const member = solo({ voters: [1] })
  member.raft.campaign()
  takeOnly(member)
  expect(member.raft.role).toBe('candidate')
  member.persist()
  expect(member.raft.role).toBe('leader')
})

test('a member that only hears, and is not heard, does not keep the others from electing', () => {
  // Cloudflare, 2020: 1 cannot hear the leader 3, both can talk to 2.
  const cluster = new Cluster({ voters: [1, 2, 3] })
  cluster.elect(3)
  for (let round = 0; round < 60; round++) {
    for (const id of [1, 2, 3]) cluster.tick(id)
    cluster.settle(between(1, 3))
  }
  expect(cluster.member(3).raft.role).toBe('leader')
  expect(cluster.member(3).raft.term).toBe(1)
})
