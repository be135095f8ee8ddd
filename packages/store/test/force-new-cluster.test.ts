import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { systemEnvironment } from '@orrery/environment/system'
import { createMemoryNetwork, type MemoryNetwork } from '@orrery/raft-node'
import { openMember, type ClusterOrigin, type OpenMemberDeps, type Store } from '@orrery/store'
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
const node = {
  heartbeatIntervalMs: 20,
  electionTimeoutMs: 200,
  requestTimeoutMs: 600,
  strictReconfiguration: false,
}
const three: ClusterOrigin = { type: 'new', members: [['a'], ['b'], ['c']] }

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

async function valueOf(store: Store, key: string): Promise<string | undefined> {
  const found = await store.get(key)
  return found === undefined ? undefined : Buffer.from(found.value).toString()
}

async function namesOf(store: Store): Promise<string[]> {
  return (await store.cluster.members()).map(({ name }) => name).sort()
}

async function leaderOf(stores: readonly Store[]): Promise<Store> {
  for (;;) {
    const leading = stores.find((store) => store.status().leaderId === store.status().memberId)
    if (leading !== undefined) return leading
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

test('one of three goes on alone with the data, and grows again', async () => {
  const stores = await Promise.all([open('a'), open('b'), open('c')])
  const [a, b] = stores
  await a.put({ key: 'k', value: 'kept' })
  const { id: lease } = await a.leases.grant({ ttlMs: 3_600_000 })
  await a.put({ key: 'leased', lease })
  const { revision } = await b.put({ key: 'last', value: '1' })
  const { clusterId, memberId } = a.status()
  for (const store of stores) await store.close()

  const alone = await open('a', { forceNewCluster: true })
  expect(alone.status()).toMatchObject({ clusterId, memberId, leaderId: memberId, revision })
  expect(await valueOf(alone, 'k')).toBe('kept')
  expect((await alone.leases.timeToLive(lease, { keys: true }))?.keys).toHaveLength(1)
  await alone.put({ key: 'k', value: 'alone' })
  expect(await namesOf(alone)).toEqual(['a'])

  // Those that are lost are let in no more.
  const lost = errorOf(open('b'))
  expect(await lost).toMatchObject({ code: 'STORE_REMOVED' })

  await alone.cluster.add({ peerAddresses: ['d'] })
  const join1 = { origin: { type: 'join', contacts: ['a'] } } as const
  const d = await open('d', join1)
  await alone.cluster.add({ peerAddresses: ['e'] })
  const e = await open('e', join1)
  expect(await valueOf(e, 'k')).toBe('alone')
  await alone.close()
  const next = await leaderOf([d, e])
  await next.put({ key: 'k', value: 'together' })
  const again = await open('a')
  expect(await valueOf(again, 'k')).toBe('together')
  expect(await namesOf(again)).toEqual(['a', 'd', 'e'])
})

test('what was answered is kept, also where the answer of the others was not heard', async () => {
  const stores = await Promise.all([open('a'), open('b'), open('c')])
  const leader = await leaderOf(stores)
  const name = ['a', 'b', 'c'][stores.indexOf(leader)] ?? ''
  await leader.put({ key: 'k', value: 'kept' })
  network.isolate(name)
  // Nobody else has it; but of what it has the member cannot tell that.
  expect(await errorOf(leader.put({ key: 'k', value: 'unanswered' }))).toMatchObject({
    code: 'STORE_TIMED_OUT',
  })
  for (const store of stores) await store.close()
  network.heal()
  for (let n = 0; n < 2; n++) {
    // Once more with the same option changes nothing.
    const alone = await open(name, { forceNewCluster: true })
    expect(await valueOf(alone, 'k')).toBe('unanswered')
    expect(await namesOf(alone)).toEqual([name])
    await alone.close()
  }
  const restarted = await open(name)
  await restarted.put({ key: 'k', value: 'new' })
  expect(await valueOf(restarted, 'k')).toBe('new')
})

test('a learner goes on alone as a voter', async () => {
  const alone: ClusterOrigin = { type: 'new', members: [['a']] }
  const a = await open('a', { origin: alone })
  await a.put({ key: 'k', value: 'kept' })
  await a.cluster.add({ peerAddresses: ['b'], isLearner: true })
  const b = await open('b', { origin: { type: 'join', contacts: ['a'] } })
  await expect.poll(() => b.status().revision).toBe(a.status().revision)
  expect(b.status().isLearner).toBe(true)
  await a.close()
  await b.close()
  const forced = await open('b', { forceNewCluster: true, origin: { type: 'join', contacts: [] } })
  expect(forced.status().isLearner).toBe(false)
  expect(await valueOf(forced, 'k')).toBe('kept')
  await forced.put({ key: 'k' })
})

test('where there is no member, nothing is forced and nothing left behind', async () => {
  expect(await errorOf(open('a', { forceNewCluster: true }))).toMatchObject({ code: 'STORE_OPTIONS_INVALID' })
  expect(existsSync(join(root, 'a', 'raft'))).toBe(false)
})
