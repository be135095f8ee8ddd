import { createManualEnvironment, type ManualEnvironment } from '@orrery/environment/testing'
import { createMemoryStore, type Store } from '@orrery/store'
import { describe, expect, test } from 'vitest'
import { createRegistry } from '../src/create-registry.ts'
import { createMemoryHeartbeatStore } from '../src/memory-heartbeat-store.ts'
import type { RegistryOptions } from '../src/options.ts'
import type { Registry } from '../src/registry.ts'
import { createMemoryPeers, type MemoryPeersNetwork } from '../src/testing/memory-peers.ts'
import { during, passTime, settle, spec } from './support.ts'

const key = { namespace: 'default', service: 'shop' }
const beating = { ttlMs: 6_000, heartbeatIntervalMs: 2_000 }
const ids = Array.from({ length: 30 }, (_, n) => `i${n}`)

interface Fleet {
  readonly environment: ManualEnvironment
  readonly store: Store
  readonly network: MemoryPeersNetwork
  readonly members: Registry[]
  start(name: string): Promise<Registry>
  close(): Promise<void>
}

/** Registries over one store that forward heartbeats to each other. */
async function startFleet(names: readonly string[], options: RegistryOptions = {}): Promise<Fleet> {
  const environment = createManualEnvironment()
  const store = createMemoryStore({ environment })
  const network = createMemoryPeers(environment.clock)
  const members: Registry[] = []
  const fleet: Fleet = {
    environment,
    store,
    network,
    members,
    start: async (name) => {
      const peers = network.peers(name)
      const registry = createRegistry(
        { store, environment, member: { name, heartbeats: { type: 'forwarded', peers } } },
        options,
      )
      network.attach(name, (batch) => registry.receiveHeartbeats(batch))
      members.push(registry)
      await during(environment, registry.start())
      return registry
    },
    close: async () => {
      await closing(environment, Promise.all(members.map((member) => member.close())))
      await closing(environment, store.close())
    },
  }
  for (const name of names) await fleet.start(name)
  await passTime(environment, 2_000)
  return fleet
}

/** Registers all instances at the first member. */
async function registerAll([member]: readonly Registry[]): Promise<void> {
  if (member === undefined) return
  await Promise.all(ids.map((id) => member.register(spec({ id, ...beating }))))
}

/** Lets time pass until something has ended. */
async function closing(environment: ManualEnvironment, promise: Promise<unknown>): Promise<void> {
  let isOver = false
  void promise.finally(() => (isOver = true))
  while (!isOver) await passTime(environment, 100)
}

/** Every second, each of these instances beats at the member that `at` says; gives what was answered. */
async function beat(
  fleet: Fleet,
  {
    seconds,
    at = (n) => n,
    only = ids,
  }: { seconds: number; at?: (n: number) => number; only?: readonly string[] },
): Promise<Set<string>> {
  const answers = new Set<string>()
  for (let second = 0; second < seconds; second++) {
    await passTime(fleet.environment, 1_000)
    only.forEach((id, n) => {
      const member = fleet.members[at(n) % fleet.members.length]
      if (member !== undefined) answers.add(member.heartbeat({ ...key, id }))
    })
  }
  return answers
}

