import type { Message, Snapshot } from '@orrery/raft'
import { createMembership, emptyMembership } from '@orrery/raft'
import { expect, test } from 'vitest'
import { around, Cluster } from './support/cluster.ts'
import type { TestMember } from './support/member.ts'
import { command, noState } from './support/member.ts'
import {
  acknowledge,
  append,
  appendResponse,
  from,
  lead,
  solo,
  takeOnly,
  tell,
  tickTimes,
  work,
} from './support/solo.ts'

const quiet = { preVote: false, checkQuorum: false }
const membership = createMembership({ voters: [1n, 2n, 3n] })

function header(index: number, term: number): Snapshot {
  return { index, term, membership }
}

/** A snapshot message, with the state for the test's host beside it. */
function receive(member: TestMember, snapshot: Snapshot, term = snapshot.term): void {
  const message = from(2, 'snapshot', term, { snapshot })
  const history = Array.from({ length: snapshot.index }, () => 'by snapshot')
  member.deliver({ message, state: { ...noState, ...snapshot, history } })
}

/** A leader that has compacted its log up to entry 3, and knows of 2 that it has only entry 1. */
function compactedLeader(): TestMember {
  const member = lead(solo({ raft: quiet }))
  acknowledge(member)
  member.raft.propose([command('a'), command('b')])
  work(member)
  tell(member, appendResponse(3, 1, 3))
  member.checkpoint(3)
  member.raft.reportUnreachable(2n)
  return member
}

function rowOf(member: TestMember, id: number) {
  return member.raft.progress().find((row) => row.id === BigInt(id))
}

function sentTo2(messages: readonly Message[]): Message[] {
  return messages.filter(({ to }) => to === 2n)
}

test('a snapshot is of the applied state and of the membership in force when it is handed out', () => {
  const member = compactedLeader()
  expect(sentTo2(work(member))).toMatchObject([
    { type: 'snapshot', snapshot: { index: 3, term: 1, membership } },
  ])
  expect(rowOf(member, 2)).toMatchObject({ state: 'snapshot', matchIndex: 1, nextIndex: 4 })
})

test('while a snapshot is on its way, nothing but heartbeats is sent', () => {
  const member = compactedLeader()
  work(member)
  member.raft.propose([command('c')])
  member.raft.tick()
  expect(sentTo2(work(member))).toMatchObject([{ type: 'heartbeat' }])
  expect(sentTo2(tell(member, from(2, 'heartbeatResponse', 1, { round: 0 })))).toEqual([])
})

test('the acknowledgement of the snapshot resumes replication', () => {
  const member = compactedLeader()
  work(member)
  member.raft.propose([command('c')])
  expect(sentTo2(tell(member, appendResponse(2, 1, 3)))).toMatchObject([{ type: 'append', previousIndex: 3 }])
  expect(rowOf(member, 2)).toMatchObject({ state: 'replicate', matchIndex: 3 })
})

test('a snapshot that failed is sent again when the member is heard of', () => {
  const member = compactedLeader()
  work(member)
  member.raft.reportSnapshot(2n, 'failed')
  expect(work(member)).toEqual([])
  expect(sentTo2(tell(member, from(2, 'heartbeatResponse', 1, { round: 0 })))).toMatchObject([
    { type: 'snapshot' },
  ])
})

test('a snapshot that was sent is followed by an append when the member is heard of', () => {
  const member = compactedLeader()
  work(member)
  member.raft.reportSnapshot(2n, 'sent')
  expect(work(member)).toEqual([])
  expect(sentTo2(tell(member, from(2, 'heartbeatResponse', 1, { round: 0 })))).toMatchObject([
    { type: 'append', previousIndex: 3 },
  ])
  // It did not keep the state: the next attempt.
  expect(sentTo2(tell(member, appendResponse(2, 1, 3, [1, 1])))).toMatchObject([{ type: 'snapshot' }])
})

test('reports about somebody who is sent no snapshot change nothing', () => {
  const member = compactedLeader()
  member.raft.reportSnapshot(3n, 'failed')
  member.raft.reportSnapshot(9n, 'sent')
  expect(rowOf(member, 3)).toMatchObject({ state: 'replicate' })
})

test('a follower whose next entry is compacted gets a snapshot, also when appends are on their way', () => {
  const member = lead(solo({ raft: { ...quiet, inflightMaxMessages: 1 } }))
  acknowledge(member)
  member.raft.propose([command('a')])
  work(member)
  member.raft.propose([command('b')])
  work(member)
  tell(member, appendResponse(3, 1, 2))
  tell(member, appendResponse(3, 1, 3))
  member.checkpoint(3)
  expect(rowOf(member, 2)).toMatchObject({ state: 'replicate', nextIndex: 3 })
  expect(sentTo2(work(member))).toMatchObject([{ type: 'snapshot' }])
})

