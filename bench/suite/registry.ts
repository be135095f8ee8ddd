import { join } from 'node:path'
import { systemEnvironment } from '@orrery/environment/system'
import { createMemoryNetwork } from '@orrery/raft-node'
import { createRegistry, type InstanceSpec, type Registry } from '@orrery/registry'
import { createMemoryStore, openMember } from '@orrery/store'
import { createTimerWheel, WheelEntry } from '@orrery/timer-wheel'
import { count, median, medianOf, type Row, type Scenario } from './report.ts'
import { withDirectory } from './temporary.ts'

const fleet = 100_000
const perService = 100

/** The n-th instance of a fleet: a host and port of its own, four labels of which two differ. */
export function fleetInstance(n: number): InstanceSpec {
  return {
    namespace: 'default',
    service: `service-${Math.floor(n / perService)}`,
    id: `i-${n.toString(36).padStart(6, '0')}`,
    host: `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`,
    port: 8080,
    protocol: 'http',
    version: '1.4.2',
    location: { region: 'eu-west', zone: `zone-${n % 3}` },
    metadata: { team: `team-${n % 50}`, commit: `c${(n * 7_919).toString(16)}`, tier: 'gold', shard: `${n}` },
    ttlMs: 30_000,
  }
}

/** Registers a fleet, so many calls at a time. */
export async function registerFleet(registry: Registry, instances: number, inFlight: number): Promise<void> {
  let next = 0
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (next < instances) await registry.register(fleetInstance(next++))
    }),
  )
}

async function heartbeats(): Promise<Row> {
  await using store = createMemoryStore()
  await using registry = createRegistry({ store })
  await registry.start()
  await registerFleet(registry, fleet, 4_096)
  const keys = Array.from({ length: fleet }, (_, n) => {
    const { namespace, service, id = '' } = fleetInstance((n * 7_919) % fleet)
    return { namespace, service, id }
  })
  const rate = await medianOf(7, () => {
    const startMs = performance.now()
    for (let round = 0; round < 5; round++) for (const key of keys) registry.heartbeat(key)
    return (5 * fleet * 1_000) / (performance.now() - startMs)
  })
  return {
    what: 'heartbeats in process, 100,000 instances, in scattered order',
    ours: `${count(rate)}/s`,
    goal: '>= 1,000,000/s',
    reached: rate >= 1_000_000,
  }
}

async function registration(): Promise<Row> {
  return await withDirectory(async (directory) => {
    const seconds = await medianOf(3, async () => {
      const network = createMemoryNetwork({ clock: systemEnvironment().clock })
      const { store, published } = await openMember({
        directory: join(directory, `member-${performance.now()}`),
        transport: () => network.transport('a'),
        peerAddresses: ['a'],
        origin: { type: 'new', members: [['a']] },
        name: 'a',
      })
      await published
      const registry = createRegistry({ store })
      await registry.start()
      const startMs = performance.now()
      await registerFleet(registry, fleet, 4_096)
      const took = (performance.now() - startMs) / 1_000
      await registry.close()
      await store.close()
      await network.close()
      return took
    })
    return {
      what: 'register 100,000 instances in process through the log of one member on disk, 4,096 in flight',
      ours: `${seconds.toFixed(2)} s`,
      goal: '<= 5 s',
      reached: seconds <= 5,
    }
  })
}

async function discovery(): Promise<readonly Row[]> {
  await using store = createMemoryStore()
  await using registry = createRegistry({ store })
  await registry.start()
  const key = { namespace: 'default', service: 'large' }
  const specs = Array.from({ length: 1_000 }, (_, n) => ({ ...fleetInstance(n), service: 'large' }))
  await Promise.all(specs.map((spec) => registry.register(spec)))
  const known = registry.discover(key).revision
  const unchanged = await medianOf(7, () => {
    const startMs = performance.now()
    for (let n = 0; n < 100_000; n++) registry.discover({ ...key, revision: known })
    return ((performance.now() - startMs) * 1_000) / 100_000
  })
  const changedUs: number[] = []
  for (let n = 0; n < 2_000; n++) {
    const { id = '' } = specs[n % specs.length] ?? {}
    await registry.update({ ...key, id }, { weight: n % 100 })
    const startMs = performance.now()
    registry.discover({ ...key, revision: known })
    changedUs.push((performance.now() - startMs) * 1_000)
  }
  const changed = median(changedUs)
  return [
    {
      what: 'discover a service of 1,000 instances, at the revision that is known',
      ours: `${unchanged.toFixed(2)} us`,
      goal: '<= 1 us',
      reached: unchanged <= 1,
    },
    {
      what: 'the same after a change of one instance',
      ours: `${changed.toFixed(1)} us`,
      goal: '<= 50 us',
      reached: changed <= 50,
    },
  ]
}

async function subscribers(): Promise<Row> {
  await using store = createMemoryStore()
  await using registry = createRegistry({ store })
  await registry.start()
  const spec = { ...fleetInstance(0), service: 'watched' }
  const instance = await registry.register(spec)
  const subscriptions = Array.from({ length: 10_000 }, () => registry.subscribe(instance))
  const readers = subscriptions.map((subscription) => subscription[Symbol.asyncIterator]())
  await Promise.all(readers.map((reader) => reader.next()))
  let weight = 0
  const lastMs = await medianOf(31, async () => {
    let latestMs = 0
    const all = readers.map(async (reader) => {
      await reader.next()
      latestMs = performance.now()
    })
    await new Promise((resolve) => setImmediate(resolve))
    const startMs = performance.now()
    await registry.update(instance, { weight: ++weight })
    await Promise.all(all)
    return latestMs - startMs
  })
  for (const subscription of subscriptions) subscription.close()
  return {
    what: 'one instance changes in a service with 10,000 subscribers in process: from the call to the last notified',
    ours: `${lastMs.toFixed(1)} ms`,
    goal: '<= 20 ms',
    reached: lastMs <= 20,
  }
}

async function wheel(): Promise<readonly Row[]> {
  const pending = 1_000_000
  const deadlines = createTimerWheel<WheelEntry>({ tickMs: 100 })
  for (let n = 0; n < pending; n++) deadlines.schedule(new WheelEntry(), 5_000 + ((n * 7_919) % 55_000))
  const entry = new WheelEntry()
  const rounds = 2_000_000
  const rate = await medianOf(7, () => {
    const startMs = performance.now()
    for (let n = 0; n < rounds; n++) {
      deadlines.schedule(entry, 5_000 + (n % 55_000))
      deadlines.cancel(entry)
    }
    return (rounds * 1_000) / (performance.now() - startMs)
  })
  const idleUs = await medianOf(7, () => {
    const startMs = performance.now()
    for (let n = 0; n < 4_000; n++) deadlines.advance(n)
    return ((performance.now() - startMs) * 1_000) / 4_000
  })
  return [
    {
      what: 'timer wheel with 1,000,000 pending: schedule and cancel',
      ours: `${count(rate)}/s`,
      goal: '>= 5,000,000/s',
      reached: rate >= 5_000_000,
    },
    {
      what: 'the same: advance when nothing is due',
      ours: `${idleUs.toFixed(2)} us`,
      goal: '<= 1 us',
      reached: idleUs <= 1,
    },
  ]
}

/** What a registry does in process. */
export const registryInProcess: Scenario = {
  name: 'registry',
  run: async () => [
    await heartbeats(),
    await registration(),
    ...(await discovery()),
    await subscribers(),
    ...(await wheel()),
  ],
}
