import { createSimulatedDisk } from '@orrery/wal/testing'
import { afterEach, describe, expect, test } from 'vitest'
import type { NodeOptions } from '../src/index.ts'
import { TrialCluster } from './trial-cluster.ts'

let cluster: TrialCluster

async function begin(names: readonly string[], options?: NodeOptions, seed?: number): Promise<TrialCluster> {
  cluster = new TrialCluster(names, options, seed)
  await cluster.begin()
  return cluster
}

afterEach(async () => {
  for (const { failures } of cluster.members.values()) expect(failures).toEqual([])
  await cluster.close()
  expect(cluster.clock.pending).toBe(0)
})

function others(trial: TrialCluster): string[] {
  return [...trial.members.keys()].filter((name) => name !== trial.leader?.name)
}

describe('a cluster of one', () => {
  test('leads at once, and applies what is proposed', async () => {
    const trial = await begin(['a'])
    const member = trial.member('a')
    await trial.until(Promise.all([member.write('x'), member.write('y')]))
    expect(member.texts).toEqual(['x', 'y'])
    expect(member.node.members()).toMatchObject([
      { id: trial.idOf('a'), peerAddresses: ['a'], isLearner: false },
    ])
  })

  test('needs no time to lead: nobody else could', async () => {
    const trial = await begin(['a'])
    const written = trial.member('a').write('x')
    await trial.settle()
    await trial.settle()
    expect(trial.clock.nowMs()).toBe(0)
    await written
  })

  test('has after a loss of power what it acknowledged', async () => {
    const trial = await begin(['a'])
    const member = trial.member('a')
    await trial.until(member.write('x'))
    member.save()
    await trial.until(member.write('y'))
    await trial.crash('a')
    await trial.start('a')
    await trial.until(member.write('z'))
    expect(member.texts).toEqual(['x', 'y', 'z'])
  })
})

describe('a cluster of three', () => {
  test('applies on all members what any of them proposes, once and in one order', async () => {
    const trial = await begin(['a', 'b', 'c'])
    await trial.untilLeader()
    const writes = ['a', 'b', 'c'].flatMap((name) =>
      Array.from({ length: 20 }, (_, i) => trial.member(name).write(`${name}${i}`)),
    )
    await trial.until(Promise.all(writes))
    await trial.untilTrue(() => [...trial.members.values()].every(({ texts }) => texts.length === 60))
    const [first, ...rest] = [...trial.members.values()].map(({ texts }) => texts)
    for (const texts of rest) expect(texts).toEqual(first)
    expect(new Set(first).size).toBe(60)
  })

  test('answers a proposal that was made before there was a leader', async () => {
    const trial = await begin(['a', 'b', 'c'])
    await trial.until(trial.member('b').write('early'))
    expect(trial.member('b').texts).toEqual(['early'])
  })

  test('goes on without its leader, and what the leader had not committed takes effect once', async () => {
    const trial = await begin(['a', 'b', 'c'])
    const old = await trial.untilLeader()
    await trial.until(old.write('before'))
    trial.network.isolate(old.name)
    const stranded = old.write('stranded')
    await trial.untilTrue(() => trial.leader !== undefined && trial.leader !== old)
    const next = trial.leader
    expect(next).not.toBe(old)
    await trial.until((next as typeof old).write('meanwhile'))
    trial.network.heal()
    await trial.until(stranded)
    await trial.untilTrue(() => [...trial.members.values()].every(({ texts }) => texts.length === 3))
    for (const { texts } of trial.members.values()) expect(texts).toEqual(['before', 'meanwhile', 'stranded'])
  })

  test('refuses what only the leader of a term may say, when the term is over', async () => {
    const trial = await begin(['a', 'b', 'c'])
    const old = await trial.untilLeader()
    trial.network.isolate(old.name)
    const revoke = old.write('revoke', { isLeaderOnly: true })
    const refused = expect(revoke).rejects.toMatchObject({ code: 'NODE_TERM_OVER' })
    await trial.untilTrue(() => trial.leader !== old)
    trial.network.heal()
    await trial.until(refused)
    const [follower = ''] = others(trial)
    await expect(
      trial.until(trial.member(follower).write('revoke', { isLeaderOnly: true })),
    ).rejects.toMatchObject({
      code: 'NODE_TERM_OVER',
    })
    for (const { texts } of trial.members.values()) expect(texts).toEqual([])
  })

  test('applies a forwarded proposal once, however often the way to the leader breaks', async () => {
    const trial = await begin(['a', 'b', 'c'])
    const leader = await trial.untilLeader()
    const [name = ''] = others(trial)
    const follower = trial.member(name)
    const writes: Promise<number>[] = []
    for (let i = 0; i < 12; i++) {
      writes.push(follower.write(`w${i}`))
      // What is sent arrives; what the leader says does not.
      if (i % 3 === 0) trial.network.cut(leader.name, name, 'oneWay')
      await trial.pass(300)
      trial.network.heal()
      await trial.pass(200)
    }
    await trial.until(Promise.all(writes))
    expect([...follower.texts].sort()).toEqual(Array.from({ length: 12 }, (_, i) => `w${i}`).sort())
  })

  test('gives up a proposal that no majority takes, and says that it may still take effect', async () => {
    const trial = await begin(['a', 'b', 'c'])
    const leader = await trial.untilLeader()
    trial.network.isolate(leader.name)
    await expect(trial.until(leader.write('x'))).rejects.toMatchObject({ code: 'NODE_TIMED_OUT' })
  })

  test('recovers from a loss of power of all members at once', async () => {
    const trial = await begin(['a', 'b', 'c'])
    const leader = await trial.untilLeader()
    await trial.until(Promise.all(Array.from({ length: 10 }, (_, i) => leader.write(`${i}`))))
    for (const name of ['a', 'b', 'c']) await trial.crash(name)
    for (const name of ['a', 'b', 'c']) await trial.start(name)
    await trial.until(trial.member('c').write('after'))
    const expected = [...Array.from({ length: 10 }, (_, i) => `${i}`), 'after']
    await trial.untilTrue(() => [...trial.members.values()].every(({ texts }) => texts.length === 11))
    for (const { texts } of trial.members.values()) expect(texts).toEqual(expected)
  })
})

