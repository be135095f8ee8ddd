import { expect, test } from 'vitest'
import { Cluster } from './support/cluster.ts'
import { command } from './support/member.ts'
import { acknowledge, append, lead, solo, tell, work } from './support/solo.ts'

const quiet = { preVote: false, checkQuorum: false }

test('without a leader there is nobody to give proposals to', () => {
  expect(solo().raft.propose([command('a')])).toEqual({ ok: false, reason: 'noLeader' })
})

test('a follower hands proposals to its leader', () => {
  const cluster = new Cluster({ voters: [1, 2, 3] })
  cluster.elect(1)
  expect(cluster.member(2).raft.propose([command('a'), command('b')])).toMatchObject({
    ok: true,
    firstIndex: 0,
  })
  cluster.settle()
  expect(cluster.member(3).state.history).toEqual(['1/1 empty ', '2/1 command a', '3/1 command b'])
})

test('a follower that must not forward refuses', () => {
  const member = solo({ raft: { forwardsProposals: false } })
  tell(member, append(2, 1, {}))
  expect(member.raft.propose([command('a')])).toEqual({ ok: false, reason: 'noLeader' })
})

test('who is not a member refuses', () => {
  const member = solo({ voters: [2, 3] })
  tell(member, append(2, 1, {}))
  expect(member.raft.propose([command('a')])).toEqual({ ok: false, reason: 'notMember' })
})

test('forwarded proposals are not forwarded again', () => {
  const member = solo()
  tell(member, append(2, 1, {}))
  expect(tell(member, { type: 'propose', from: 3n, to: 1n, term: 0, proposals: [command('a')] })).toEqual([])
})

test('the uncommitted payloads of a leader are bounded, all or nothing', () => {
  const member = lead(solo({ raft: { ...quiet, uncommittedMaxBytes: 10 } }))
  acknowledge(member)
  expect(member.raft.propose([command('aaaaaa')])).toMatchObject({ ok: true })
  expect(member.raft.propose([command('bb'), command('ccc')])).toEqual({
    ok: false,
    reason: 'tooManyUncommitted',
  })
  expect(member.raft.lastIndex).toBe(2)
  expect(member.raft.propose([command('bb'), command('cc')])).toMatchObject({ ok: true, firstIndex: 3 })
})

test('a single oversized proposal is accepted when nothing is uncommitted', () => {
  const member = lead(solo({ raft: { ...quiet, uncommittedMaxBytes: 10 } }))
  acknowledge(member)
  expect(member.raft.propose([command('x'.repeat(100))])).toMatchObject({ ok: true })
  expect(member.raft.propose([command('y')])).toEqual({ ok: false, reason: 'tooManyUncommitted' })
})

test('an empty payload is never refused', () => {
  const member = lead(solo({ raft: { ...quiet, uncommittedMaxBytes: 10 } }))
  acknowledge(member)
  member.raft.propose([command('x'.repeat(100))])
  expect(member.raft.propose([command('')])).toMatchObject({ ok: true })
})

test('no proposals are accepted, too', () => {
  const member = lead(solo({ raft: quiet }))
  expect(member.raft.propose([])).toEqual({ ok: true, firstIndex: 2, term: 1 })
  expect(work(member)).toEqual([])
})