test('an installed snapshot replaces the log, and is acknowledged when it is durable', () => {
  const member = solo({ log: [1, 1], hardState: { term: 2 } })
  receive(member, header(5, 2))
  expect(takeOnly(member)).toEqual([])
  expect(member.raft.status()).toMatchObject({
    firstIndex: 6,
    lastIndex: 5,
    commitIndex: 5,
    appliedIndex: 0,
    durableIndex: 0,
  })
  expect(member.writes).toMatchObject([
    { snapshot: { index: 5 }, entries: [], hardState: { commitIndex: 5 }, mustSync: true },
  ])
  member.persist()
  expect(takeOnly(member)).toMatchObject([{ type: 'appendResponse', index: 5, isRejected: false }])
  expect(member.raft.status()).toMatchObject({ appliedIndex: 5, durableIndex: 5, membership })
  expect(member.raft.termAt(5)).toBe(2)
})

test('entries that follow a snapshot are written with it', () => {
  const member = solo()
  receive(member, header(5, 1))
  member.raft.step(append(2, 1, { after: [1, 5], terms: [1], commit: 6 }))
  expect(member.handOut()).toMatchObject({ snapshot: { index: 5 }, entries: [{ index: 6 }], committed: [] })
  member.persist()
  expect(member.handOut()).toMatchObject({ committed: [{ index: 6 }] })
})

test('a member whose snapshot is not durable does not campaign', () => {
  const member = solo({ raft: quiet })
  receive(member, header(5, 1))
  takeOnly(member)
  tickTimes(member, 30)
  member.raft.campaign()
  expect(member.raft.role).toBe('follower')
  member.persist()
  member.raft.campaign()
  expect(member.raft.role).toBe('candidate')
})

test('a crash before a snapshot is durable brings the log back', () => {
  const cluster = new Cluster({ voters: [1, 2, 3] })
  cluster.elect(1).raft.propose([command('a'), command('b')])
  cluster.settle(around(3))
  cluster.member(1).checkpoint(3)
  cluster.tick(1)
  cluster.settle(around(3))
  cluster.member(1).raft.reportUnreachable(3n)
  cluster.handOut(1)
  cluster.deliver()
  cluster.handOut(3)
  cluster.restart(3)
  expect(cluster.member(3).raft.status()).toMatchObject({ lastIndex: 1, appliedIndex: 0 })
  cluster.member(1).raft.reportSnapshot(3n, 'failed')
  cluster.tick(1)
  cluster.settle()
  expect(cluster.member(3).state.history).toEqual(cluster.member(1).state.history)
})

test('a snapshot of what is committed here is answered with the commit index', () => {
  const member = solo({ log: [1, 1, 1], hardState: { commitIndex: 3 } })
  receive(member, header(2, 1))
  expect(work(member)).toMatchObject([{ type: 'appendResponse', index: 3 }])
  expect(member.raft.firstIndex).toBe(1)
})

test('two snapshots in short order are both installed', () => {
  const member = solo()
  receive(member, header(5, 1))
  takeOnly(member)
  receive(member, header(9, 1))
  takeOnly(member)
  member.persist(1)
  expect(member.raft.status()).toMatchObject({ appliedIndex: 5, lastIndex: 9 })
  member.raft.campaign()
  expect(member.raft.role).toBe('follower')
  member.persist()
  expect(takeOnly(member)).toMatchObject([{ index: 5 }, { index: 9 }])
  expect(member.raft.status()).toMatchObject({ appliedIndex: 9, durableIndex: 9 })
})

test('entries that were handed out before a snapshot may be applied, or left out', () => {
  for (const applies of [true, false]) {
    const member = solo({ log: [1, 1], hardState: { commitIndex: 2 } })
    takeOnly(member)
    receive(member, header(5, 1))
    takeOnly(member)
    if (applies) member.apply()
    member.persist()
    expect(member.raft.appliedIndex).toBe(5)
  }
})

test('compaction keeps the term of the entry before the log', () => {
  const member = solo({ log: [1, 2, 2], applied: 2, hardState: { commitIndex: 2 } })
  member.checkpoint(2)
  expect(member.raft.firstIndex).toBe(3)
  expect([1, 2, 3, 4].map((index) => member.raft.termAt(index))).toEqual([undefined, 2, 2, undefined])
  member.raft.compact(1)
  expect(member.raft.firstIndex).toBe(3)
})

test('a member that joins refuses a log from its beginning, and gets a snapshot', () => {
  const joining = solo({ voters: [] })
  expect(joining.raft.membership).toEqual(emptyMembership)
  expect(tell(joining, append(2, 1, { terms: [1] }))).toMatchObject([{ isRejected: true, index: 0 }])
  const member = lead(solo({ voters: [1], learners: [2], raft: quiet }))
  expect(sentTo2(tell(member, appendResponse(2, 1, 0, [0, 0])))).toMatchObject([
    { type: 'snapshot', snapshot: { index: 1 } },
  ])
})

test('a member that refused a snapshot is not taken to have the log', () => {
  const member = compactedLeader()
  work(member)
  tell(member, appendResponse(2, 1, 0))
  expect(rowOf(member, 2)).toMatchObject({ state: 'snapshot' })
})