describe('a linearizable read', () => {
  test('on a follower sees what was acknowledged anywhere', async () => {
    const trial = await begin(['a', 'b', 'c'])
    const leader = await trial.untilLeader()
    const [name = ''] = others(trial)
    for (let i = 0; i < 10; i++) {
      await trial.until(leader.write(`${i}`))
      await trial.until(trial.member(name).node.readBarrier())
      expect(trial.member(name).texts).toHaveLength(i + 1)
    }
  })

  test('waits on a leader that has lost its majority, and fails in time', async () => {
    const trial = await begin(['a', 'b', 'c'])
    const leader = await trial.untilLeader()
    trial.network.isolate(leader.name)
    await expect(trial.until(leader.node.readBarrier())).rejects.toMatchObject({ code: 'NODE_TIMED_OUT' })
  })

  test('needs no write after a restart', async () => {
    const trial = await begin(['a', 'b', 'c'])
    const leader = await trial.untilLeader()
    await trial.until(leader.write('x'))
    const [name = ''] = others(trial)
    const member = trial.member(name)
    await trial.untilTrue(() => member.texts.length === 1)
    member.save()
    await trial.crash(name)
    await trial.start(name)
    await trial.untilTrue(() => member.node.status().leaderId !== 0n)
    await trial.until(member.node.readBarrier())
    expect(member.texts).toEqual(['x'])
  })

  test('ends when its signal says so', async () => {
    const trial = await begin(['a', 'b', 'c'])
    const leader = await trial.untilLeader()
    trial.network.isolate(leader.name)
    const abort = new AbortController()
    const read = leader.node.readBarrier({ signal: abort.signal })
    abort.abort(new Error('enough'))
    await expect(read).rejects.toThrow('enough')
  })
})

