import type { Ready } from '@orrery/raft'
import { expect, test } from 'vitest'
import { Cluster } from './support/cluster.ts'
import { command } from './support/member.ts'
import {
  acknowledge,
  append,
  appendResponse,
  lead,
  solo,
  takeOnly,
  tell,
  vote,
  work,
} from './support/solo.ts'

const quiet = { preVote: false, checkQuorum: false }

test('a batch says what must be durable: entries, term and vote, but not a commit index alone', () => {
  const member = solo({ raft: quiet })
  member.raft.step(vote(2, 1))
  expect(member.handOut()).toMatchObject({ number: 1, hardState: { term: 1, vote: 2n }, mustSync: true })
  member.raft.step(append(2, 1, { terms: [1, 1] }))
  expect(member.handOut()).toMatchObject({ number: 2, hardState: undefined, mustSync: true, messages: [] })
  member.raft.step(append(2, 1, { after: [1, 2], commit: 2 }))
  expect(member.handOut()).toMatchObject({
    number: 3,
    hardState: { commitIndex: 2 },
    mustSync: false,
    entries: [],
  })
  expect(member.handOut()).toBeUndefined()
})

test('a follower acknowledges an append when it is durable', () => {
  const member = solo({ raft: quiet })
  member.raft.step(append(2, 1, { terms: [1] }))
  expect(takeOnly(member)).toEqual([])
  member.persist()
  expect(takeOnly(member)).toMatchObject([{ type: 'appendResponse', index: 1, isRejected: false }])
})

test('a follower acknowledges an append that changes nothing only when all before it is durable', () => {
  const member = solo({ raft: quiet })
  member.raft.step(append(2, 1, { terms: [1] }))
  takeOnly(member)
  member.raft.step(append(2, 1, { after: [1, 1] }))
  expect(takeOnly(member)).toEqual([])
  member.persist()
  expect(takeOnly(member)).toMatchObject([{ index: 1 }])
})

test('appends of one write share an acknowledgement', () => {
  const member = solo({ raft: quiet })
  member.raft.step(append(2, 1, { terms: [1] }))
  member.raft.step(append(2, 1, { after: [1, 1], terms: [1] }))
  takeOnly(member)
  member.persist()
  expect(takeOnly(member)).toMatchObject([{ type: 'appendResponse', index: 2 }])
})

test('a follower refuses an append at once: a refusal promises nothing', () => {
  const member = solo({ raft: quiet })
  member.raft.step(append(2, 1, { after: [1, 5] }))
  expect(takeOnly(member)).toMatchObject([{ type: 'appendResponse', isRejected: true }])
})

test('a member votes when its vote is durable, and refuses at once', () => {
  const member = solo({ raft: quiet })
  member.raft.step(vote(2, 1))
  member.raft.step(vote(3, 1))
  expect(takeOnly(member)).toMatchObject([
    { type: 'voteResponse', to: 3n, isGranted: false, isOnProbation: false },
  ])
  member.persist()
  expect(takeOnly(member)).toMatchObject([
    { type: 'voteResponse', to: 2n, isGranted: true, isOnProbation: false },
  ])
})

test('a vote for a term that is over by the time it is durable is not sent', () => {
  const member = solo({ raft: quiet })
  member.raft.step(vote(2, 1))
  takeOnly(member)
  member.raft.step(append(3, 2, {}))
  takeOnly(member)
  member.persist()
  expect(takeOnly(member)).toMatchObject([{ type: 'appendResponse', term: 2 }])
})

test('a candidate asks for votes when its own vote and its log are durable', () => {
  const member = solo({ raft: quiet })
  member.raft.step(append(2, 1, { terms: [1] }))
  takeOnly(member)
  member.raft.campaign()
  expect(takeOnly(member)).toEqual([])
  member.persist(1)
  expect(takeOnly(member)).toEqual([])
  member.persist()
  expect(takeOnly(member)).toMatchObject([
    { type: 'vote', lastIndex: 1, term: 2 },
    { type: 'vote', lastIndex: 1, term: 2 },
  ])
})

test('a candidacy that is over by the time it is durable asks nobody', () => {
  const member = solo({ raft: quiet })
  member.raft.campaign()
  takeOnly(member)
  member.raft.step(append(2, 1, {}))
  member.persist()
  expect(takeOnly(member)).toMatchObject([{ type: 'appendResponse' }])
  expect(member.raft.role).toBe('follower')
})

test('a leader counts itself when its entry is durable', () => {
  const member = lead(solo({ raft: quiet }))
  acknowledge(member)
  member.raft.propose([command('a')])
  takeOnly(member)
  member.raft.step(appendResponse(2, 1, 2))
  expect(member.raft.commitIndex).toBe(1)
  member.persist()
  expect(member.raft.commitIndex).toBe(2)
})