describe('members that share the checking', () => {
  test('each instance is judged by one of them, whoever takes its heartbeats', async () => {
    const fleet = await startFleet(['a', 'b', 'c'])
    await registerAll(fleet.members)
    await settle()
    expect(fleet.members.map((member) => member.stats().judged).reduce((sum, judged) => sum + judged)).toBe(
      30,
    )
    for (const member of fleet.members) expect(member.stats().judged).toBeGreaterThan(0)
    expect(await beat(fleet, { seconds: 20 })).toEqual(new Set(['ok']))
    for (const member of fleet.members) expect(member.stats()).toMatchObject({ instances: 30, healthy: 30 })
    await fleet.close()
  })

  test('one that stops is unhealthy on every member within its time to live and a second', async () => {
    const fleet = await startFleet(['a', 'b', 'c'])
    await registerAll(fleet.members)
    await beat(fleet, { seconds: 10 })
    await beat(fleet, { seconds: 7, only: ids.slice(1) })
    for (const member of fleet.members) {
      expect(member.instance({ ...key, id: 'i0' })).toMatchObject({ healthy: false, healthReason: 'expired' })
      expect(member.stats().healthy).toBe(29)
    }
    // Its heartbeat brings it back, at whichever member.
    fleet.members[2]?.heartbeat({ ...key, id: 'i0' })
    await passTime(fleet.environment, 500)
    for (const member of fleet.members) expect(member.stats().healthy).toBe(30)
    await fleet.close()
  })

  test('a member that leaves or joins moves instances, and none of them is expired by that', async () => {
    const fleet = await startFleet(['a', 'b'])
    await registerAll(fleet.members)
    await beat(fleet, { seconds: 5 })
    await fleet.start('c')
    await beat(fleet, { seconds: 15 })
    expect(fleet.members.map((member) => member.checkers().map(({ name }) => name))).toEqual([
      ['a', 'b', 'c'],
      ['a', 'b', 'c'],
      ['a', 'b', 'c'],
    ])
    const [first] = fleet.members.splice(0, 1)
    await closing(fleet.environment, first?.close() ?? Promise.resolve())
    await beat(fleet, { seconds: 15 })
    for (const member of fleet.members) {
      expect(member.stats()).toMatchObject({ healthy: 30, healthChanges: { expired: 0 } })
      expect(member.checkers()).toHaveLength(2)
    }
    // Who judged with it before does so alone.
    await beat(fleet, { seconds: 8, only: [] })
    for (const member of fleet.members) expect(member.stats().healthy).toBe(0)
    await fleet.close()
  })

  test('a member that cannot reach the judge refuses heartbeats, and nobody is expired who goes to another one', async () => {
    const fleet = await startFleet(['a', 'b', 'c'])
    await registerAll(fleet.members)
    await beat(fleet, { seconds: 5 })
    fleet.network.cut('a', 'b')
    for (let second = 0; second < 30; second++) {
      await passTime(fleet.environment, 1_000)
      for (const id of ids) {
        // A client tries one after the other.
        const answer = [0, 1, 2].map((n) => () => fleet.members[n]?.heartbeat({ ...key, id }))
        expect(answer.some((ask) => ask() === 'ok')).toBe(true)
      }
    }
    for (const member of fleet.members) expect(member.stats().healthChanges.expired).toBe(0)
    expect(fleet.members[0]?.stats().heartbeats.unavailable).toBeGreaterThan(0)
    // What is dead is still found out.
    await beat(fleet, { seconds: 10, only: ids.slice(1), at: () => 2 })
    expect(fleet.members[1]?.instance({ ...key, id: 'i0' })).toMatchObject({ healthy: false })
    fleet.network.heal()
    await passTime(fleet.environment, 3_000)
    expect(await beat(fleet, { seconds: 3 })).toEqual(new Set(['ok']))
    await fleet.close()
  })
})

describe('members that share a heartbeat store', () => {
  test('heartbeats count wherever they come, and what stops is found out', async () => {
    const environment = createManualEnvironment()
    const store = createMemoryStore({ environment })
    const heartbeats = createMemoryHeartbeatStore({ clock: environment.clock })
    const members = ['a', 'b', 'c'].map((name) =>
      createRegistry({
        store,
        environment,
        member: { name, heartbeats: { type: 'shared', store: heartbeats } },
      }),
    )
    for (const member of members) await during(environment, member.start())
    await passTime(environment, 1_000)
    await registerAll(members)
    for (let second = 0; second < 20; second++) {
      await passTime(environment, 1_000)
      ids.slice(second < 10 ? 0 : 1).forEach((id, n) => members[n % 3]?.heartbeat({ ...key, id }))
    }
    for (const member of members) {
      expect(member.stats()).toMatchObject({ healthy: 29, healthChanges: { expired: 1 } })
      expect(member.instance({ ...key, id: 'i0' })).toMatchObject({ healthy: false })
    }
    members[1]?.heartbeat({ ...key, id: 'i0' })
    await passTime(environment, 500)
    for (const member of members) expect(member.stats().healthy).toBe(30)
    await closing(environment, Promise.all(members.map((member) => member.close())))
    await closing(environment, store.close())
  })
})