describe('a member that was away', () => {
  test('catches up from the log', async () => {
    const trial = await begin(['a', 'b', 'c'])
    const leader = await trial.untilLeader()
    const [name = ''] = others(trial)
    await trial.crash(name)
    for (let i = 0; i < 20; i++) await trial.until(leader.write(`${i}`))
    const member = await trial.start(name)
    await trial.untilTrue(() => member.texts.length === 20)
    expect(member.installed).toBe(0)
  })

  test('catches up from a snapshot when the log is compacted', async () => {
    const trial = await begin(['a', 'b', 'c'], { catchUpEntries: 10 })
    const leader = await trial.untilLeader()
    const [name = ''] = others(trial)
    await trial.crash(name)
    for (let i = 0; i < 6; i++) {
      await trial.until(Promise.all(Array.from({ length: 100 }, (_, n) => leader.write(`${i}/${n}`))))
      leader.save()
    }
    expect(leader.node.status().firstIndex).toBeGreaterThan(500)
    const member = await trial.start(name)
    await trial.untilTrue(() => member.texts.length === 600)
    expect(member.installed).toBe(1)
    expect(member.texts).toEqual(leader.texts)
    await trial.until(member.write('and on'))
    await trial.crash(name)
    await trial.start(name)
    await trial.untilTrue(() => member.texts.length === 601)
    expect(member.texts).toEqual(leader.texts)
  })
})