test('followers may commit what is not durable at the leader, which applies it only when it is', () => {
  const member = lead(solo({ raft: quiet }))
  acknowledge(member)
  member.raft.propose([command('a')])
  takeOnly(member)
  member.raft.step(appendResponse(2, 1, 2))
  member.raft.step(appendResponse(3, 1, 2))
  expect(member.raft.commitIndex).toBe(2)
  takeOnly(member)
  expect(member.toApply).toEqual([])
  member.persist()
  takeOnly(member)
  expect(member.toApply).toMatchObject([{ index: 2 }])
})

test('a sole voter commits when its entry is durable, not before', () => {
  const member = lead(solo({ voters: [1] }))
  member.raft.propose([command('a')])
  const ready = member.handOut()
  expect(ready).toMatchObject({ entries: [{ index: 2 }], committed: [] })
  expect(member.raft.commitIndex).toBe(1)
  member.persist()
  expect(member.handOut()).toMatchObject({ committed: [{ index: 2 }], mustSync: false })
})

test('the commit index goes out with the entries that it came with', () => {
  const member = solo({ raft: quiet })
  member.raft.step(append(2, 1, { terms: [1, 1], commit: 2 }))
  expect(member.handOut()).toMatchObject({ entries: [{}, {}], hardState: { commitIndex: 2 }, committed: [] })
})

test('several pages of committed entries are handed out before the first is applied', () => {
  const member = solo({ log: [1, 1, 1, 1], raft: { ...quiet, committedMaxBytes: 6 } })
  member.raft.step(append(2, 1, { after: [1, 4], commit: 4 }))
  const pages: Ready['committed'][] = []
  for (let ready = member.raft.ready(); ready !== undefined; ready = member.raft.ready()) {
    if (ready.committed.length > 0) pages.push(ready.committed)
  }
  expect(pages.map((page) => page.map(({ index }) => index))).toEqual([
    [1, 2],
    [3, 4],
  ])
})

test('batches that are reported together are all durable', () => {
  const member = solo({ raft: quiet })
  member.raft.step(append(2, 1, { terms: [1] }))
  const first = member.raft.ready()
  member.raft.step(append(2, 1, { after: [1, 1], terms: [1] }))
  const second = member.raft.ready()
  expect([first?.number, second?.number]).toEqual([1, 2])
  member.raft.persisted(2)
  expect(member.raft.status().durableIndex).toBe(2)
  // A late report of the first says nothing new.
  member.raft.persisted(1)
  expect(
    member.raft.ready()?.messages.map((message) => message.type === 'appendResponse' && message.index),
  ).toEqual([1, 2])
})

test('what was not durable is gone after a crash, and nobody was told of it', () => {
  const cluster = new Cluster({ voters: [1, 2, 3], raft: quiet })
  cluster.elect(1).raft.propose([command('a')])
  cluster.handOut(1)
  cluster.deliver()
  cluster.handOut(2)
  cluster.restart(2)
  cluster.restart(3)
  expect([2, 3].map((id) => cluster.member(id).raft.lastIndex)).toEqual([1, 1])
  expect(cluster.network).toEqual([])
})

test('what is applied was committed, even where the commit index was not written in time', () => {
  const member = solo({ log: [1, 1, 1], applied: 2, hardState: { commitIndex: 1 } })
  expect(member.raft.commitIndex).toBe(2)
  expect(member.handOut()).toMatchObject({ hardState: { commitIndex: 2 }, mustSync: false, committed: [] })
})

// What a host must not do.

test('to report a batch that was not handed out is a bug of the host', () => {
  expect(() => solo().raft.persisted(1)).toThrow('handed out')
})

test('to apply what was not handed out is a bug of the host', () => {
  const member = solo({ log: [1, 1], hardState: { commitIndex: 2 } })
  expect(() => member.raft.applied(1)).toThrow('handed out')
})

test('to compact what is not applied is a bug of the host', () => {
  const member = solo({ log: [1, 1], hardState: { commitIndex: 2 } })
  takeOnly(member)
  expect(() => member.raft.compact(1)).toThrow('applied')
})

test.each([
  { name: 'a committed entry that is missing', hardState: { commitIndex: 3 }, message: 'lost or damaged' },
  { name: 'an entry of a later term than the member', hardState: { term: 0 }, message: 'later term' },
])('$name at the start is a bug of the host, or of its disk', ({ hardState, message }) => {
  expect(() => solo({ log: [1, 1], hardState })).toThrow(message)
})

test('a heartbeat that commits what is not here shows that the log was lost: the member stops', () => {
  const member = solo({ log: [1], raft: quiet })
  expect(() =>
    tell(member, { type: 'heartbeat', from: 2n, to: 1n, term: 1, commitIndex: 5, round: 0 }),
  ).toThrow('lost or damaged')
  expect(work(solo())).toEqual([])
})
