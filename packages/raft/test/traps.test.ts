import type { Message } from '@orrery/raft'
import { createMembership, encodeMembershipChange } from '@orrery/raft'
import { expect, test } from 'vitest'
import { around, between, Cluster } from './support/cluster.ts'
import { command, noState, TestMember } from './support/member.ts'
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

// What reimplementations get wrong: each of these was a bug of a system in use.

const quiet = { preVote: false, checkQuorum: false }
const context = new Uint8Array()

function change(steps: readonly { type: 'addVoter' | 'addLearner' | 'remove'; member: bigint }[]) {
  return {
    type: 'membership',
    payload: encodeMembershipChange({ steps, transition: 'auto', context }),
  } as const
}

test('trap 1: a sole voter hands out nothing as committed in the batch that asks to write it', () => {
  const member = lead(solo({ voters: [1] }))
  member.raft.propose([command('a')])
  expect(member.handOut()).toMatchObject({ entries: [{ index: 2 }], committed: [] })
  expect(member.handOut()).toBeUndefined()
})

test('trap 2: a leader that was deposed while it wrote does not count its write in a later term', () => {
  const member = lead(solo({ raft: quiet }))
  member.raft.propose([command('a')])
  takeOnly(member)
  // Another leader replaces the entry; this one leads again before the first write is reported.
  member.raft.step(append(2, 2, { after: [1, 1], terms: [2] }))
  takeOnly(member)
  member.persist(1)
  expect(member.raft.status()).toMatchObject({ role: 'follower', durableIndex: 1, commitIndex: 0 })
  expect(takeOnly(member)).toEqual([])
})

test('trap 2: a candidate that lost does not count its own vote, in that term or the next', () => {
  const member = solo({ raft: quiet })
  member.raft.campaign()
  takeOnly(member)
  member.raft.step(append(2, 1, {}))
  member.raft.campaign()
  member.persist(1)
  member.raft.step(from(3, 'voteResponse', 2, { isGranted: true, isOnProbation: false }))
  expect(member.raft.status()).toMatchObject({ role: 'candidate', term: 2 })
  expect(takeOnly(member)).toEqual([])
  member.persist()
  expect(member.raft.role).toBe('leader')
})

test('trap 3: nothing is said before it is durable, also what an earlier message of the batch brought', () => {
  const member = solo({ raft: quiet })
  member.raft.step(vote(2, 1))
  member.raft.step(append(2, 1, { terms: [1] }))
  member.raft.step(append(2, 1, { after: [1, 1], commit: 1 }))
  expect(takeOnly(member)).toEqual([])
  member.persist()
  expect(takeOnly(member)).toMatchObject([{ type: 'voteResponse' }, { type: 'appendResponse', index: 1 }])
})

test('trap 4: nobody campaigns with a membership change that is committed and not applied, also after a restart', () => {
  const { payload } = change([{ type: 'addVoter', member: 4n }])
  const entry = { index: 1, term: 1, type: 'membership', payload } as const
  const member = solo({ raft: quiet })
  member.raft.step({ ...append(2, 1, { commit: 1 }), entries: [entry], lastIndex: 1 })
  takeOnly(member)
  member.persist()
  const restarted = new TestMember({ id: 1n, disk: member.disk, random: () => 0, options: quiet })
  for (const one of [member, restarted]) {
    takeOnly(one)
    tickTimes(one, 50)
    one.raft.campaign()
    expect(one.raft.role).toBe('follower')
    one.apply()
    one.raft.campaign()
    expect(one.raft.role).toBe('candidate')
  }
})

test('trap 5: a fresh leader answers no read before an entry of its own is committed', () => {
  const member = lead(solo({ log: [1], applied: 1, hardState: { commitIndex: 1 }, raft: quiet }))
  member.raft.readIndex(71)
  tell(member, from(2, 'heartbeatResponse', 2, { round: 0 }), from(2, 'heartbeatResponse', 2, { round: 1 }))
  expect(member.reads).toEqual([])
  acknowledge(member)
  tell(member, from(2, 'heartbeatResponse', 2, { round: 1 }))
  expect(member.reads).toEqual([{ context: 71, index: 2 }])
})

