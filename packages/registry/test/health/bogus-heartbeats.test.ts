import { createManualEnvironment } from '@orrery/environment/testing'
import { createMemoryStore } from '@orrery/store'
import { describe, expect, test } from 'vitest'
import { createRegistry } from '../../src/create-registry.ts'
import { heartbeatIntakeDefaults } from '../../src/health/forwarding-options.ts'
import { heartbeatBatchLimits, parseHeartbeatBatch } from '../../src/health/forwarding-messages.ts'
import { createMemoryHeartbeatStore } from '../../src/memory-heartbeat-store.ts'
import type { InstanceKey } from '../../src/model.ts'
import type { HeartbeatBatch } from '../../src/ports.ts'
import type { Registry } from '../../src/registry.ts'
import { createMemoryPeers } from '../../src/testing/memory-peers.ts'
import { View } from '../../src/view/view.ts'
import { during, passTime, spec, startManualRegistry } from '../support.ts'

/** What a flood is made of, all in all. */
const million = 1_000_000
/** What another one is made of, by the same kinds. */
const many = 200_000
/** Of both, what comes at once. */
const burst = 10_000
const ttlMs = 3_000
const beating = { ttlMs, heartbeatIntervalMs: 1_000 }
const shop = { namespace: 'default', service: 'shop' }
const ids = Array.from({ length: 200 }, (_, n) => `i${n}`)
const alive = ids.slice(1)

/** No callers that are typed send these; whatever comes from a socket may be any of them. */
const wrongTypes: readonly unknown[] = [0, NaN, null, undefined, true, [], ['i0'], {}, { id: 'i0' }, 10n]

const oddIds = [
  '',
  '%',
  '%zz',
  'i0/',
  '/i0',
  'I0',
  'i0 ',
  'i0\n',
  '\ud800',
  '__proto__',
  'constructor',
  'toString',
]

/** A key that no instance has. */
function bogusKey(n: number): InstanceKey {
  const turn = Math.floor(n / 10)
  const wrong = wrongTypes[turn % wrongTypes.length] as string
  switch (n % 10) {
    case 0:
      return { ...shop, id: `unknown-${n}` }
    case 1:
      return { namespace: 'default', service: `unknown-${n}`, id: 'i0' }
    case 2:
      return { namespace: `foreign-${n}`, service: 'shop', id: 'i0' }
    case 3:
      return { ...shop, id: `${'x'.repeat(1_000)}${n}` }
    case 4:
      return { namespace: 'n'.repeat(500), service: 's'.repeat(500), id: `i0${n}` }
    case 5:
      return { ...shop, id: wrong }
    case 6:
      return { namespace: 'default', service: wrong, id: 'i0' }
    case 7:
      return { namespace: wrong, service: 'shop', id: 'i0' }
    case 8:
      return { namespace: wrong, service: wrong, id: wrong }
    default:
      return { ...shop, id: oddIds[turn % oddIds.length] ?? '' }
  }
}

/** Paths that no member could send, together with some that it could. */
function bogusPath(n: number): string {
  const odd = ['%', '%zz/%/%e0%a4', 'default/shop/%', '////', 'default', '__proto__/__proto__/__proto__', '/']
  return odd[n % 10] ?? `default/shop/unknown-${n}/${'x'.repeat(n % 50)}`
}

/** Sends heartbeats of nobody, and returns how each was answered. */
function flood(registry: Registry, from: number, count: number): ReadonlyMap<string, number> {
  const answers = new Map<string, number>()
  for (let n = from; n < from + count; n++) {
    const answer = registry.heartbeat(bogusKey(n))
    answers.set(answer, (answers.get(answer) ?? 0) + 1)
  }
  return answers
}

const onlyUnknown = new Map([['unknown', burst]])

