import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createManualEnvironment } from '@orrery/environment/testing'
import { inMemoryCluster, type MemoryCluster, type MemoryClusterOptions, type Store } from '@orrery/store'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { errorOf, nextTurns, stillEnvironment } from './support.ts'

const clusters: MemoryCluster[] = []
const environment = stillEnvironment()

afterEach(async () => {
  await until(Promise.all(clusters.splice(0).map((cluster) => cluster.close())))
})

/** Lets time pass, that of the clusters, until the work is done. */
async function until<T>(work: Promise<T>): Promise<T> {
  const state = { isOver: false }
  const over = (): void => {
    state.isOver = true
  }
  work.then(over, over)
  for (;;) {
    await nextTurns()
    if (state.isOver) return await work
    environment.clock.advance(10)
  }
}

async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 10) {
    environment.clock.advance(10)
    await nextTurns()
  }
}

async function open(options: MemoryClusterOptions = {}): Promise<MemoryCluster> {
  const cluster = await until(inMemoryCluster({ environment, ...options }))
  clusters.push(cluster)
  return cluster
}

function nameOf(cluster: MemoryCluster, store: Store): string {
  return cluster.members.find((member) => member.store === store)?.name ?? ''
}

/** Waits for another leader than `old`. */
async function nextLeader(cluster: MemoryCluster, old: Store): Promise<Store> {
  for (;;) {
    const leading = cluster.members.find(({ store }) => {
      const { leaderId, memberId } = store.status()
      return store !== old && leaderId === memberId
    })
    if (leading !== undefined) return leading.store
    await pass(10)
  }
}

async function valueOf(store: Store, key: string, options?: { serializable: boolean }): Promise<string> {
  return Buffer.from((await until(store.get(key, options)))?.value ?? []).toString()
}

describe('a cluster in memory', () => {
  test('leaves nothing behind, a hundred times', async () => {
    const counts = (): Map<string, number> => {
      const found = new Map<string, number>()
      for (const type of process.getActiveResourcesInfo()) found.set(type, (found.get(type) ?? 0) + 1)
      return found
    }
    const before = counts()
    for (let n = 0; n < 100; n++) {
      await using cluster = await inMemoryCluster({ members: n % 2 === 0 ? 3 : 1 })
      const leader = await cluster.leader()
      await leader.put({ key: 'k', value: String(n) })
      const watch = leader.watch({ key: 'k' })
      await leader.leases.grant({ ttlMs: 60_000 })
      watch.close()
    }
    await nextTurns()
    for (const [type, count] of counts()) expect(count, type).toBeLessThanOrEqual(before.get(type) ?? 0)
  })

  test('leaves no memory behind', async () => {
    setFlagsFromString('--expose-gc')
    const collectGarbage = runInNewContext('gc') as () => void
    const use = async (): Promise<WeakRef<Store>[]> => {
      await using cluster = await inMemoryCluster()
      const leader = await cluster.leader()
      const { id } = await leader.leases.grant({ ttlMs: 60_000 })
      await leader.put({ key: 'k', value: '1', lease: id })
      leader.watch({ key: 'k' })
      return cluster.members.map(({ store }) => new WeakRef(store))
    }
    const stores: WeakRef<Store>[] = []
    for (let n = 0; n < 20; n++) stores.push(...(await use()))
    await nextTurns()
    await vi.waitFor(
      () => {
        collectGarbage()
        expect(stores.filter((store) => store.deref() !== undefined)).toHaveLength(0)
      },
      { timeout: 30_000 },
    )
  })

  test('leaves no timer behind', async () => {
    const own = createManualEnvironment()
    const { clock } = own
    const opening = inMemoryCluster({ environment: own })
    const state = { isOver: false }
    const work = opening.then(async (cluster) => {
      await (await cluster.leader()).leases.grant({ ttlMs: 60_000 })
      await cluster.close()
      state.isOver = true
    })
    while (!state.isOver) {
      clock.advance(10)
      await nextTurns()
    }
    await work
    expect(clock.pending).toBe(0)
  })

  test('shows at every member what any of them wrote', async () => {
    const cluster = await open()
    for (const [n, { store }] of cluster.members.entries()) {
      await until(store.put({ key: `k${n}`, value: String(n) }))
      for (const other of cluster.members) {
        expect((await until(other.store.range({ key: 'k', rangeEnd: 'l' }))).count).toBe(n + 1)
      }
    }
  })

  test('refuses what makes no cluster', async () => {
    for (const members of [0, -1, 1.5]) {
      expect(await errorOf(inMemoryCluster({ members }))).toMatchObject({ code: 'STORE_OPTIONS_INVALID' })
    }
  })
})