test('trap 6: rounds have numbers of their own: what a host calls its reads confirms nothing', () => {
  const member = lead(solo({ voters: [1, 2, 3, 4, 5], raft: quiet }))
  acknowledge(member)
  const rounds = [71, 71, 71].map((read) => {
    member.raft.readIndex(read)
    const [heartbeat] = work(member)
    return heartbeat?.type === 'heartbeat' ? heartbeat.round : 0
  })
  expect(rounds).toEqual([1, 2, 3])
  // Late answers to the first round, of a majority.
  tell(member, ...[2, 3, 4].map((id) => from(id, 'heartbeatResponse', 1, { round: 1 })))
  expect(member.reads).toHaveLength(1)
})

test('trap 7: reads that wait are dropped when the leader steps down, and no late answer revives them', () => {
  const member = lead(solo({ raft: quiet }))
  acknowledge(member)
  member.raft.readIndex(71)
  work(member)
  tell(member, vote(3, 2, [1, 1]))
  tell(member, from(2, 'heartbeatResponse', 1, { round: 1 }))
  expect(member).toMatchObject({ reads: [], droppedReads: [71] })
})

test('trap 8: the next entry to send never falls to the match, whatever arrives late', () => {
  const member = lead(solo({ log: [1, 1, 1, 1], raft: quiet }))
  const row = () => member.raft.progress()[1]
  tell(member, appendResponse(2, 2, 5))
  expect(row()).toMatchObject({ state: 'replicate', matchIndex: 5 })
  tell(member, appendResponse(2, 2, 4, [0, 0]), appendResponse(2, 2, 5, [0, 0]), appendResponse(2, 2, 3))
  expect(row()).toMatchObject({ state: 'replicate', matchIndex: 5, nextIndex: 6 })
  member.raft.reportUnreachable(2n)
  work(member)
  tell(member, appendResponse(2, 2, 3, [0, 0]))
  expect(row()).toMatchObject({ state: 'probe', nextIndex: 6 })
  tell(member, appendResponse(2, 2, 5, [0, 0]))
  expect(row()).toMatchObject({ matchIndex: 5, nextIndex: 6 })
})

test('trap 9: a follower leaves the state of waiting for a snapshot by whatever way it reaches the log', () => {
  const member = lead(solo({ raft: quiet }))
  acknowledge(member)
  member.raft.propose([command('a'), command('b')])
  work(member)
  tell(member, appendResponse(3, 1, 3))
  member.checkpoint(2)
  member.raft.reportUnreachable(2n)
  expect(work(member)).toMatchObject([{ type: 'snapshot', to: 2n, snapshot: { index: 3 } }])
  // Older than the snapshot that was sent, and enough.
  expect(tell(member, appendResponse(2, 1, 2))).toMatchObject([{ type: 'append', previousIndex: 2 }])
})

test('trap 9: a snapshot is sent only to somebody who was heard of within the election timeout', () => {
  const member = lead(solo({ raft: quiet }))
  acknowledge(member)
  member.raft.propose([command('a'), command('b')])
  work(member)
  tell(member, appendResponse(3, 1, 3))
  member.checkpoint(3)
  member.raft.reportUnreachable(2n)
  tickTimes(member, 10)
  expect(work(member).map(({ type }) => type)).not.toContain('snapshot')
  expect(tell(member, from(2, 'heartbeatResponse', 1, { round: 0 }))).toMatchObject([{ type: 'snapshot' }])
})

test('trap 10: a snapshot that matches the log moves the commit index, and replaces nothing', () => {
  const member = solo({ log: [1, 1, 1] })
  const membership = createMembership({ voters: [1n, 2n, 3n] })
  const snapshot = { index: 2, term: 1, membership }
  expect(tell(member, from(2, 'snapshot', 1, { snapshot }))).toMatchObject([{ index: 2, isRejected: false }])
  expect(member.raft.status()).toMatchObject({ commitIndex: 2, firstIndex: 1, lastIndex: 3 })
})

