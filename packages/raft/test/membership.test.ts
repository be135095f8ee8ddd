import type { MembershipChange, MembershipStep } from '@orrery/raft'
import { encodeMembershipChange } from '@orrery/raft'
import { expect, test } from 'vitest'
import { around, Cluster } from './support/cluster.ts'
import type { TestMember } from './support/member.ts'
import { command } from './support/member.ts'
import {
  acknowledge,
  append,
  appendResponse,
  lead,
  solo,
  takeOnly,
  tell,
  tickTimes,
  work,
} from './support/solo.ts'

const quiet = { preVote: false, checkQuorum: false }

function changeOf(...steps: [MembershipStep['type'], number][]): MembershipChange {
  return {
    steps: steps.map(([type, id]) => ({ type, member: BigInt(id) })),
    transition: 'auto',
    context: new Uint8Array(),
  }
}

const replaceTwo: MembershipChange = {
  ...changeOf(['addVoter', 4], ['addVoter', 5], ['remove', 2], ['remove', 3]),
  transition: 'jointUntilLeft',
}

function proposeChange({ raft }: TestMember, change: MembershipChange) {
  return raft.propose([{ type: 'membership', payload: encodeMembershipChange(change) }])
}

function typesOf(member: TestMember): string[] {
  return member.disk.entries.map(({ type }) => type)
}

function leader(): TestMember {
  const member = lead(solo({ raft: quiet }))
  acknowledge(member)
  return member
}

test('a change is in force when it is applied, not when it is appended or committed', () => {
  const member = leader()
  proposeChange(member, changeOf(['addVoter', 4]))
  work(member)
  expect(member.raft.membership.voters).toEqual([1n, 2n, 3n])
  member.raft.step(appendResponse(2, 1, 2))
  takeOnly(member)
  expect(member.raft.commitIndex).toBe(2)
  expect(member.raft.membership.voters).toEqual([1n, 2n, 3n])
  member.apply()
  expect(member.raft.membership.voters).toEqual([1n, 2n, 3n, 4n])
})

test('a second change becomes an empty entry while the first is not applied', () => {
  const member = leader()
  proposeChange(member, changeOf(['addVoter', 4]))
  expect(proposeChange(member, changeOf(['addVoter', 5]))).toMatchObject({ ok: true, firstIndex: 3 })
  acknowledge(member)
  expect(typesOf(member)).toEqual(['empty', 'membership', 'empty'])
  proposeChange(member, changeOf(['addVoter', 5]))
  work(member)
  expect(typesOf(member)).toEqual(['empty', 'membership', 'empty', 'membership'])
})

test('of a batch with two changes the second becomes an empty entry; commands stay', () => {
  const member = leader()
  const change = { type: 'membership', payload: encodeMembershipChange(changeOf(['addVoter', 4])) } as const
  member.raft.propose([command('a'), change, change, command('b')])
  work(member)
  expect(typesOf(member)).toEqual(['empty', 'command', 'membership', 'empty', 'command'])
})

test.each([
  {
    name: 'that removes all voters',
    payload: encodeMembershipChange({ ...changeOf(['remove', 1], ['remove', 2], ['remove', 3]) }),
  },
  { name: 'that leaves what is not joint', payload: encodeMembershipChange(changeOf()) },
  { name: 'that is no change', payload: new Uint8Array([9, 9, 9]) },
])('a change $name becomes an empty entry', ({ payload }) => {
  const member = leader()
  expect(member.raft.propose([{ type: 'membership', payload }])).toMatchObject({ ok: true })
  work(member)
  expect(typesOf(member)).toEqual(['empty', 'empty'])
})

test('a new leader accepts no change before an entry of its term is applied', () => {
  const member = lead(solo({ log: [1, 1], applied: 2, hardState: { commitIndex: 2 }, raft: quiet }))
  proposeChange(member, changeOf(['addVoter', 4]))
  work(member)
  expect(typesOf(member).slice(2)).toEqual(['empty', 'empty'])
  acknowledge(member)
  proposeChange(member, changeOf(['addVoter', 4]))
  work(member)
  expect(typesOf(member).slice(2)).toEqual(['empty', 'empty', 'membership'])
})

