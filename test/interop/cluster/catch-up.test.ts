import { readdir } from 'node:fs/promises'
import { kvDefinition, maintenanceDefinition } from '@orrery/adapter-etcd'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cluster, type ClusterMember, startCluster } from '../servers/cluster.ts'
import { EtcdClient } from './torture/etcd-client.ts'

/** Entries that pass while the member is away, many times what the others keep in their logs. */
const entries = 100_000
const keys = 20_000
const inFlight = 256
/** Unit: ms. */
const callTimeoutMs = 60_000

let cluster: Cluster
const clients = new Map<ClusterMember, EtcdClient>()

beforeAll(async () => {
  cluster = await startCluster(3)
  for (const member of cluster.members) clients.set(member, new EtcdClient(member.name, member.endpoint))
})

afterAll(async () => {
  for (const client of clients.values()) client.close()
  await cluster[Symbol.asyncDispose]()
})

function clientOf(member: ClusterMember): EtcdClient {
  const client = clients.get(member)
  if (client === undefined) throw new Error(`nobody is connected to ${member.name}`)
  return client
}

async function writeMany(client: EtcdClient): Promise<void> {
  let next = 0
  const write = async (): Promise<void> => {
    while (next < entries) {
      const n = next++
      const put = { key: Buffer.from(`key/${n % keys}`), value: Buffer.from(`value ${n}`) }
      await client.call(kvDefinition.Put, put, callTimeoutMs)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, write))
}

async function indexOf(member: ClusterMember): Promise<number> {
  const status = await clientOf(member).call(maintenanceDefinition.Status, {}, callTimeoutMs)
  return Number(status.raftAppliedIndex)
}

/** What all of a member's history hashes to, once it has all that was acknowledged. */
async function hashOf(member: ClusterMember): Promise<unknown> {
  const client = clientOf(member)
  const { header } = await client.call(kvDefinition.Range, { key: Buffer.from('any') }, callTimeoutMs)
  const request = { revision: header?.revision }
  const { hash, compactRevision } = await client.call(maintenanceDefinition.HashKV, request, callTimeoutMs)
  return { hash, compactRevision }
}

async function expectSameHash(): Promise<void> {
  const [first, ...others] = cluster.members
  if (first === undefined) throw new Error('there is no member')
  const hash = await hashOf(first)
  for (const member of others) expect(await hashOf(member), member.name).toEqual(hash)
}

/** The states in a member's directory, by the index of the entry with which they arrived; 0: its own. */
async function statesOf(member: ClusterMember): Promise<readonly number[]> {
  const names = await readdir(member.directory)
  return names.filter((name) => name.startsWith('db-')).map((name) => Number.parseInt(name.slice(3), 16))
}

test('a member that was away for 100,000 entries and a compaction gets a snapshot', async () => {
  const leader = await cluster.leader()
  const away = cluster.members.find((member) => member !== leader) ?? leader
  await clientOf(leader).call(kvDefinition.Put, { key: Buffer.from('key/0') }, callTimeoutMs)
  const before = await indexOf(away)
  expect(await statesOf(away)).toEqual([0])
  await away.stop('SIGKILL')

  await writeMany(clientOf(leader))
  const { header } = await clientOf(leader).call(
    kvDefinition.Range,
    { key: Buffer.from('any') },
    callTimeoutMs,
  )
  const revision = Number(header?.revision) - 1_000
  await clientOf(leader).call(kvDefinition.Compact, { revision, physical: true }, callTimeoutMs)
  expect(await indexOf(leader)).toBeGreaterThan(before + entries)

  await away.start()
  await expectSameHash()
  expect(Math.max(...(await statesOf(away)))).toBeGreaterThan(before + entries / 2)

  // What it was sent is its own from now on.
  await away.stop('SIGKILL')
  await away.start()
  await expectSameHash()
  expect(Math.min(...(await statesOf(away)))).toBeGreaterThan(before + entries / 2)
})
