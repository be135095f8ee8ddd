import type { Message } from '@orrery/raft'
import { createMembership } from '@orrery/raft'
import { expect, test } from 'vitest'
import { Cluster } from './support/cluster.ts'
import { command, noState } from './support/member.ts'
import {
  acknowledge,
  append,
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

const quiet = { preVote: false, checkQuorum: false }
const lost = { isOnProbation: true }

test('a vote on probation says so, a pre-vote too', () => {
  const member = solo({ hardState: lost, raft: quiet })
  expect(tell(member, preVote(2, 7, [4, 9]), vote(2, 5, [4, 9]))).toMatchObject([
    { isGranted: true, isOnProbation: true },
    { isGranted: true, isOnProbation: true },
  ])
})

test('who knows of a committed entry that was lost elects nobody without it, and does not campaign', () => {
  const member = solo({ log: [1, 1], hardState: { ...lost, commitIndex: 5 }, raft: quiet })
  expect(tell(member, vote(2, 5, [4, 4]))).toMatchObject([{ isGranted: false }])
  expect(tell(member, vote(2, 5, [4, 5]))).toMatchObject([{ isGranted: true }])
  tickTimes(member, 50)
  member.raft.campaign()
  expect(member.raft.role).toBe('follower')
})

test.each([
  { votes: { 2: 'granted' }, role: 'candidate' },
  { votes: { 2: 'onProbation' }, role: 'candidate' },
  { votes: { 2: 'granted', 3: 'refused' }, role: 'follower' },
  { votes: { 2: 'onProbation', 3: 'refused' }, role: 'follower' },
  { votes: { 2: 'granted', 3: 'onProbation' }, role: 'leader' },
  { votes: { 2: 'onProbation', 3: 'onProbation' }, role: 'leader' },
  { votes: { 2: 'granted', 3: 'granted' }, role: 'leader' },
] as const)('a candidate on probation of three members is $role after $votes', ({ votes, role }) => {
  const member = solo({ voters: [1, 2, 3], hardState: lost, raft: quiet })
  member.raft.campaign()
  work(member)
  for (const [voter, cast] of Object.entries(votes)) {
    const fields = { isGranted: cast !== 'refused', isOnProbation: cast === 'onProbation' }
    tell(member, from(Number(voter), 'voteResponse', member.raft.term, fields))
  }
  expect(member.raft.role).toBe(role)
  expect(member.raft.status().isOnProbation).toBe(role !== 'leader')
})

test('a member that nobody else has a say about leads with all that it has', () => {
  const member = solo({ voters: [1], hardState: lost, raft: quiet })
  member.raft.campaign()
  work(member)
  expect(member.raft.role).toBe('leader')
})

test('all members together elect who has most of the log after each of them has lost its end', () => {
  const cluster = new Cluster({ voters: [1, 2, 3] })
  cluster.elect(1).raft.propose([command('a'), command('b')])
  cluster.settle()
  const { commitIndex } = cluster.member(1).raft
  // What each lost had not been acknowledged: member 2 has everything that was.
  for (const id of [1, 2, 3]) {
    cluster.restart(id, (disk) => {
      if (id !== 2) disk.entries.length = commitIndex - 1
      disk.hardState = { ...disk.hardState, commitIndex: 1, isOnProbation: true }
    })
  }
  for (let tick = 0; tick < 60; tick++) {
    for (const id of [1, 2, 3]) cluster.tick(id)
    cluster.settle()
  }
  const statuses = [1, 2, 3].map((id) => cluster.member(id).raft.status())
  expect(statuses.filter(({ role }) => role === 'leader')).toMatchObject([{ id: 2n }])
  for (const status of statuses)
    expect(status).toMatchObject({ isOnProbation: false, lastIndex: commitIndex + 1 })
})

test('a leader of an earlier term is told of the later one: a member on probation will not campaign with it', () => {
  const member = solo({ hardState: { ...lost, term: 5 }, raft: quiet })
  expect(tell(member, from(2, 'heartbeat', 3, { commitIndex: 0, round: 0 }))).toMatchObject([
    { type: 'appendResponse', to: 2n, term: 5 },
  ])
})

test('the first append after the start is refused, whether it fits or not', () => {
  const member = solo({ log: [1, 1], hardState: lost, raft: quiet })
  expect(tell(member, append(2, 1, { after: [1, 2], terms: [1] }))).toMatchObject([
    { type: 'appendResponse', isRejected: true, isLogReset: true, hintIndex: 2, hintTerm: 1 },
  ])
  expect(tell(member, append(2, 1, { after: [1, 2], terms: [1] }))).toContainEqual(
    expect.objectContaining({ type: 'appendResponse', isRejected: false, index: 3 }),
  )
})

test('every refusal on probation says that the log was reset: the first one may get lost', () => {
  const member = solo({ log: [1], hardState: lost, raft: quiet })
  tell(member, append(2, 1, { after: [1, 5] }))
  expect(tell(member, append(2, 1, { after: [1, 5] }))).toMatchObject([
    { isRejected: true, isLogReset: true },
  ])
})

test('a heartbeat of a leader that has sent no append is answered with a refusal, too', () => {
  const member = solo({ log: [1], hardState: lost, raft: quiet })
  // What the leader takes for known may be what was lost.
  expect(tell(member, from(2, 'heartbeat', 1, { commitIndex: 5, round: 3 }))).toMatchObject([
    { type: 'appendResponse', isLogReset: true },
    { type: 'heartbeatResponse', round: 3 },
  ])
})

test('a leader forgets what a member acknowledged that was reset', () => {
  const member = lead(solo({ raft: quiet }))
  member.raft.propose([command('a'), command('b')])
  work(member)
  acknowledge(member, 2)
  const reset = { index: 3, isRejected: true, hintIndex: 1, hintTerm: 1, isLogReset: true }
  expect(tell(member, from(2, 'appendResponse', 1, reset))).toMatchObject([
    { type: 'append', previousIndex: 1 },
  ])
  expect(member.raft.progress()[1]).toMatchObject({ state: 'probe', matchIndex: 0, nextIndex: 2 })
  expect(member.raft.commitIndex).toBe(3)
})

test('probation ends when all that the leader had is durable', () => {
  const member = solo({ log: [1], hardState: lost, raft: quiet })
  tell(member, append(2, 1, {}))
  member.raft.step({ ...append(2, 1, { after: [1, 1], terms: [1] }), lastIndex: 3 })
  takeOnly(member)
  member.persist()
  expect(member.raft.status().isOnProbation).toBe(true)
  member.raft.step({ ...append(2, 1, { after: [1, 2], terms: [1] }), lastIndex: 9 })
  takeOnly(member)
  expect(member.raft.status().isOnProbation).toBe(true)
  member.persist()
  expect(member.raft.status().isOnProbation).toBe(false)
  expect(member.handOut()).toMatchObject({ hardState: { isOnProbation: false }, mustSync: true })
})

test('entries that are there, but not known to be the leader’s, end no probation', () => {
  const member = solo({ log: [1, 1, 1], hardState: lost, raft: quiet })
  tell(member, append(2, 1, {}))
  tell(member, { ...append(2, 1, { after: [1, 1] }), lastIndex: 3 })
  expect(member.raft.status().isOnProbation).toBe(true)
})

test('a leader of a later term sets the goal anew', () => {
  const member = solo({ log: [1], hardState: lost, raft: quiet })
  tell(member, append(2, 1, {}))
  tell(member, { ...append(2, 1, { after: [1, 1], terms: [1] }), lastIndex: 3 })
  tell(member, { ...append(3, 2, { after: [1, 1], terms: [2] }), lastIndex: 4 })
  tell(member, { ...append(3, 2, { after: [2, 2], terms: [2] }), lastIndex: 4 })
  expect(member.raft.status()).toMatchObject({ lastIndex: 3, isOnProbation: true })
  tell(member, { ...append(3, 2, { after: [2, 3], terms: [2] }), lastIndex: 9 })
  expect(member.raft.status().isOnProbation).toBe(false)
})

test('a snapshot that reaches the goal ends probation', () => {
  const member = solo({ log: [1], hardState: lost, raft: quiet })
  tell(member, append(2, 1, {}))
  tell(member, { ...append(2, 1, { after: [1, 5] }), lastIndex: 5 })
  const snapshot = { index: 6, term: 1, membership: createMembership({ voters: [1n, 2n, 3n] }) }
  const message: Message = from(2, 'snapshot', 1, { snapshot })
  member.deliver({ message, state: { ...noState, ...snapshot } })
  work(member)
  expect(member.raft.status().isOnProbation).toBe(false)
})

test('probation outlives a crash', () => {
  const cluster = new Cluster({ voters: [1, 2, 3] })
  cluster.elect(1)
  cluster.restart(3, (disk) => {
    disk.hardState = { ...disk.hardState, isOnProbation: true }
  })
  cluster.tick(3, 30)
  cluster.handOut(3)
  cluster.restart(3)
  expect(cluster.member(3).raft.status().isOnProbation).toBe(true)
})

test('a member on probation may have lost entries of which it knows that they are committed', () => {
  const member = solo({ log: [1, 1], hardState: { ...lost, commitIndex: 5 } })
  expect(member.raft.commitIndex).toBe(2)
})

test('an idle cluster takes a member off probation', () => {
  const cluster = new Cluster({ voters: [1, 2, 3] })
  cluster.elect(1).raft.propose([command('a'), command('b')])
  cluster.settle()
  cluster.restart(3, (disk) => {
    disk.entries.length = 1
    disk.hardState = { ...disk.hardState, isOnProbation: true }
  })
  cluster.tick(1)
  cluster.settle()
  expect(cluster.member(3).raft.status()).toMatchObject({ isOnProbation: false, commitIndex: 3 })
})
