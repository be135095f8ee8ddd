import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { systemEnvironment } from '@orrery/environment/system'
import { createMemoryNetwork, type MemoryNetwork } from '@orrery/raft-node'
import {
  createMemoryStore,
  openMember,
  type OpenMemberDeps,
  openStore,
  restoreMember,
  type Store,
} from '@orrery/store'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { closedLater, errorOf, freshPath } from './support.ts'

let network: MemoryNetwork
let root: string

beforeEach(() => {
  network = createMemoryNetwork({ clock: systemEnvironment().clock })
  root = freshPath()
})

afterEach(async () => {
  await network.close()
})

/** Timers that fit a test. */
const node = { heartbeatIntervalMs: 20, electionTimeoutMs: 200, strictReconfiguration: false }
const names = ['a', 'b', 'c']
const three = { type: 'new', members: names.map((name) => [name]), token: 'restored' } as const

async function open(name: string, deps: Partial<OpenMemberDeps> = {}): Promise<Store> {
  const { store, published } = await openMember(
    {
      directory: join(root, name),
      transport: (purpose) => network.transport(purpose === 'member' ? name : `${name} asks`),
      peerAddresses: [name],
      origin: three,
      name,
      ...deps,
    },
    { node },
  )
  closedLater(store)
  await published
  return store
}

function restore(name: string, snapshot: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
  return restoreMember(snapshot, { directory: join(root, name), peerAddresses: [name], origin: three })
}

/** A history with versions that are superseded, deleted and compacted, and a lease. */
async function fill(store: Store): Promise<bigint> {
  const { id } = await store.leases.grant({ ttlMs: 3_600_000 })
  for (let n = 0; n < 2_500; n++) await store.put({ key: `k${n % 100}`, value: String(n) })
  await store.put({ key: 'leased', lease: id })
  await store.deleteRange({ key: 'k1' })
  await store.compact({ revision: 1_000, physical: true })
  return id
}

async function contentOf(store: Store): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = []
  for await (const chunk of store.snapshot()) chunks.push(new Uint8Array(chunk))
  return chunks
}

test('members that are restored from one snapshot are a new cluster with the old data', async () => {
  const source = closedLater(createMemoryStore())
  const lease = await fill(source)
  const snapshot = await contentOf(source)
  for (const name of names) await restore(name, snapshot)
  const stores = await Promise.all(names.map((name) => open(name)))
  const { hash, revision } = await source.hashKv()
  for (const store of stores) {
    expect((await store.hashKv({ revision })).hash).toBe(hash)
    expect((await store.leases.timeToLive(lease, { keys: true }))?.keys).toHaveLength(1)
    expect((await store.cluster.members()).map(({ name }) => name).sort()).toEqual(names)
  }
  const clusters = new Set(stores.map((store) => store.status().clusterId))
  expect(clusters.size).toBe(1)
  expect(clusters.has(source.status().clusterId)).toBe(false)
  const [first, second] = stores as [Store, Store]
  expect(await first.put({ key: 'new' })).toMatchObject({ revision: revision + 1 })
  expect(await second.get('new')).toMatchObject({ modRevision: revision + 1 })

  // Whoever joins gets the data, too, and a restart finds it again.
  await first.cluster.add({ peerAddresses: ['d'] })
  const joined = await open('d', { origin: { type: 'join', contacts: ['a'] } })
  expect(await joined.get('new')).toBeDefined()
  const now = await first.hashKv()
  expect((await joined.hashKv({ revision: now.revision })).hash).toBe(now.hash)
  await second.close()
  const again = await open('b')
  expect((await again.hashKv({ revision: now.revision })).hash).toBe(now.hash)
})

test('a member that was not restored gets the data from the others', async () => {
  const source = closedLater(createMemoryStore())
  await source.put({ key: 'k', value: 'v' })
  const snapshot = await contentOf(source)
  await restore('a', snapshot)
  await restore('b', snapshot)
  const [, , c] = await Promise.all(names.map((name) => open(name)))
  expect(Buffer.from((await c?.get('k'))?.value ?? []).toString()).toBe('v')
})

test('what is there already is not overwritten', async () => {
  const snapshot = await contentOf(closedLater(createMemoryStore()))
  await restore('a', snapshot)
  expect(await errorOf(restore('a', snapshot))).toMatchObject({ code: 'STORE_NOT_EMPTY' })
  await (await openStore({ directory: join(root, 'b') })).close()
  expect(await errorOf(restore('b', snapshot))).toMatchObject({ code: 'STORE_NOT_EMPTY' })
})

test('a damaged snapshot, or a member of another cluster, is refused and leaves nothing behind', async () => {
  const source = closedLater(createMemoryStore())
  await source.put({ key: 'k', value: 'v' })
  const snapshot = await contentOf(source)
  expect(await errorOf(restore('a', snapshot.slice(0, -1)))).toMatchObject({ code: 'STORE_SNAPSHOT_INVALID' })
  expect(readdirSync(join(root, 'a'))).toEqual(['LOCK'])
  expect(await errorOf(restore('x', snapshot))).toMatchObject({ code: 'STORE_OPTIONS_INVALID' })
  expect(existsSync(join(root, 'x'))).toBe(false)
  await restore('a', snapshot)
})