test('trap 10: a snapshot whose membership does not know this member is not installed', () => {
  const member = solo({ log: [1] })
  const snapshot = { index: 9, term: 1, membership: createMembership({ voters: [2n, 3n] }) }
  expect(tell(member, from(2, 'snapshot', 1, { snapshot }))).toMatchObject([{ index: 0 }])
  expect(member.raft.lastIndex).toBe(1)
  // A learner is a member; so is an outgoing voter.
  const voters = { ...snapshot.membership, outgoingVoters: [1n, 2n, 3n] }
  for (const [at, membership] of [createMembership({ voters: [2n], learners: [1n] }), voters].entries()) {
    const index = 9 + at
    const message = from(2, 'snapshot', 1, { snapshot: { index, term: 1, membership } })
    member.deliver({ message, state: { ...noState, index, term: 1, membership } })
    work(member)
    expect(member.raft.lastIndex).toBe(index)
  }
})

test.each(['checkQuorum', 'preVote'])(
  'trap 11: with %s a leader of an earlier term is told of the later one',
  (option) => {
    const raft = { [option]: true }
    const member = solo({ hardState: { term: 5 }, raft: { ...quiet, ...raft } })
    const heartbeat = from(2, 'heartbeat', 3, { commitIndex: 0, round: 0 })
    for (const message of [heartbeat, append(2, 3, {})]) {
      expect(tell(member, message)).toMatchObject([{ type: 'appendResponse', term: 5, isRejected: true }])
    }
    const deposed = lead(solo({ raft: { ...quiet, ...raft } }))
    tell(deposed, appendResponse(2, 5, 0, [0, 0]))
    expect(deposed.raft.status()).toMatchObject({ role: 'follower', term: 5 })
  },
)

test('trap 11: a candidate of an earlier term is told of the later one', () => {
  const member = solo({ hardState: { term: 5 } })
  expect(tell(member, preVote(2, 3))).toMatchObject([
    { type: 'preVoteResponse', term: 5, isGranted: false, isOnProbation: false },
  ])
})

test('trap 12: members with and without pre-votes get together: a member whose term ran ahead is not stuck', () => {
  // 3 does not use pre-votes yet; cut off, its term rises.
  const cluster = new Cluster({ voters: [1, 2, 3] })
  cluster.start(3, cluster.member(3).disk, { preVote: false })
  cluster.elect(1)
  for (let round = 0; round < 5; round++) {
    cluster.tick(3, 13)
    cluster.settle(around(3))
  }
  expect(cluster.member(3).raft.term).toBe(6)
  // It is changed to pre-votes, and is back; its term is higher, its log is not.
  cluster.start(3, cluster.member(3).disk)
  cluster.member(1).raft.propose([command('a')])
  for (let ticks = 0; ticks < 60; ticks++) {
    for (const id of [1, 2, 3]) cluster.tick(id)
    cluster.settle()
  }
  const terms = [1, 2, 3].map((id) => cluster.member(id).raft.term)
  expect(new Set(terms).size).toBe(1)
  expect(cluster.leader?.raft.role).toBe('leader')
  expect(cluster.member(3).raft.commitIndex).toBe(cluster.member(1).raft.commitIndex)
})

test('trap 13: a member that reaches the leader one way only does not keep the cluster from working', () => {
  const cluster = new Cluster({ voters: [1, 2, 3] })
  cluster.elect(1)
  for (let ticks = 0; ticks < 60; ticks++) {
    for (const id of [1, 2, 3]) cluster.tick(id)
    cluster.settle(({ from: sender, to }) => sender === 1n && to === 3n)
  }
  expect(cluster.member(1).raft.status()).toMatchObject({ role: 'leader', term: 1 })
  // And one that neither hears nor reaches anybody but 2.
  for (let ticks = 0; ticks < 60; ticks++) {
    for (const id of [1, 2, 3]) cluster.tick(id)
    cluster.settle(between(1, 3))
  }
  expect(cluster.member(1).raft.status()).toMatchObject({ role: 'leader', term: 1 })
})