test('a host may refuse a change while it is applied: the membership stays, and the next may come', () => {
  const member = leader()
  proposeChange(member, changeOf(['addVoter', 4]))
  work(member)
  member.raft.step(appendResponse(2, 1, 2))
  takeOnly(member)
  expect(member.raft.applyMembership(undefined).voters).toEqual([1n, 2n, 3n])
  member.raft.applied(2)
  proposeChange(member, changeOf(['addVoter', 5]))
  expect(member.handOut()?.entries).toMatchObject([{ index: 3, type: 'membership' }])
})

test('a member that is added is sent the log at once, one that is removed nothing any more', () => {
  const member = leader()
  proposeChange(member, changeOf(['addLearner', 4], ['remove', 3]))
  const sent = acknowledge(member)
  expect(sent).toContainEqual(expect.objectContaining({ type: 'append', to: 4n }))
  acknowledge(member)
  member.raft.tick()
  expect(work(member).map(({ to }) => to)).toEqual([2n, 4n])
})

test.each([
  { cut: [4, 5], back: 4, name: 'new' },
  { cut: [2, 3], back: 3, name: 'old' },
])('without the $name majority nothing is committed in joint consensus', ({ cut, back }) => {
  const cluster = new Cluster({ voters: [1, 2, 3], compacted: 1, raft: quiet })
  cluster.elect(1)
  for (const id of [4, 5]) cluster.join(id, quiet)
  proposeChange(cluster.member(1), replaceTwo)
  cluster.settle()
  const { commitIndex } = cluster.member(1).raft
  cluster.member(1).raft.propose([command('a')])
  cluster.settle((message) => cut.some((id) => around(id)(message)))
  expect(cluster.member(1).raft.commitIndex).toBe(commitIndex)
  cluster.tick(1)
  cluster.settle((message) => cut.some((id) => id !== back && around(id)(message)))
  expect(cluster.member(1).raft.commitIndex).toBe(commitIndex + 1)
})

test('an election in joint consensus needs both majorities', () => {
  const cluster = new Cluster({ voters: [1, 2, 3], compacted: 1, raft: quiet })
  cluster.elect(1)
  for (const id of [4, 5]) cluster.join(id, quiet)
  proposeChange(cluster.member(1), replaceTwo)
  cluster.settle()
  cluster.member(2).raft.campaign()
  cluster.settle((message) => around(4)(message) || around(5)(message))
  expect(cluster.member(2).raft.role).toBe('candidate')
  cluster.member(2).raft.campaign()
  cluster.settle(around(5))
  expect(cluster.member(2).raft.role).toBe('leader')
})

test('joint consensus is left as soon as it is applied, even when no proposal is accepted', () => {
  const member = lead(solo({ voters: [1], raft: { ...quiet, uncommittedMaxBytes: 1 } }))
  member.raft.propose([
    { type: 'membership', payload: encodeMembershipChange(changeOf(['addLearner', 4], ['addLearner', 5])) },
    command('xxxxx'),
  ])
  work(member)
  expect(member.raft.membership).toMatchObject({ voters: [1n], outgoingVoters: [], learners: [4n, 5n] })
})

test('a new leader leaves a joint membership that another one entered', () => {
  const cluster = new Cluster({ voters: [1, 2, 3], compacted: 1, raft: quiet })
  cluster.elect(1)
  proposeChange(cluster.member(1), changeOf(['addLearner', 4], ['addLearner', 5]))
  // The entry that leaves it, 4, reaches nobody.
  cluster.settle((message) => message.type === 'append' && message.entries.some(({ index }) => index === 4))
  expect(cluster.member(2).raft.membership).toMatchObject({
    outgoingVoters: [1n, 2n, 3n],
    leavesAutomatically: true,
  })
  cluster.member(2).raft.campaign()
  cluster.settle(around(1))
  expect(cluster.member(2).raft.membership).toMatchObject({ outgoingVoters: [], learners: [4n, 5n] })
})

