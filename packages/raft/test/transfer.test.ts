import { encodeMembershipChange } from '@orrery/raft'
import { expect, test } from 'vitest'
import { around, Cluster } from './support/cluster.ts'
import { command } from './support/member.ts'
import { acknowledge, append, from, lead, solo, tell, tickTimes, vote, work } from './support/solo.ts'

const quiet = { preVote: false, checkQuorum: false }

test('leadership moves to a target that has the whole log', () => {
  const cluster = new Cluster({ voters: [1, 2, 3] })
  cluster.elect(1).raft.transferLeadership(2n)
  cluster.settle()
  expect(cluster.member(2).raft.status()).toMatchObject({ role: 'leader', term: 2 })
})

test('a target that lags gets the log first', () => {
  const cluster = new Cluster({ voters: [1, 2, 3] })
  cluster.elect(1).raft.propose([command('a')])
  cluster.settle(around(2))
  cluster.member(1).raft.transferLeadership(2n)
  cluster.settle()
  expect(cluster.member(1).raft.role).toBe('leader')
  cluster.tick(1)
  cluster.settle()
  expect(cluster.member(2).raft.status()).toMatchObject({ role: 'leader', commitIndex: 3 })
})

test('a target that needs a snapshot gets it first', () => {
  const cluster = new Cluster({ voters: [1, 2, 3] })
  cluster.elect(1).raft.propose([command('a'), command('b')])
  cluster.settle(around(2))
  cluster.member(1).checkpoint(3)
  cluster.member(1).raft.transferLeadership(2n)
  for (let ticks = 0; ticks < 3; ticks++) {
    cluster.tick(1)
    cluster.settle()
  }
  expect(cluster.member(2).raft.role).toBe('leader')
})

test('a follower hands the wish to its leader', () => {
  const cluster = new Cluster({ voters: [1, 2, 3] })
  cluster.elect(1)
  cluster.member(3).raft.transferLeadership(2n)
  cluster.settle()
  expect(cluster.member(2).raft.role).toBe('leader')
})

test('the target campaigns without a pre-vote, and the others vote although they hear a leader', () => {
  const member = solo()
  tell(member, append(2, 1, {}))
  expect(tell(member, from(2, 'timeoutNow', 1, {}))).toMatchObject([
    { type: 'vote', term: 2, isTransfer: true },
    { type: 'vote', term: 2, isTransfer: true },
  ])
})

test.each(['learner', 'stranger', 'candidate', 'another than the leader'] as const)(
  'a word to campaign is ignored by, or of, a %s',
  (who) => {
    const member = solo({
      voters: who === 'learner' ? [2, 3] : who === 'stranger' ? [2, 3] : [1, 2, 3],
      learners: who === 'learner' ? [1] : [],
      raft: quiet,
    })
    if (who === 'candidate') member.raft.campaign()
    else tell(member, append(2, 1, {}))
    work(member)
    const { term } = member.raft
    tell(member, from(who === 'another than the leader' ? 3 : 2, 'timeoutNow', term, {}))
    expect(member.raft.term).toBe(term)
  },
)

test('proposals are refused while leadership is handed over', () => {
  const member = lead(solo({ raft: quiet }))
  member.raft.transferLeadership(2n)
  expect(member.raft.status().transferTarget).toBe(2n)
  expect(member.raft.propose([command('a')])).toEqual({ ok: false, reason: 'transferring' })
})

test('a transfer to a learner, or to a stranger, does not begin', () => {
  const member = lead(solo({ learners: [4], raft: quiet }))
  for (const target of [4n, 9n]) member.raft.transferLeadership(target)
  expect(member.raft.status().transferTarget).toBe(0n)
})

test('a transfer to the leader itself does nothing but to end another', () => {
  const member = lead(solo({ raft: quiet }))
  member.raft.transferLeadership(1n)
  expect(member.raft.status().transferTarget).toBe(0n)
  member.raft.transferLeadership(2n)
  member.raft.transferLeadership(1n)
  expect(member.raft.status()).toMatchObject({ role: 'leader', transferTarget: 0n })
})

test('a transfer to another target replaces the first; one to the same does not begin anew', () => {
  const member = lead(solo({ raft: quiet }))
  member.raft.transferLeadership(2n)
  tickTimes(member, 6)
  member.raft.transferLeadership(2n)
  tickTimes(member, 4)
  expect(member.raft.status().transferTarget).toBe(0n)
  member.raft.transferLeadership(2n)
  tickTimes(member, 6)
  member.raft.transferLeadership(3n)
  tickTimes(member, 9)
  expect(member.raft.status().transferTarget).toBe(3n)
})

test('wishes do not keep a leader without a majority in office', () => {
  const member = lead(solo())
  for (let ticks = 0; ticks < 10; ticks++) {
    member.raft.transferLeadership(BigInt(2 + (ticks % 2)))
    member.raft.tick()
  }
  expect(member.raft.role).toBe('follower')
})

test('a transfer ends when a later term begins', () => {
  const member = lead(solo({ raft: quiet }))
  member.raft.transferLeadership(2n)
  tell(member, vote(3, 5, [9, 9]))
  expect(member.raft.status()).toMatchObject({ role: 'follower', term: 5, transferTarget: 0n })
})

test('a transfer ends when its target is removed', () => {
  const member = lead(solo({ raft: quiet }))
  acknowledge(member)
  const change = {
    steps: [{ type: 'remove', member: 2n }],
    transition: 'auto',
    context: new Uint8Array(),
  } as const
  member.raft.propose([{ type: 'membership', payload: encodeMembershipChange(change) }])
  work(member)
  member.raft.transferLeadership(2n)
  acknowledge(member, 3)
  expect(member.raft.membership.voters).toEqual([1n, 3n])
  expect(member.raft.status().transferTarget).toBe(0n)
})

test('the target is told once, and not while it lags', () => {
  const member = lead(solo({ raft: quiet }))
  member.raft.transferLeadership(2n)
  expect(work(member)).toEqual([])
  expect(acknowledge(member, 2)).toContainEqual(expect.objectContaining({ type: 'timeoutNow', to: 2n }))
  expect(acknowledge(member, 2)).toEqual([])
})