test('trap 14: a leader that is being removed replicates until that is committed, and does not count itself', () => {
  const member = lead(solo({ voters: [1, 2, 3, 4], raft: quiet }))
  acknowledge(member)
  const steps = [{ type: 'remove', member: 1n }] as const
  const joint = {
    type: 'membership',
    payload: encodeMembershipChange({ steps, transition: 'joint', context }),
  } as const
  member.raft.propose([joint])
  acknowledge(member, 2, 3)
  // Joint: voters 2 3 4, outgoing 1 2 3 4. The leave is entry 3: 1 and two others are a majority of the old ones,
  // but one of the others is none of the new ones.
  expect(member.raft.status()).toMatchObject({
    role: 'leader',
    membership: { voters: [2n, 3n, 4n] },
    lastIndex: 3,
  })
  tell(member, appendResponse(2, 1, 3))
  expect(member.raft).toMatchObject({ role: 'leader', commitIndex: 2 })
  tell(member, appendResponse(3, 1, 3))
  expect(member.raft).toMatchObject({ role: 'follower', commitIndex: 3 })
})

test('trap 14: the followers learn of the removal from the batch in which the leader is to apply it', () => {
  const member = lead(solo({ raft: quiet }))
  acknowledge(member)
  member.raft.propose([change([{ type: 'remove', member: 1n }])])
  work(member)
  member.raft.step(appendResponse(2, 1, 2))
  member.raft.step(appendResponse(3, 1, 2))
  expect(member.handOut()).toMatchObject({
    messages: [
      { to: 2n, commitIndex: 2 },
      { to: 3n, commitIndex: 2 },
    ],
    committed: [{ index: 2, type: 'membership' }],
  })
})

test('trap 15: a voter that is demoted stays an outgoing voter until joint consensus is left', () => {
  const cluster = new Cluster({ voters: [1, 2, 3], compacted: 1 })
  cluster.elect(1)
  const steps = [
    { type: 'addLearner', member: 2n },
    { type: 'addLearner', member: 3n },
  ] as const
  const transition = 'jointUntilLeft'
  cluster
    .member(1)
    .raft.propose([{ type: 'membership', payload: encodeMembershipChange({ steps, transition, context }) }])
  cluster.settle()
  expect(cluster.member(2).raft.membership).toMatchObject({
    voters: [1n],
    learners: [],
    nextLearners: [2n, 3n],
  })
  cluster.member(1).raft.propose([change([])])
  cluster.settle()
  expect(cluster.member(2).raft.membership).toMatchObject({
    voters: [1n],
    learners: [2n, 3n],
    nextLearners: [],
  })
})

test('trap 16: a member that has applied more than it remembers to be committed starts', () => {
  const member = solo({ log: [1, 1, 1], applied: 3, hardState: { commitIndex: 0 } })
  expect(member.raft.commitIndex).toBe(3)
  expect(member.handOut()).toMatchObject({ committed: [], mustSync: false })
})

test('trap 17: the size of what is uncommitted is released by commits, and forgotten with the term', () => {
  const member = lead(solo({ raft: { ...quiet, uncommittedMaxBytes: 4 } }))
  acknowledge(member)
  for (const text of ['aaaa', 'bbbb', 'cccc']) {
    expect(member.raft.propose([command(text)])).toMatchObject({ ok: true })
    expect(member.raft.propose([command('x')])).toMatchObject({ reason: 'tooManyUncommitted' })
    acknowledge(member)
  }
  member.raft.propose([command('dddd')])
  work(member)
  tell(member, append(2, 2, {}))
  lead(member)
  expect(member.raft.propose([command('eeee')])).toMatchObject({ ok: true })
  // The bytes of the earlier term are not subtracted from those of this one.
  tell(member, appendResponse(2, 3, 6))
  expect(member.raft.propose([command('x')])).toMatchObject({ reason: 'tooManyUncommitted' })
})

test('trap 18: a heartbeat commits nothing beyond what its follower is known to have', () => {
  const member = lead(solo({ raft: quiet }))
  member.raft.propose([command('a')])
  work(member)
  tell(member, appendResponse(3, 1, 2))
  tell(member, appendResponse(2, 1, 1))
  member.raft.tick()
  expect(work(member).filter(({ type }) => type === 'heartbeat')).toMatchObject([
    { to: 2n, commitIndex: 1 },
    { to: 3n, commitIndex: 2 },
  ])
})