test('a follower that applies several changes in one page takes each in its turn', () => {
  const cluster = new Cluster({ voters: [1, 2, 3], compacted: 1 })
  cluster.elect(1)
  for (const id of [4, 5]) {
    proposeChange(cluster.member(1), changeOf(['addLearner', id]))
    cluster.settle(around(3))
  }
  cluster.tick(1)
  cluster.settle()
  expect(cluster.member(3).raft.membership.learners).toEqual([4n, 5n])
})

test('a snapshot header that is made while a change is applied has both, or neither', () => {
  const member = leader()
  proposeChange(member, changeOf(['addLearner', 4]))
  work(member)
  member.raft.step(appendResponse(2, 1, 2))
  takeOnly(member)
  member.raft.applyMembership(changeOf(['addLearner', 4]))
  expect(member.raft.status()).toMatchObject({ appliedIndex: 2, membership: { learners: [4n] } })
})

test('a change that lies before an installed snapshot is not taken any more', () => {
  const member = solo({ log: [1], hardState: { commitIndex: 1 }, raft: quiet })
  const payload = encodeMembershipChange(changeOf(['remove', 3]))
  const change = { index: 2, term: 1, type: 'membership', payload } as const
  member.raft.step({ ...append(2, 1, { after: [1, 1], commit: 2 }), entries: [change], commitIndex: 2 })
  takeOnly(member)
  member.persist()
  takeOnly(member)
  expect(member.toApply).toMatchObject([{ index: 1 }, { type: 'membership' }])
  const membership = { ...member.raft.membership, voters: [1n, 2n, 3n, 4n, 5n] }
  member.raft.step({
    type: 'snapshot',
    from: 2n,
    to: 1n,
    term: 1,
    snapshot: { index: 9, term: 1, membership },
  })
  // The host, which has not made it durable, is still on its way there.
  member.raft.applied(1)
  expect(member.raft.applyMembership(changeOf(['remove', 3])).voters).toEqual([1n, 2n, 3n, 4n, 5n])
  member.raft.applied(2)
  expect(member.raft.membership.voters).toEqual([1n, 2n, 3n, 4n, 5n])
})

test('a learner that became a voter campaigns when its time has come', () => {
  const cluster = new Cluster({ voters: [2, 3], learners: [1], compacted: 1 })
  cluster.elect(2)
  cluster.tick(1, 30)
  expect(cluster.member(1).raft.role).toBe('follower')
  proposeChange(cluster.member(2), changeOf(['addVoter', 1]))
  cluster.settle()
  cluster.tick(1, 30)
  expect(cluster.member(1).raft.role).toBe('preCandidate')
})

// What a host must not do.

test('to apply a membership entry without saying so is a bug of the host', () => {
  const member = leader()
  proposeChange(member, changeOf(['addVoter', 4]))
  work(member)
  member.raft.step(appendResponse(2, 1, 2))
  takeOnly(member)
  expect(() => member.raft.applied(2)).toThrow('applyMembership')
})

test('to apply a change that was not handed out is a bug of the host', () => {
  expect(() => leader().raft.applyMembership(changeOf(['addVoter', 4]))).toThrow('handed out')
})

test('a committed change that does not fit is a bug of somebody: the member stops', () => {
  const member = leader()
  proposeChange(member, changeOf(['addVoter', 4]))
  work(member)
  tickTimes(member, 1)
  member.raft.step(appendResponse(2, 1, 2))
  takeOnly(member)
  expect(() => member.raft.applyMembership(changeOf())).toThrow('fits')
})

test('a message to somebody else is ignored', () => {
  const member = solo()
  expect(tell(member, { ...append(2, 3, {}), to: 9n }, { ...append(2, 3, {}), from: 1n })).toEqual([])
  expect(member.raft.term).toBe(0)
})
