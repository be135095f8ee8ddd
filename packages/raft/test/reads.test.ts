import { encodeMembershipChange } from '@orrery/raft'
import { expect, test } from 'vitest'
import { around, Cluster } from './support/cluster.ts'
import type { TestMember } from './support/member.ts'
import { command } from './support/member.ts'
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

function confirm(sender: number, round: number, term = 1) {
  return from(sender, 'heartbeatResponse', term, { round })
}

function leader(): TestMember {
  const member = lead(solo({ voters: [1, 2, 3, 4, 5], raft: quiet }))
  acknowledge(member)
  return member
}

test('a read is answered with the commit index when a majority confirmed a round that began after it', () => {
  const member = leader()
  expect(member.raft.readIndex(71)).toEqual({ ok: true })
  expect(work(member)).toMatchObject([2n, 3n, 4n, 5n].map((to) => ({ type: 'heartbeat', to, round: 1 })))
  tell(member, confirm(2, 1))
  expect(member.reads).toEqual([])
  tell(member, confirm(3, 1))
  expect(member.reads).toEqual([{ context: 71, index: 1 }])
})

test('a read keeps the index of when it was asked for', () => {
  const member = leader()
  member.raft.readIndex(71)
  member.raft.propose([command('a')])
  work(member)
  tell(member, appendResponse(2, 1, 2), appendResponse(3, 1, 2))
  tell(member, confirm(2, 1), confirm(3, 1))
  expect(member.raft.commitIndex).toBe(2)
  expect(member.reads).toEqual([{ context: 71, index: 1 }])
})

test('a later round confirms all before it', () => {
  const member = leader()
  for (const context of [71, 72, 73]) {
    member.raft.readIndex(context)
    work(member)
  }
  tell(member, confirm(2, 3))
  tell(member, confirm(3, 2))
  expect(member.reads.map(({ context }) => context)).toEqual([71, 72])
  tell(member, confirm(4, 3))
  expect(member.reads.map(({ context }) => context)).toEqual([71, 72, 73])
})

test('an answer that arrives twice counts once', () => {
  const member = leader()
  member.raft.readIndex(71)
  work(member)
  tell(member, confirm(2, 1), confirm(2, 1), confirm(2, 1))
  expect(member.reads).toEqual([])
})

test('answers of learners and of strangers do not count', () => {
  const member = lead(solo({ voters: [1, 2, 3], learners: [4], raft: quiet }))
  acknowledge(member)
  member.raft.readIndex(71)
  work(member)
  tell(member, confirm(4, 1), confirm(9, 1))
  expect(member.reads).toEqual([])
})

test('heartbeats without reads carry no round', () => {
  const member = leader()
  member.raft.tick()
  expect(work(member)[0]).toMatchObject({ type: 'heartbeat', round: 0 })
})

test('a host that uses a context twice gets no answer from the first round for the second read', () => {
  const member = leader()
  member.raft.readIndex(71)
  work(member)
  tell(member, confirm(2, 1), confirm(3, 1))
  member.raft.readIndex(71)
  work(member)
  tell(member, confirm(4, 1), confirm(5, 1))
  expect(member.reads).toHaveLength(1)
})

test('a sole voter answers at once, when it has committed in its term', () => {
  const member = solo({ voters: [1], learners: [2] })
  member.raft.campaign()
  takeOnly(member)
  member.persist()
  member.raft.readIndex(71)
  takeOnly(member)
  expect(member.reads).toEqual([])
  work(member)
  expect(member.reads).toEqual([{ context: 71, index: 1 }])
  member.raft.readIndex(72)
  expect(work(member)).toEqual([])
  expect(member.reads).toHaveLength(2)
})

test('a new leader that was given an earlier commit index waits for its own entry', () => {
  const member = lead(solo({ log: [1, 1], applied: 2, hardState: { commitIndex: 2 }, raft: quiet }))
  member.raft.readIndex(71)
  expect(work(member)).toEqual([])
  // Confirmations alone do not tell what is committed.
  tell(member, confirm(2, 1, 2), confirm(3, 1, 2))
  expect(member.reads).toEqual([])
  expect(tell(member, appendResponse(2, 2, 3))).toContainEqual(
    expect.objectContaining({ type: 'heartbeat', round: 1 }),
  )
  tell(member, confirm(3, 1, 2))
  expect(member.reads).toEqual([{ context: 71, index: 3 }])
})

test('reads that wait are dropped when the leader steps down, in whatever state they are', () => {
  const member = lead(solo({ log: [1], raft: quiet }))
  member.raft.readIndex(71)
  acknowledge(member)
  member.raft.readIndex(72)
  tell(member, append(2, 9, {}))
  expect(member.droppedReads).toEqual([71, 72])
  expect(member.reads).toEqual([])
})