test('trap 18: a commit index that got lost is told by the next heartbeat', () => {
  const cluster = new Cluster({ voters: [1, 2, 3] })
  cluster.elect(1).raft.propose([command('a')])
  cluster.settle((message) => message.to === 3n && message.type === 'append' && message.entries.length === 0)
  expect(cluster.member(3).raft.status()).toMatchObject({ lastIndex: 2, commitIndex: 1 })
  cluster.tick(1)
  cluster.settle()
  expect(cluster.member(3).raft.commitIndex).toBe(2)
})

test('trap 19: joint consensus is left although the leader accepts no more proposals', () => {
  const member = lead(solo({ raft: { ...quiet, uncommittedMaxBytes: 1 } }))
  acknowledge(member)
  member.raft.propose([
    change([
      { type: 'addLearner', member: 4n },
      { type: 'addLearner', member: 5n },
    ]),
    command('xxxxx'),
  ])
  work(member)
  tell(member, appendResponse(2, 1, 2))
  expect(member.raft.propose([command('y')])).toMatchObject({ reason: 'tooManyUncommitted' })
  expect(member.raft.lastIndex).toBe(4)
  acknowledge(member)
  expect(member.raft.membership).toMatchObject({ outgoingVoters: [], learners: [4n, 5n] })
})

test('trap 20: a learner that became a voter campaigns at the first tick after its timeout', () => {
  const member = solo({ voters: [2], learners: [1], raft: quiet })
  const { payload } = change([{ type: 'addVoter', member: 1n }])
  const promotion = { index: 1, term: 1, type: 'membership', payload } as const
  tell(member, append(2, 1, {}))
  tickTimes(member, 30)
  member.raft.step({ ...append(2, 1, { commit: 1 }), entries: [promotion], lastIndex: 1 })
  work(member)
  expect(member.raft.role).toBe('follower')
  tickTimes(member, 10)
  expect(member.raft.role).toBe('candidate')
})

test('trap 21: a transfer to itself is none, another one replaces it, proposals wait, a later term ends it', () => {
  const member = lead(solo({ raft: quiet }))
  const targets = [1n, 2n, 3n, 1n, 2n].map((target) => {
    member.raft.transferLeadership(target)
    return member.raft.status().transferTarget
  })
  expect(targets).toEqual([0n, 2n, 3n, 0n, 2n])
  expect(member.raft.propose([command('a')])).toMatchObject({ reason: 'transferring' })
  tell(member, vote(3, 9, [1, 1]))
  expect(member.raft.status()).toMatchObject({ role: 'follower', transferTarget: 0n })
})

test('trap 22: pages of committed entries go on after a restart, without a gap and without a repetition', () => {
  const { disk } = solo({ log: [1, 1, 1, 1, 1, 1], hardState: { commitIndex: 6 } })
  const cluster = new Cluster({ voters: [1], raft: { committedMaxBytes: 7 } })
  const runs: number[][][] = []
  for (let restart = 0; restart < 6; restart++) {
    const member = cluster.start(1, disk)
    const pages: number[][] = []
    for (let ready = member.handOut(); ready !== undefined; ready = member.handOut()) {
      pages.push(ready.committed.map(({ index }) => index))
    }
    runs.push(pages)
    member.apply(1)
    member.checkpoint(0)
  }
  expect(runs).toEqual([
    [
      [1, 2],
      [3, 4],
      [5, 6],
    ],
    [[2, 3], [4, 5], [6]],
    [
      [3, 4],
      [5, 6],
    ],
    [[4, 5], [6]],
    [[5, 6]],
    [[6]],
  ])
})

test('incarnations: a member that lost its log under its old id is noticed, not believed', () => {
  const member = solo({ log: [], raft: quiet })
  const heartbeat: Message = from(2, 'heartbeat', 1, { commitIndex: 5, round: 0 })
  expect(() => tell(member, heartbeat)).toThrow('lost or damaged')
})
