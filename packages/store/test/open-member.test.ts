import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemEnvironment } from '@orrery/environment/system'
import { createMemoryNetwork, type MemoryNetwork } from '@orrery/raft-node'
import { openMember, type ClusterOrigin, type OpenedMember, type Store } from '@orrery/store'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
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
const three: ClusterOrigin = { type: 'new', members: [['a'], ['b'], ['c']] }

async function open(name: string, origin: ClusterOrigin, more: object = {}): Promise<OpenedMember> {
  const opened = await openMember(
    {
      directory: join(root, name),
      transport: (purpose) => network.transport(purpose === 'member' ? name : `${name} asks`),
      peerAddresses: [name],
      origin,
      name,
      clientUrls: [`http://${name}`],
    },
    { node: { ...node, ...more } },
  )
  closedLater(opened.store)
  return opened
}

async function openThree(more?: object): Promise<Record<'a' | 'b' | 'c', Store>> {
  const [a, b, c] = await Promise.all([
    open('a', three, more),
    open('b', three, more),
    open('c', three, more),
  ])
  await Promise.all([a.published, b.published, c.published])
  return { a: a.store, b: b.store, c: c.store }
}

async function leaderOf(
  stores: Record<string, Store>,
): Promise<{ leader: Store; followers: [string, Store][] }> {
  for (;;) {
    const entries = Object.entries(stores)
    const leading = entries.find(([, store]) => store.status().leaderId === store.status().memberId)
    if (leading !== undefined) {
      return { leader: leading[1], followers: entries.filter(([name]) => name !== leading[0]) }
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

async function valueOf(store: Store, key: string): Promise<string | undefined> {
  const found = await store.get(key)
  return found === undefined ? undefined : Buffer.from(found.value).toString()
}

describe('a member that keeps its data on disk', () => {
  test('begins anew when it was interrupted before it had a log', async () => {
    mkdirSync(join(root, 'a', 'raft'), { recursive: true })
    writeFileSync(join(root, 'a', 'raft', 'next.wal.tmp'), 'half a head')
    const { store, published } = await open('a', { type: 'new', members: [['a']] })
    await published
    await store.put({ key: 'k', value: '1' })
    expect(await valueOf(store, 'k')).toBe('1')
  })

  test('alone has after a restart what it answered, and is the same member', async () => {
    const alone: ClusterOrigin = { type: 'new', members: [['a']] }
    const first = await open('a', alone)
    await first.published
    const { revision } = await first.store.put({ key: 'k', value: '1' })
    const { memberId, clusterId } = first.store.status()
    await first.store.close()
    const { store } = await open('a', alone)
    expect(await valueOf(store, 'k')).toBe('1')
    expect(store.status()).toMatchObject({ memberId, clusterId, revision })
    expect(await store.cluster.members()).toMatchObject([
      { id: memberId, name: 'a', clientUrls: ['http://a'] },
    ])
  })

  test('that was away gets what it missed, also after the others have restarted', async () => {
    const stores = await openThree()
    const { leader, followers } = await leaderOf(stores)
    const [[away, absent] = ['', leader]] = followers
    await absent.close()
    for (let n = 0; n < 50; n++) await leader.put({ key: `k${n}`, value: String(n) })
    const { store } = await open(away, three)
    expect(await valueOf(store, 'k49')).toBe('49')
    const { revision, hash } = await leader.hashKv()
    expect((await store.hashKv({ revision })).hash).toBe(hash)
  })

  test('gets another’s state when the log begins later, watchers go on, and it is there after a restart', async () => {
    const stores = await openThree({ catchUpEntries: 10 })
    const { leader, followers } = await leaderOf(stores)
    const [[away] = ['']] = followers
    const address = away
    const behind = stores[away as 'a']
    await leader.put({ key: 'k', value: 'first' })
    await behind.get('k')
    const watch = behind.watch({ key: 'k' })
    network.isolate(address)
    const { id } = await leader.leases.grant({ ttlMs: 3_600_000 })
    for (let n = 0; n < 12; n++) {
      await Promise.all(
        Array.from({ length: 100 }, (_, i) => leader.put({ key: `k${i}`, value: `${n}`, lease: id })),
      )
      await leader.flush()
    }
    await leader.put({ key: 'k', value: 'last' })
    network.heal()
    expect(await valueOf(behind, 'k')).toBe('last')
    for await (const { events } of watch) {
      expect(events.map(({ type, kv }) => `${type} ${Buffer.from(kv.value).toString()}`)).toEqual([
        'put last',
      ])
      break
    }
    expect(readdirSync(join(root, away)).filter((name) => name.startsWith('db-'))).not.toEqual(['db-0'])
    const { revision, hash } = await leader.hashKv()
    expect((await behind.hashKv({ revision })).hash).toBe(hash)
    expect((await behind.leases.timeToLive(id, { keys: true }))?.keys).toHaveLength(100)
    await behind.close()
    const { store } = await open(away, three)
    expect(await valueOf(store, 'k')).toBe('last')
    expect(readdirSync(join(root, away)).filter((name) => name.startsWith('db-'))).toHaveLength(1)
    expect(existsSync(join(root, away, 'db-0'))).toBe(false)
  })

  test('joins a cluster of one that has a place for it', async () => {
    const first = await open('a', { type: 'new', members: [['a']] })
    await first.published
    await first.store.put({ key: 'k', value: '1' })
    const refused = await errorOf(open('b', { type: 'join', contacts: ['a'] }))
    expect(refused).toMatchObject({ code: 'STORE_JOIN_REFUSED' })
    rmSync(join(root, 'b'), { recursive: true, force: true })
    const { member } = await first.store.cluster.add({ peerAddresses: ['b'] })
    const second = await open('b', { type: 'join', contacts: ['nowhere', 'a'] })
    await second.published
    expect(second.store.status()).toMatchObject({
      memberId: member.id,
      clusterId: first.store.status().clusterId,
    })
    expect(await valueOf(second.store, 'k')).toBe('1')
    await second.store.put({ key: 'k', value: '2' })
    expect(await valueOf(first.store, 'k')).toBe('2')
    // It is a member by now, and need not be told how it came.
    await second.store.close()
    const again = await open('b', { type: 'join', contacts: [] })
    expect(await valueOf(again.store, 'k')).toBe('2')
  })

  test('joins also when it was interrupted before it had learnt anything', async () => {
    const first = await open('a', { type: 'new', members: [['a']] })
    await first.published
    await first.store.put({ key: 'k', value: '1' })
    await first.store.cluster.add({ peerAddresses: ['b'] })
    // Reached for the question alone.
    const cut = await open('b', { type: 'join', contacts: ['a'] })
    network.isolate('b')
    await cut.store.close()
    network.heal()
    const { store } = await open('b', { type: 'join', contacts: ['a'] })
    expect(await valueOf(store, 'k')).toBe('1')
  })

  test('is not let in again from a directory that was emptied, and says why', async () => {
    const stores = await openThree()
    const { leader, followers } = await leaderOf(stores)
    const [[away, absent] = ['', leader]] = followers
    await absent.close()
    rmSync(join(root, away), { recursive: true })
    const { store, published } = await open(away, three)
    const refused = {
      code: 'STORE_JOIN_REFUSED',
      message: 'STORE_JOIN_REFUSED: other members refuse this one: another data directory',
    }
    expect(await errorOf(published)).toMatchObject(refused)
    expect(await errorOf(store.put({ key: 'k' }))).toMatchObject(refused)
    expect(store.status()).toMatchObject({ state: 'failed', leaderId: 0n })
    await leader.put({ key: 'k' })
  })

  test('says so when it begins with others than the cluster that is there', async () => {
    const stores = await openThree()
    const { leader, followers } = await leaderOf(stores)
    const [[away, absent] = ['', leader]] = followers
    await absent.close()
    rmSync(join(root, away), { recursive: true })
    const { store, published } = await open(away, {
      type: 'new',
      members: [['a'], ['b'], ['c'], ['d']],
    })
    expect(await errorOf(published)).toMatchObject({
      code: 'STORE_JOIN_REFUSED',
      message: 'STORE_JOIN_REFUSED: other members refuse this one: another cluster',
    })
    expect(store.status().state).toBe('failed')
  })

  test('refuses what contradicts its options', async () => {
    const elsewhere: ClusterOrigin = { type: 'new', members: [['x'], ['y']] }
    expect(await errorOf(open('a', elsewhere))).toMatchObject({ code: 'STORE_OPTIONS_INVALID' })
    const twice: ClusterOrigin = { type: 'new', members: [['a'], ['a']] }
    expect(await errorOf(open('a', twice))).toMatchObject({ code: 'STORE_OPTIONS_INVALID' })
    const shaky = { heartbeatIntervalMs: 100, electionTimeoutMs: 200 }
    expect(await errorOf(open('a', { type: 'new', members: [['a']] }, shaky))).toMatchObject({
      code: 'STORE_OPTIONS_INVALID',
    })
  })
})
