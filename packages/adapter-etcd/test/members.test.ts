import { inMemoryCluster, type MemoryCluster } from '@orrery/store'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bytes, cluster as methods, kv, lease, maintenance, startEtcd } from './support/loopback.ts'

type Served = Awaited<ReturnType<typeof startEtcd>>

let members: MemoryCluster
let served: Served[]

beforeAll(async () => {
  members = await inMemoryCluster({ members: 3, node: { strictReconfiguration: false } })
  served = await Promise.all(members.members.map(({ store }) => startEtcd({ store })))
})

afterAll(async () => {
  for (const one of served) await one[Symbol.asyncDispose]()
  await members.close()
})

/** The server of the member that leads, and those of the others. */
async function roles(): Promise<{ leader: Served; followers: Served[] }> {
  const store = await members.leader()
  const { memberId } = store.status()
  const leads = (one: Served): boolean => one.store.status().memberId === memberId
  const leader = served.find(leads)
  if (leader === undefined) throw new Error('nobody leads')
  return { leader, followers: served.filter((one) => !leads(one)) }
}

describe('servers of one cluster', () => {
  test('show what was written at any of them', async () => {
    for (const [n, one] of served.entries()) {
      await one.client.call(kv.Put, { key: bytes(`k${n}`), value: bytes(String(n)) })
      for (const other of served) {
        const { kvs } = await other.client.call(kv.Range, { key: bytes(`k${n}`) })
        expect(kvs).toHaveLength(1)
      }
    }
  })

  test('name the same leader and members, and each itself in its headers', async () => {
    const { leader } = await roles()
    const ids = new Set<unknown>()
    for (const one of served) {
      const status = await one.client.call(maintenance.Status, {})
      expect(BigInt(status.leader ?? 0)).toBe(leader.store.status().memberId)
      ids.add(status.header?.memberId)
      const { members: list } = await one.client.call(methods.MemberList, { linearizable: true })
      expect(list?.map(({ peerURLs }) => peerURLs)).toHaveLength(3)
    }
    expect(ids.size).toBe(3)
  })

  test('keep a lease alive through any of them', async () => {
    const { followers } = await roles()
    const [one, other] = followers as [Served, Served]
    const { ID } = await one.client.call(lease.LeaseGrant, { TTL: 60 })
    const { TTL, grantedTTL } = await other.client.call(lease.LeaseTimeToLive, { ID })
    expect([TTL, grantedTTL]).toEqual([59, 60])
    await other.client.call(lease.LeaseRevoke, { ID })
    expect((await one.client.call(lease.LeaseTimeToLive, { ID })).TTL).toBe(-1)
  })

  test('hash the same history alike', async () => {
    const [first] = served as [Served]
    const { header } = await first.client.call(kv.Range, { key: bytes('k0') })
    const hashes = await Promise.all(
      served.map(async (one) => {
        await one.client.call(kv.Range, { key: bytes('k0') })
        return (await one.client.call(maintenance.HashKV, { revision: header?.revision ?? 0 })).hash
      }),
    )
    expect(new Set(hashes).size).toBe(1)
  })

  test('move leadership where it is asked for, at the leader only', async () => {
    const { leader, followers } = await roles()
    const [next] = followers as [Served]
    const targetID = next.store.status().memberId
    expect(await next.client.refusal(maintenance.MoveLeader, { targetID })).toMatchObject({
      details: 'etcdserver: not leader',
    })
    expect(await leader.client.refusal(maintenance.MoveLeader, { targetID: 7n })).toMatchObject({
      details: 'etcdserver: bad leader transferee',
    })
    await leader.client.call(maintenance.MoveLeader, { targetID })
    expect((await roles()).leader).toBe(next)
  })

  test('add, move, promote and remove members', async () => {
    const [one] = served as [Served]
    const peerURLs = ['http://b:2380']
    const added = await one.client.call(methods.MemberAdd, { peerURLs, isLearner: true })
    const ID = added.member?.ID ?? 0n
    expect(added.members).toHaveLength(4)
    expect(added.member).toMatchObject({ peerURLs, isLearner: true })
    expect(await one.client.refusal(methods.MemberAdd, { peerURLs })).toMatchObject({
      details: 'etcdserver: Peer URLs already exists',
    })
    expect(await one.client.refusal(methods.MemberPromote, { ID })).toMatchObject({
      details: 'etcdserver: can only promote a learner member which is in sync with leader',
    })
    const moved = await one.client.call(methods.MemberUpdate, { ID, peerURLs: ['http://c:2380'] })
    expect(moved.members?.find((member) => member.ID === ID)?.peerURLs).toEqual(['http://c:2380'])
    const removed = await one.client.call(methods.MemberRemove, { ID })
    expect(removed.members).toHaveLength(3)
    expect(await one.client.refusal(methods.MemberRemove, { ID })).toMatchObject({
      details: 'etcdserver: member not found',
    })
  })
})