describe('membership', () => {
  const lenient = { strictReconfiguration: false }

  async function publish(trial: TrialCluster, name: string): Promise<void> {
    await trial.until(trial.member(name).node.publish({ name, clientUrls: [`http://${name}`] }))
  }

  test('grows from one to three, and shrinks to one', async () => {
    const trial = await begin(['a'])
    const a = trial.member('a')
    await trial.until(a.write('x'))
    await publish(trial, 'a')
    for (const [id, name] of [
      [22n, 'b'],
      [33n, 'c'],
    ] as const) {
      await trial.until(a.node.changeMembers({ type: 'add', id, peerAddresses: [name], isLearner: false }))
      await trial.start(name, ['a'])
      await publish(trial, name)
      await trial.pass(6_000)
    }
    await trial.until(trial.member('c').write('y'))
    expect(trial.member('c').texts).toEqual(['x', 'y'])
    expect(
      trial
        .member('b')
        .node.members()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['a', 'b', 'c'])
    for (const name of ['b', 'c']) {
      await trial.until(a.node.changeMembers({ type: 'remove', id: trial.idOf(name) }))
      await trial.untilTrue(() => trial.member(name).removed === 1)
      expect(trial.member(name).node.state).toBe('removed')
    }
    await trial.until(a.write('z'))
    expect(a.node.members()).toHaveLength(1)
  })

  test('lets a member join when nobody is left of those that the cluster began with', async () => {
    const trial = await begin(['a'], {
      ...lenient,
      raft: { messageMaxBytes: 0, committedMaxBytes: 0, inflightMaxMessages: 1 },
    })
    const a = trial.member('a')
    await trial.until(a.write('x'))
    await trial.until(a.node.changeMembers({ type: 'add', id: 22n, peerAddresses: ['b'], isLearner: false }))
    const b = await trial.start('b', ['a'])
    await trial.untilTrue(() => b.texts.length === 1)
    await trial.until(a.node.transferLeadership(22n))
    await trial.until(b.node.changeMembers({ type: 'remove', id: trial.idOf('a') }))
    await trial.until(b.node.changeMembers({ type: 'add', id: 33n, peerAddresses: ['c'], isLearner: false }))
    const c = await trial.start('c', ['b'])
    await trial.untilTrue(() => c.texts.length === 1)
    expect(c.node.members().map(({ id }) => id)).toEqual([22n, 33n])
  })

  test('lets a member that was away follow one that joined meanwhile and leads now', async () => {
    const trial = await begin(['a', 'b', 'c'], lenient)
    const leader = await trial.untilLeader()
    const [away = ''] = others(trial)
    trial.network.isolate(away)
    await trial.until(
      leader.node.changeMembers({ type: 'add', id: 44n, peerAddresses: ['d'], isLearner: false }),
    )
    const d = await trial.start('d', [leader.name])
    await trial.until(leader.write('x'))
    await trial.untilTrue(() => d.texts.length === 1)
    await trial.until(leader.node.transferLeadership(44n))
    trial.network.heal()
    await trial.untilTrue(() => trial.member(away).texts.length === 1)
    expect(trial.member(away).node.status().leaderId).toBe(44n)
    expect(d.node.status().role).toBe('leader')
  })

  test('keeps its last voter, even when it is not strict', async () => {
    const trial = await begin(['a'], lenient)
    const a = trial.member('a')
    await trial.until(a.write('x'))
    await expect(
      trial.until(a.node.changeMembers({ type: 'remove', id: trial.idOf('a') })),
    ).rejects.toMatchObject({ code: 'NODE_NOT_ENOUGH_STARTED_MEMBERS' })
    await trial.until(a.write('y'))
  })

  test('lets whoever waits for a change of the leader leave', async () => {
    const trial = await begin(['a', 'b', 'c'], lenient)
    const leader = await trial.untilLeader()
    trial.network.isolate(leader.name)
    const abort = new AbortController()
    const add = { type: 'add', id: 9n, peerAddresses: ['d'], isLearner: false } as const
    const change = leader.node.changeMembers(add, { signal: abort.signal })
    abort.abort(new Error('enough'))
    await expect(change).rejects.toThrow('enough')
  })

  test('does not wait for ever for a leader that cannot take over', async () => {
    const trial = await begin(['a', 'b', 'c'])
    const leader = await trial.untilLeader()
    const [name = ''] = others(trial)
    trial.network.isolate(name)
    await expect(trial.until(leader.node.transferLeadership(trial.idOf(name)))).rejects.toMatchObject({
      code: 'NODE_TRANSFER_TIMED_OUT',
    })
    const cut = leader.node.transferLeadership(trial.idOf(name))
    const refused = expect(cut).rejects.toMatchObject({ code: 'NODE_CLOSED' })
    await leader.node.close()
    await refused
  })

  test('hands leadership to the voter that has most of the log, when any will do', async () => {
    const trial = await begin(['a', 'b', 'c'])
    const leader = await trial.untilLeader()
    const [behind = '', ahead = ''] = others(trial)
    trial.network.isolate(behind)
    await trial.until(leader.write('x'))
    await trial.until(leader.node.transferLeadership('any'))
    expect(trial.member(ahead).node.status().role).toBe('leader')
  })

  test('has nobody to hand leadership to when it is alone', async () => {
    const trial = await begin(['a'])
    const a = trial.member('a')
    await trial.until(a.write('x'))
    await expect(a.node.transferLeadership('any')).rejects.toMatchObject({ code: 'NODE_BAD_TRANSFEREE' })
  })

  test('lets a learner follow, and vote once it has caught up', async () => {
    const trial = await begin(['a'], lenient)
    const a = trial.member('a')
    await trial.until(a.write('x'))
    await trial.until(a.node.changeMembers({ type: 'add', id: 22n, peerAddresses: ['b'], isLearner: true }))
    await expect(trial.until(a.node.changeMembers({ type: 'promote', id: 22n }))).rejects.toMatchObject({
      code: 'NODE_LEARNER_NOT_READY',
    })
    await expect(
      trial.until(a.node.changeMembers({ type: 'add', id: 33n, peerAddresses: ['c'], isLearner: true })),
    ).rejects.toMatchObject({ code: 'NODE_TOO_MANY_LEARNERS' })
    await trial.start('b', ['a'])
    await trial.untilTrue(() => trial.member('b').texts.length === 1)
    expect(a.node.members().find(({ id }) => id === 22n)?.isLearner).toBe(true)
    await trial.until(trial.member('b').node.changeMembers({ type: 'promote', id: 22n }))
    expect(a.node.status().membership.voters).toContain(22n)
  })

  test('refuses what contradicts it', async () => {
    const trial = await begin(['a', 'b', 'c'], lenient)
    const { node } = await trial.untilLeader()
    const a = trial.idOf('a')
    const refused = async (change: Parameters<typeof node.changeMembers>[0]): Promise<unknown> =>
      await trial.until(
        node.changeMembers(change).catch((error: unknown) => (error as { code: string }).code),
      )
    const add = { type: 'add', id: 9n, isLearner: false } as const
    expect(await refused({ ...add, id: a, peerAddresses: ['d'] })).toBe('NODE_MEMBER_EXISTS')
    expect(await refused({ ...add, peerAddresses: ['a'] })).toBe('NODE_MEMBER_EXISTS')
    expect(await refused({ type: 'remove', id: 9n })).toBe('NODE_MEMBER_NOT_FOUND')
    expect(await refused({ type: 'promote', id: a })).toBe('NODE_MEMBER_NOT_LEARNER')
    expect(await refused({ type: 'move', id: a, peerAddresses: ['b'] })).toBe('NODE_MEMBER_EXISTS')
    await trial.until(node.changeMembers({ ...add, peerAddresses: ['d'] }))
    await trial.until(node.changeMembers({ type: 'remove', id: 9n }))
    expect(await refused({ ...add, peerAddresses: ['d'] })).toBe('NODE_MEMBER_REMOVED')
  })

  test('refuses, when strict, to depend on members that never started or are gone', async () => {
    const trial = await begin(['a', 'b', 'c'])
    const leader = await trial.untilLeader()
    const add = { type: 'add', id: 9n, peerAddresses: ['d'], isLearner: false } as const
    await expect(trial.until(leader.node.changeMembers(add))).rejects.toMatchObject({
      code: 'NODE_NOT_ENOUGH_STARTED_MEMBERS',
    })
    for (const name of ['a', 'b', 'c']) await publish(trial, name)
    const [gone = '', stays = ''] = others(trial)
    await trial.pass(6_000)
    trial.network.isolate(gone)
    await trial.pass(1_000)
    await expect(trial.until(leader.node.changeMembers(add))).rejects.toMatchObject({
      code: 'NODE_UNHEALTHY_CLUSTER',
    })
    await expect(
      trial.until(leader.node.changeMembers({ type: 'remove', id: trial.idOf(stays) })),
    ).rejects.toMatchObject({ code: 'NODE_UNHEALTHY_CLUSTER' })
    await trial.until(leader.node.changeMembers({ type: 'remove', id: trial.idOf(gone) }))
  })

  test('does not let a member speak from another directory than the one that it told of', async () => {
    const trial = await begin(['a', 'b', 'c'])
    await trial.untilLeader()
    for (const name of ['a', 'b', 'c']) await publish(trial, name)
    const [name = ''] = others(trial)
    await trial.crash(name)
    trial.member(name).disk = createSimulatedDisk()
    trial.member(name).saved = { index: 0, term: 0, members: undefined, texts: [] }
    const member = await trial.start(name)
    await trial.pass(5_000)
    expect(member.node.status().leaderId).toBe(0n)
    expect(member.texts).toEqual([])
    expect(member.failures).toMatchObject([
      {
        code: 'NODE_IDENTITY_MISMATCH',
        message: 'NODE_IDENTITY_MISMATCH: other members refuse this one: another data directory',
      },
    ])
    await expect(member.node.readBarrier()).rejects.toThrow('NODE_IDENTITY_MISMATCH')
    member.failures = []
  })

  test('forgets a leader that removes itself, once that is committed', async () => {
    const trial = await begin(['a', 'b', 'c'], lenient)
    const leader = await trial.untilLeader()
    await trial.until(leader.node.changeMembers({ type: 'remove', id: leader.node.identity.memberId }))
    await trial.untilTrue(() => leader.removed === 1)
    await trial.untilTrue(() => trial.leader !== undefined && trial.leader !== leader)
    const [name = ''] = others(trial).filter((one) => one !== leader.name)
    await trial.until(trial.member(name).write('on'))
  })

  test('hands leadership to the voter that is asked for', async () => {
    const trial = await begin(['a', 'b', 'c'])
    const leader = await trial.untilLeader()
    const [name = ''] = others(trial)
    await trial.until(leader.node.transferLeadership(trial.idOf(name)))
    expect(trial.leader?.name).toBe(name)
    await expect(leader.node.transferLeadership(1n)).rejects.toMatchObject({ code: 'NODE_NOT_LEADER' })
    await expect(trial.member(name).node.transferLeadership(1n)).rejects.toMatchObject({
      code: 'NODE_BAD_TRANSFEREE',
    })
  })
})

describe('requests between hosts', () => {
  test('reach the leader, or whoever is named', async () => {
    const trial = await begin(['a', 'b', 'c'])
    const leader = await trial.untilLeader()
    const [name = '', other = ''] = others(trial)
    const { node } = trial.member(name)
    await trial.untilTrue(() => node.status().leaderId !== 0n)
    const answer = await trial.until(node.request('leader', Buffer.from('hello')))
    expect(Buffer.from(answer).toString()).toBe(`${leader.name} heard hello`)
    const another = await trial.until(node.request(trial.idOf(other), Buffer.from('you')))
    expect(Buffer.from(another).toString()).toBe(`${other} heard you`)
    await expect(leader.node.request('leader', Buffer.from('me'))).rejects.toMatchObject({
      code: 'NODE_NO_LEADER',
    })
  })
})