describe('a leader that is cut off', () => {
  test('answers no linearizable read, while the others go on; a serializable one it does', async () => {
    const cluster = await open()
    const old = await until(cluster.leader())
    await until(old.put({ key: 'k', value: 'old' }))
    cluster.network.isolate(nameOf(cluster, old))
    const stale = errorOf(old.get('k'))
    const lost = errorOf(old.put({ key: 'k', value: 'lost' }))
    const next = await nextLeader(cluster, old)
    await until(next.put({ key: 'k', value: 'new' }))
    expect(await until(stale)).toMatchObject({ code: 'STORE_TIMED_OUT' })
    expect(await until(lost)).toMatchObject({ code: 'STORE_TIMED_OUT' })
    expect(await valueOf(old, 'k', { serializable: true })).toBe('old')
    cluster.network.heal()
    expect(await valueOf(old, 'k')).toBe('new')
  })

  test('ends no lease that its successor keeps alive', async () => {
    const cluster = await open()
    const old = await until(cluster.leader())
    const { id } = await until(old.leases.grant({ ttlMs: 5_000 }))
    await until(old.put({ key: 'k', lease: id }))
    cluster.network.isolate(nameOf(cluster, old))
    const next = await nextLeader(cluster, old)
    for (let n = 0; n < 12; n++) {
      await until(next.leases.keepAlive(id))
      await pass(1_000)
    }
    cluster.network.heal()
    for (const { store } of cluster.members) expect(await until(store.get('k'))).toBeDefined()
    expect((await until(old.leases.timeToLive(id)))?.grantedMs).toBe(5_000)
  })

  test('renews no lease while it cannot know who leads', async () => {
    const cluster = await open()
    const old = await until(cluster.leader())
    const { id } = await until(old.leases.grant({ ttlMs: 60_000 }))
    cluster.network.isolate(nameOf(cluster, old))
    expect(await until(errorOf(old.leases.keepAlive(id)))).toMatchObject({ code: 'STORE_TIMED_OUT' })
  })

  test('has its watchers see everything once and in order', async () => {
    const cluster = await open()
    const old = await until(cluster.leader())
    const watch = old.watch({ key: 'k' })
    const seen: string[] = []
    const reading = (async () => {
      for await (const { events } of watch) {
        for (const { kv } of events) seen.push(Buffer.from(kv.value).toString())
        if (seen.length >= 30) break
      }
    })()
    for (let n = 0; n < 10; n++) await until(old.put({ key: 'k', value: String(n) }))
    cluster.network.isolate(nameOf(cluster, old))
    const next = await nextLeader(cluster, old)
    for (let n = 10; n < 20; n++) await until(next.put({ key: 'k', value: String(n) }))
    cluster.network.heal()
    for (let n = 20; n < 30; n++) await until(old.put({ key: 'k', value: String(n) }))
    await until(reading)
    expect(seen).toEqual(Array.from({ length: 30 }, (_, n) => String(n)))
  })
})

test('a member that is removed says so, and the others go on', async () => {
  const cluster = await open({ node: { strictReconfiguration: false } })
  const leader = await until(cluster.leader())
  const [removed] = cluster.members.map(({ store }) => store).filter((store) => store !== leader) as [Store]
  await until(leader.cluster.remove(removed.status().memberId))
  await pass(5_000)
  expect(removed.status().state).toBe('failed')
  expect(await until(errorOf(removed.put({ key: 'k' })))).toMatchObject({ code: 'STORE_REMOVED' })
  await until(leader.put({ key: 'k' }))
})

describe('a lease', () => {
  test('ends on all members when nobody renews it, whoever is asked', async () => {
    const cluster = await open()
    const leader = await until(cluster.leader())
    const [follower] = cluster.members.map(({ store }) => store).filter((store) => store !== leader) as [
      Store,
    ]
    const { id } = await until(follower.leases.grant({ ttlMs: 5_000 }))
    await until(follower.put({ key: 'k', lease: id }))
    await pass(3_000)
    expect((await until(follower.leases.keepAlive(id))).ttlMs).toBe(5_000)
    await pass(4_000)
    expect(await until(follower.get('k'))).toBeDefined()
    await pass(2_000)
    expect(await until(follower.get('k'))).toBeUndefined()
    expect(await until(errorOf(follower.leases.keepAlive(id)))).toMatchObject({ code: 'LEASE_NOT_FOUND' })
    expect(await until(follower.leases.timeToLive(id))).toBeUndefined()
    expect(await until(follower.leases.list())).toEqual([])
  })

  test('is renewed together with as many others as ask at the same time', async () => {
    const cluster = await open()
    const leader = await until(cluster.leader())
    const follower = cluster.members.find(({ store }) => store !== leader)?.store as Store
    const granted = await until(
      Promise.all(Array.from({ length: 2_000 }, () => leader.leases.grant({ ttlMs: 60_000 }))),
    )
    const gone = await until(leader.leases.grant({ ttlMs: 60_000 }))
    await until(leader.leases.revoke(gone.id))
    const begunMs = environment.clock.nowMs()
    const renewing = [gone, ...granted].map(({ id }) => follower.leases.keepAlive(id))
    const [first, ...others] = await until(Promise.allSettled(renewing))
    // A member answers 256 questions of another one at a time: more would have to ask again, later.
    expect(environment.clock.nowMs() - begunMs).toBeLessThan(50)
    expect(first).toMatchObject({ status: 'rejected', reason: { code: 'LEASE_NOT_FOUND' } })
    expect(new Set(others.map(({ status }) => status))).toEqual(new Set(['fulfilled']))
  })
})