test('an answer to an old leader confirms nothing in its next term', () => {
  const member = leader()
  member.raft.readIndex(71)
  work(member)
  tell(member, append(2, 2, {}))
  lead(member)
  acknowledge(member)
  member.raft.readIndex(72)
  work(member)
  tell(member, confirm(2, 1, 1), confirm(3, 1, 1), confirm(4, 1, 1))
  expect(member.reads).toEqual([])
})

test('a leader that was cut off answers no read, although it leads for itself', () => {
  const cluster = new Cluster({ voters: [1, 2, 3], raft: quiet })
  cluster.elect(1)
  cluster.member(2).raft.campaign()
  cluster.settle(around(1))
  cluster.member(2).raft.propose([command('a')])
  cluster.settle(around(1))
  cluster.member(1).raft.readIndex(71)
  cluster.tick(1, 50)
  cluster.settle(around(1))
  expect(cluster.member(1)).toMatchObject({ reads: [], droppedReads: [] })
  expect(cluster.member(1).raft.role).toBe('leader')
  cluster.tick(2)
  cluster.settle()
  expect(cluster.member(1)).toMatchObject({ reads: [], droppedReads: [71] })
  expect(cluster.member(1).raft.role).toBe('follower')
})

test('a smaller majority may confirm, and commit, what a larger one had not', () => {
  const member = lead(solo({ voters: [1, 2, 3, 4], raft: quiet }))
  acknowledge(member)
  const steps = [{ type: 'remove', member: 4n }] as const
  const payload = encodeMembershipChange({ steps, transition: 'auto', context: new Uint8Array() })
  member.raft.propose([{ type: 'membership', payload }, command('a')])
  member.raft.readIndex(71)
  work(member)
  tell(member, confirm(2, 1), appendResponse(2, 1, 3))
  expect([member.reads, member.raft.commitIndex]).toEqual([[], 1])
  // 3 acknowledges the change, and neither answered a heartbeat nor has the entry after it.
  tell(member, appendResponse(3, 1, 2))
  expect([member.reads, member.raft.commitIndex]).toEqual([[{ context: 71, index: 1 }], 3])
})

test('a follower asks its leader, and applies up to what that says', () => {
  const cluster = new Cluster({ voters: [1, 2, 3] })
  cluster.elect(1).raft.propose([command('a')])
  cluster.settle()
  expect(cluster.member(2).raft.readIndex(71)).toEqual({ ok: true })
  cluster.settle()
  expect(cluster.member(2).reads).toEqual([{ context: 71, index: 2 }])
})

test('without a leader there is nobody to ask', () => {
  expect(solo().raft.readIndex(71)).toEqual({ ok: false })
})

test('a follower gives up a read when its leader changes, or the answer does not come', () => {
  for (const change of ['term', 'silence', 'forget'] as const) {
    const member = solo({ raft: quiet, random: () => 5 })
    tell(member, append(2, 1, {}))
    member.raft.readIndex(71)
    work(member)
    if (change === 'term') tell(member, append(3, 2, {}))
    if (change === 'silence') tickTimes(member, 10)
    if (change === 'forget') member.raft.forgetLeader()
    work(member)
    expect(member.droppedReads).toEqual([71])
    // The answer is late.
    tell(member, from(2, 'readIndexResponse', member.raft.term, { context: 71, index: 5 }))
    expect(member.reads).toEqual([])
  }
})

test('a follower that is asked for a read does not pass it on', () => {
  const member = solo({ raft: quiet })
  tell(member, append(2, 1, {}))
  expect(tell(member, from(3, 'readIndex', 0, { context: 71 }))).toEqual([])
})

// Lease reads.

const leases = { reads: 'lease', electionTimeoutTicks: 5 } as const

function leaseHolder(): TestMember {
  const member = solo({ raft: leases })
  lead(member)
  acknowledge(member)
  return member
}

test('a leader with a lease answers at once', () => {
  const member = leaseHolder()
  member.raft.tick()
  work(member)
  tell(member, confirm(2, 1))
  member.raft.readIndex(71)
  expect(work(member)).toEqual([])
  expect(member.reads).toEqual([{ context: 71, index: 1 }])
})

test('a lease counts from the sending of the heartbeat, not from its answer', () => {
  const member = leaseHolder()
  member.raft.tick()
  work(member)
  tickTimes(member, 3)
  tell(member, confirm(2, 1))
  member.raft.readIndex(71)
  work(member)
  expect(member.reads).toEqual([{ context: 71, index: 1 }])
  member.raft.tick()
  member.raft.readIndex(72)
  work(member)
  expect(member.reads).toHaveLength(1)
})

test('that appends are answered is no lease', () => {
  const member = leaseHolder()
  acknowledge(member)
  member.raft.readIndex(71)
  expect(work(member)).toMatchObject([{ type: 'heartbeat', round: 1 }, {}])
  expect(member.reads).toEqual([])
})