describe('heartbeats of nobody', () => {
  test('a million of them are answered with unknown, leave nothing behind, and no instance notices', async () => {
    await using host = await startManualRegistry()
    const { registry, store } = host
    await Promise.all(ids.map((id) => registry.register(spec({ id, ...beating }))))
    const before = { ...registry.stats(), keys: store.status().keys, namespaces: registry.namespaces.list() }
    const { revision } = registry
    const healthyAt: number[] = []
    for (let n = 0; n < million; n += burst) {
      expect(flood(registry, n, burst)).toEqual(onlyUnknown)
      // Every second the instances beat between two bursts, all but the one that died.
      if ((n / burst) % 20 === 0)
        for (const id of alive) expect(registry.heartbeat({ ...shop, id })).toBe('ok')
      await host.pass(50)
      healthyAt.push(registry.stats().healthy)
    }
    // 5 s have passed. The dead one was found after its 3 s and before a second more; nothing else was written.
    const foundMs = healthyAt.indexOf(ids.length - 1) * 50
    expect(foundMs).toBeGreaterThanOrEqual(ttlMs - 100)
    expect(foundMs).toBeLessThanOrEqual(ttlMs + 1_000)
    expect(host.changes.filter(({ type }) => type !== 'registered')).toMatchObject([
      { type: 'healthChanged', instance: { id: 'i0', healthReason: 'expired' } },
    ])
    expect(registry.revision).toBe(revision + 1)
    const after = { ...registry.stats(), keys: store.status().keys, namespaces: registry.namespaces.list() }
    expect(after).toEqual({
      ...before,
      healthy: ids.length - 1,
      heartbeats: { ok: 5 * alive.length, unknown: million, unavailable: 0 },
      healthChanges: { ...before.healthChanges, expired: 1 },
    })
    expect(after.queued).toEqual({ register: 0, deregister: 0, health: 0 })
  })

  test('are not passed on to where members share heartbeats', async () => {
    const environment = createManualEnvironment()
    const store = createMemoryStore({ environment })
    const heartbeats = createMemoryHeartbeatStore({ clock: environment.clock })
    const member = { name: 'a', heartbeats: { type: 'shared', store: heartbeats } } as const
    const registry = createRegistry({ store, environment, member })
    await during(environment, registry.start())
    await passTime(environment, 500)
    await Promise.all(ids.map((id) => registry.register(spec({ id, ...beating }))))
    for (let n = 0; n < many; n += burst) {
      expect(flood(registry, n, burst)).toEqual(onlyUnknown)
      if ((n / burst) % 4 === 0) for (const id of ids) expect(registry.heartbeat({ ...shop, id })).toBe('ok')
      await passTime(environment, 250)
    }
    // Besides them, a member keeps two subjects of its own.
    expect(heartbeats.size).toBe(ids.length + 2)
    expect(registry.stats()).toMatchObject({ healthy: ids.length, healthChanges: { expired: 0 } })
    await during(environment, registry.close())
    await during(environment, store.close())
  })
})

test('a view that is asked for nobody makes no room for them', () => {
  const nothing = (): void => undefined
  const view = new View('registry/', {
    added: nothing,
    changed: nothing,
    removed: nothing,
    unreadable: nothing,
  })
  const found: number[] = []
  for (let n = 0; n < many; n++) {
    if (view.entry(bogusKey(n)) !== undefined || view.entryAt(bogusPath(n)) !== undefined) found.push(n)
  }
  expect(found).toEqual([])
  expect([...view.serviceViews()]).toEqual([])
  expect(view.family('unknown-1')).toBeUndefined()
})

/** Two members that forward heartbeats to each other. */
async function startPair() {
  const environment = createManualEnvironment()
  const store = createMemoryStore({ environment })
  const network = createMemoryPeers(environment.clock)
  const beats = new Set<string>()
  const [a, b] = ['a', 'b'].map((name) => {
    const member = { name, heartbeats: { type: 'forwarded', peers: network.peers(name) } } as const
    const registry = createRegistry({ store, environment, member })
    network.attach(name, (batch) => {
      for (const beat of batch.beats) beats.add(beat)
      return registry.receiveHeartbeats(batch)
    })
    return registry
  })
  if (a === undefined || b === undefined) throw new Error('there are two')
  for (const registry of [a, b]) await during(environment, registry.start())
  await passTime(environment, 1_500)
  await Promise.all(ids.map((id) => a.register(spec({ id, ...beating }))))
  return {
    ...{ environment, a, b },
    /** Paths that one of them has brought to the other. */
    beats,
    [Symbol.asyncDispose]: async () => {
      const closing = Promise.all([a.close(), b.close()]).then(() => store.close())
      let isOver = false
      void closing.finally(() => (isOver = true))
      while (!(isOver as boolean)) await passTime(environment, 100)
    },
  }
}

function batchOf(changes: Partial<HeartbeatBatch>): HeartbeatBatch {
  const batch = { from: 'm', life: 'm.1', sequence: 1, ringRevision: 0, beats: [], isLast: false }
  return parseHeartbeatBatch({ ...batch, ...changes })
}

describe('members that forward heartbeats', () => {
  test('do not forward those of nobody', async () => {
    await using pair = await startPair()
    const { environment, a, b, beats } = pair
    for (let n = 0; n < many; n += burst) {
      expect(flood(a, n, burst)).toEqual(onlyUnknown)
      if ((n / burst) % 4 === 0) for (const id of ids) expect(a.heartbeat({ ...shop, id })).toBe('ok')
      await passTime(environment, 250)
    }
    // Those of the other member, and none of them is made up.
    expect(beats.size).toBe(b.stats().judged)
    expect([...beats].every((path) => ids.includes(path.slice('default/shop/'.length)))).toBe(true)
    for (const member of [a, b]) {
      expect(member.stats()).toMatchObject({ healthy: ids.length, healthChanges: { expired: 0 } })
      expect(member.stats().judgingPaused.silentMember).toBe(0)
    }
  })

  test('refuse forwarded ones of nobody, one by one, and judge as before', async () => {
    await using pair = await startPair()
    const { environment, a, b } = pair
    const { beatsMax } = heartbeatBatchLimits
    const before = b.stats()
    for (const id of alive) a.heartbeat({ ...shop, id })
    await passTime(environment, 500)
    const [known = ''] = pair.beats
    for (let n = 0; n < many; n += beatsMax) {
      // What is somebody's counts, whatever stands before it.
      const beats = Array.from({ length: beatsMax }, (_, k) =>
        k === beatsMax - 1 ? known : bogusPath(n + k),
      )
      const batch = batchOf({ sequence: n / beatsMax + 1, beats, isLast: n + beatsMax === many })
      const { refused } = b.receiveHeartbeats(batch)
      expect([refused.length, refused.at(-1)]).toEqual([beatsMax - 1, beatsMax - 2])
      if ((n / beatsMax) % 4 === 0) for (const id of alive) expect(a.heartbeat({ ...shop, id })).toBe('ok')
      await passTime(environment, 250)
    }
    expect(b.stats()).toMatchObject({ namespaces: 1, services: 1, instances: 200, judged: before.judged })
    for (let second = 0; second < 5; second++) {
      for (const id of alive) expect(a.heartbeat({ ...shop, id })).toBe('ok')
      await passTime(environment, 1_000)
    }
    for (const member of [a, b]) {
      expect(member.stats()).toMatchObject({ healthy: alive.length, healthChanges: { expired: 1 } })
      expect(member.instance({ ...shop, id: 'i0' })).toMatchObject({ healthReason: 'expired' })
    }
  })

  test('tell so many senders apart and no more, and have room again when those are forgotten', async () => {
    await using pair = await startPair()
    const { environment, b } = pair
    const overloaded = expect.objectContaining({ code: 'REGISTRY_OVERLOADED' }) as Error
    const send = (n: number) =>
      b.receiveHeartbeats(batchOf({ from: `m${n}`, beats: ['default/shop/nobody'] }))
    // The other member is one of them.
    const { sendersMax } = heartbeatIntakeDefaults
    for (let n = 1; n < sendersMax; n++) expect(send(n).refused).toEqual([0])
    for (let n = 0; n < 20_000; n++) expect(() => send(sendersMax + n)).toThrow(overloaded)
    // Whoever is known is still heard: no heartbeat that it vouches for is lost.
    for (let second = 0; second < 6; second++) {
      for (const id of ids) expect(pair.a.heartbeat({ ...shop, id })).toBe('ok')
      await passTime(environment, 1_000)
    }
    expect(send(0).refused).toEqual([0])
    expect(b.stats()).toMatchObject({ healthy: ids.length, healthChanges: { expired: 0 } })
    expect(b.stats().judgingPaused.silentMember).toBe(1)
  })

  test('refuse batches of a wrong form, whatever is wrong with them', () => {
    const invalid = expect.objectContaining({ code: 'REGISTRY_INVALID' }) as Error
    const { beatsMax, beatMaxChars, nameMaxChars } = heartbeatBatchLimits
    const long = 'x'.repeat(Math.max(beatMaxChars, nameMaxChars) + 1)
    const strange = [...wrongTypes.filter((value) => !Array.isArray(value)), -1, 0.5, '', long]
    const fields = ['from', 'life', 'sequence', 'ringRevision', 'beats', 'isLast'] as const
    const allowed = new Set<string>(['ringRevision 0', 'isLast true'])
    let refused = 0
    for (let round = 0; round < 100; round++) {
      for (const field of fields) {
        for (const value of strange) {
          if (allowed.has(`${field} ${String(value)}`)) continue
          expect(() => batchOf({ [field]: value })).toThrow(invalid)
          refused++
        }
      }
    }
    for (const value of strange) expect(() => batchOf({ beats: [value as string] })).toThrow(invalid)
    expect(() => batchOf({ beats: Array.from({ length: beatsMax + 1 }, () => 'a') })).toThrow(invalid)
    expect(refused).toBeGreaterThan(5_000)
  })
})
