import type { Clock, Environment } from '@orrery/environment'
import type { KeyValue } from '@orrery/mvcc'
import type { HeartbeatPeers, HeartbeatReply, Registry } from '@orrery/registry'
import {
  altered,
  reliableDisk,
  reliableLink,
  type RegistrySabotage,
  type RegistrySimulationOptions,
  type StoreFaults,
} from '@orrery/simulation'
import type { Compare, Store, TxnOp, TxnRequest } from '@orrery/store'
import { watchesFrom } from './watches-from.ts'

/** A known way to get a registry wrong. */
export interface PlantedRegistryBug {
  readonly name: string
  /** It is found within so many seeds, from 1 on. */
  readonly seedsMax: number
  readonly sabotage: () => Partial<RegistrySabotage>
  /** What it takes to be found in reasonable time. Without the bug, nothing is wrong under it either. */
  readonly options?: Pick<RegistrySimulationOptions, 'faults' | 'instances' | 'members' | 'registry'>
}

const peersAs =
  (change: (peers: HeartbeatPeers) => Partial<HeartbeatPeers>): (() => Partial<RegistrySabotage>) =>
  () => ({ peers: (peers) => altered(peers, change(peers)) })

const registryAs =
  (
    change: (registry: Registry, environment: Environment) => Partial<Registry>,
  ): (() => Partial<RegistrySabotage>) =>
  () => ({ registry: (registry, environment) => altered(registry, change(registry, environment)) })

const storeAs =
  (change: (store: Store, environment: Environment) => Partial<Store>): (() => Partial<RegistrySabotage>) =>
  () => ({ store: (store, environment) => altered(store, change(store, environment)) })

const text = new TextDecoder()
const checkers = 'registry/checkers/'

function textOf(bytes: string | Uint8Array): string {
  return typeof bytes === 'string' ? bytes : text.decode(bytes)
}

function pause(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => clock.setTimer(delayMs, resolve))
}

/** Whether a txn writes something like this. */
function writes({ success = [] }: TxnRequest, pattern: RegExp): boolean {
  return success.some((op) =>
    op.type === 'txn' ? writes(op, pattern) : op.type === 'put' && pattern.test(textOf(op.value ?? '')),
  )
}

const judgement = /"expired":true|"evicted"/
const expiry = /"expired":true/
const eviction = /"evicted"/
const revival = /"reason":"heartbeat"/

/** A txn without some of its conditions, those of the txns in it included. */
function unconditional(request: TxnRequest, isDropped: (compare: Compare) => boolean): TxnRequest {
  return {
    ...request,
    compare: (request.compare ?? []).filter((compare) => !isDropped(compare)),
    success: (request.success ?? []).map(
      (op): TxnOp => (op.type === 'txn' ? { ...op, ...unconditional(op, isDropped) } : op),
    ),
  }
}

const delivered = ({ ringRevision }: { readonly ringRevision: number }): HeartbeatReply => ({
  ringRevision,
  refused: [],
})

/** A clock that makes up for what it missed: timers that are late fire one after the other, each in its own time. */
function catchingUp(clock: Clock): Clock {
  let shownMs = clock.nowMs()
  const timers: { readonly dueMs: number; readonly callback: () => void }[] = []
  const fire = (): void => {
    for (;;) {
      timers.sort((a, b) => a.dueMs - b.dueMs)
      const [first] = timers
      if (first === undefined || first.dueMs > clock.nowMs()) return
      timers.shift()
      shownMs = Math.max(shownMs, first.dueMs)
      first.callback()
    }
  }
  return {
    nowMs: () => shownMs,
    wallMs: () => clock.wallMs(),
    defer: (callback) => clock.defer(callback),
    setTimer: (delayMs, callback) => {
      const timer = { dueMs: shownMs + delayMs, callback }
      timers.push(timer)
      const real = clock.setTimer(Math.max(0, timer.dueMs - clock.nowMs()), fire)
      const cancel = (): void => {
        real.cancel()
        if (timers.includes(timer)) timers.splice(timers.indexOf(timer), 1)
      }
      return { cancel }
    },
  }
}

/** Senders that have not been heard of for a second are said to have taken their leave. */
function hastyFarewells({ clock }: Environment, registry: Registry): Partial<Registry> {
  const heard = new Map<string, () => void>()
  return {
    receiveHeartbeats: (batch) => {
      const reply = registry.receiveHeartbeats(batch)
      const { from, life, sequence, ringRevision } = batch
      const key = `${from} ${life}`
      heard.get(key)?.()
      const timer = clock.setTimer(1_000, () => {
        const last = { from, life, sequence: sequence + 1, ringRevision, beats: [], isLast: true }
        if (registry.state === 'ready') registry.receiveHeartbeats(last)
      })
      heard.set(key, () => timer.cancel())
      return reply
    },
  }
}

/** What is loaded at a start has a second to live in this member's eyes. */
function impatientLoads(store: Store): Partial<Store> {
  const full = '"ttlMs":8000'
  const short = '"ttlMs":1000'
  const restored = (op: TxnOp): TxnOp => {
    if (op.type === 'txn') return { ...op, success: (op.success ?? []).map(restored) }
    return op.type === 'put' ? { ...op, value: textOf(op.value ?? '').replace(short, full) } : op
  }
  return {
    range: async (request, options) => {
      const answer = await store.range(request, options)
      if (request.key !== 'registry/') return answer
      const kvs = answer.kvs.map((kv) =>
        altered(kv, { value: Buffer.from(textOf(kv.value).replace(full, short)) }),
      )
      return { ...answer, kvs }
    },
    txn: (request, options) =>
      store.txn({ ...request, success: (request.success ?? []).map(restored) }, options),
  }
}

/** Events of every sixteenth revision are lost. */
function forgetfulWatches(store: Store): Partial<Store> {
  const isKept = ({ kv }: { readonly kv: KeyValue }): boolean => kv.modRevision % 16 !== 0
  return {
    openWatchStream: () => {
      const stream = store.openWatchStream()
      const turns = stream[Symbol.asyncIterator]()
      const next = async (): ReturnType<typeof turns.next> => {
        const step = await turns.next()
        if (step.done === true) return step
        const value = step.value.map((response) =>
          response.type === 'events' ? { ...response, events: response.events.filter(isKept) } : response,
        )
        return { ...step, value }
      }
      return altered(stream, { [Symbol.asyncIterator]: () => ({ next }) })
    },
  }
}

/** What was decided is written later, whatever has become of the instance. */
function lateJudgements(
  store: Store,
  { clock }: Environment,
  { pattern, delayMs }: { readonly pattern: RegExp; readonly delayMs: number },
): Partial<Store> {
  const isOfInstance = ({ key }: Compare): boolean => textOf(key).startsWith('registry/instances/')
  return {
    txn: async (request, options) => {
      if (!writes(request, pattern)) return await store.txn(request, options)
      await pause(clock, delayMs)
      return await store.txn(unconditional(request, isOfInstance), options)
    },
  }
}

/** Who has read everything anew follows it from one revision too late. */
function lateAfterResync(store: Store): Partial<Store> {
  let reads = 0
  let readsBefore = 1
  return {
    range: (request, options) => {
      if (request.key === 'registry/') reads++
      return store.range(request, options)
    },
    ...watchesFrom(store, ({ startRevision = 0, ...request }) => {
      const lateBy = reads > readsBefore ? 1 : 0
      readsBefore = reads
      return { ...request, startRevision: startRevision + lateBy }
    }),
  }
}

/** Nothing happens to the members: only instances die and come back. */
const calm = {
  link: reliableLink,
  disk: reliableDisk,
  network: undefined,
  killPauseMeanMs: 0,
  powerLossPauseMeanMs: 0,
  pausePauseMeanMs: 0,
  driftMax: 0,
  compactRatio: 0,
} satisfies Partial<StoreFaults>

/** Members crash, and are away for a while. */
const restarts = {
  ...calm,
  killPauseMeanMs: 4_000,
  downMeanMs: 4_000,
  blackoutRatio: 0,
} satisfies Partial<StoreFaults>

/** Members come back when the others have taken them for gone, and some do not hear of it at once. */
const strangers = {
  ...calm,
  killPauseMeanMs: 12_000,
  downMeanMs: 14_000,
  blackoutRatio: 0,
  compactRatio: 0.05,
} satisfies Partial<StoreFaults>

/** Members are frozen again and again, for longer than instances live. */
const freezes = { ...calm, pausePauseMeanMs: 8_000, pausedMeanMs: 14_000 } satisfies Partial<StoreFaults>

/** Watches end, and revisions are forgotten. */
const lostWatches = { ...calm, compactRatio: 0.01 } satisfies Partial<StoreFaults>

/** Two members do not reach each other, or one none, for longer than instances live. */
const longPartitions = {
  ...calm,
  network: {
    partitionPauseMeanMs: 4_000,
    partitionMeanMs: 20_000,
    stabilityMinMs: 1_000,
    shapes: ['partial', 'isolateOne'],
    clogPauseMeanMs: 0,
    clogMeanMs: 0,
    swizzlePauseMeanMs: 0,
  },
} satisfies Partial<StoreFaults>

/** Bugs of registries, planted around of the production code. */
export const plantedRegistryBugs: readonly PlantedRegistryBug[] = [
  {
    name: 'a member acknowledges what it does not take',
    seedsMax: 5,
    sabotage: registryAs(() => ({ heartbeat: () => 'ok' })),
    options: { faults: calm },
  },
  {
    name: 'a member takes heartbeats although it does not reach who judges',
    seedsMax: 20,
    sabotage: registryAs((registry) => ({
      heartbeat: (key) => (registry.heartbeat(key) === 'unknown' ? 'unknown' : 'ok'),
    })),
    options: { faults: longPartitions },
  },
  {
    name: 'forwarded heartbeats are acknowledged and dropped',
    seedsMax: 5,
    sabotage: peersAs((peers) => ({
      send: (to, batch, options) => peers.send(to, { ...batch, beats: [] }, options),
    })),
    options: { faults: calm },
  },
  {
    name: 'a batch of heartbeats counts as delivered as soon as it is sent',
    seedsMax: 20,
    sabotage: peersAs((peers) => ({
      send: (to, batch, options) => {
        peers.send(to, batch, options).catch(() => {})
        return Promise.resolve(delivered(batch))
      },
    })),
    options: { faults: longPartitions },
  },
  {
    name: 'a member that falls silent is taken for one that took its leave',
    seedsMax: 20,
    sabotage: registryAs((registry, environment) => hastyFarewells(environment, registry)),
  },
  {
    name: 'a member has a life of its own for each batch of heartbeats',
    seedsMax: 5,
    sabotage: () => {
      let lives = 0
      return peersAs((peers) => ({
        send: (to, batch, options) => peers.send(to, { ...batch, life: `${++lives}` }, options),
      }))()
    },
    options: { faults: calm },
  },
  {
    name: 'a member holds its place although nobody has renewed its lease',
    seedsMax: 20,
    sabotage: storeAs(({ leases }) => ({
      leases: altered(leases, {
        keepAlive: (...call) => {
          leases.keepAlive(...call).catch(() => {})
          return Promise.resolve({ ttlMs: 5_000 })
        },
      }),
    })),
    options: { faults: longPartitions },
  },
  {
    name: 'who starts does not give what it takes over its full time',
    seedsMax: 10,
    sabotage: storeAs(impatientLoads),
    options: { faults: restarts },
  },
  {
    name: 'the clock by which a member judges goes on while it is frozen',
    seedsMax: 10,
    sabotage: () => ({
      environment: (environment) => ({ ...environment, clock: catchingUp(environment.clock) }),
    }),
    options: { faults: freezes, instances: 24, registry: { checkerTtlMs: 60_000 } },
  },
  {
    name: 'judgements are not fenced, and two members may judge the same instance',
    seedsMax: 40,
    sabotage: storeAs((store) => ({
      txn: (request, options) =>
        store.txn(
          writes(request, judgement)
            ? unconditional(request, ({ key }) => textOf(key).startsWith(checkers))
            : request,
          options,
        ),
    })),
    options: { faults: strangers, members: 5, instances: 40, registry: { checkerTtlMs: 3_000 } },
  },
  {
    name: 'a member does not follow who comes and goes among those that judge',
    seedsMax: 5,
    sabotage: storeAs((store) => watchesFrom(store, (request) => ({ ...request, key: 'registry/d' }))),
    options: { faults: calm },
  },
  {
    name: 'an instance is evicted for what it was a while ago',
    seedsMax: 20,
    sabotage: storeAs((store, environment) =>
      lateJudgements(store, environment, { pattern: eviction, delayMs: 3_000 }),
    ),
    options: { faults: calm },
  },
  {
    name: 'the expiry of an instance undoes what it has registered meanwhile',
    seedsMax: 20,
    sabotage: storeAs((store, environment) =>
      lateJudgements(store, environment, { pattern: expiry, delayMs: 700 }),
    ),
    options: { faults: calm, instances: 40 },
  },
  {
    name: 'an instance that is heard again stays expired',
    seedsMax: 20,
    sabotage: storeAs((store) => ({
      txn: (request, options) =>
        writes(request, revival) ? Promise.reject(new Error('refused')) : store.txn(request, options),
    })),
    options: { faults: calm },
  },
  {
    name: 'evictions are not held back while too many are expired',
    seedsMax: 20,
    sabotage: () => ({ options: (options) => ({ ...options, protection: { enabled: false } }) }),
    options: { faults: calm, registry: { protection: { enabled: true, instancesMin: 5 } } },
  },
  {
    name: 'an expired instance is evicted before its time',
    seedsMax: 5,
    sabotage: () => ({ options: (options) => ({ ...options, evictAfterMs: 5_000 }) }),
    options: { faults: calm },
  },
  {
    name: 'a deregistration overtakes a registration',
    seedsMax: 10,
    sabotage: registryAs((registry, { clock }) => ({
      register: async (spec, options) => {
        await pause(clock, 1)
        return await registry.register(spec, options)
      },
    })),
    options: { faults: calm },
  },
  {
    name: 'a registration is made again although it was answered',
    seedsMax: 10,
    sabotage: registryAs((registry, { clock }) => ({
      register: async (spec, options) => {
        const instance = await registry.register(spec, options)
        clock.setTimer(500, () => void registry.register(spec).catch(() => {}))
        return instance
      },
    })),
    options: { faults: calm },
  },
  {
    name: 'views keep what is gone',
    seedsMax: 10,
    sabotage: storeAs((store) => watchesFrom(store, (request) => ({ ...request, filters: ['delete'] }))),
    options: { faults: calm },
  },
  {
    name: 'views leave out a change, the same one on all members',
    seedsMax: 10,
    sabotage: storeAs(forgetfulWatches),
    options: { faults: calm },
  },
  {
    name: 'listeners are not told of some changes',
    seedsMax: 5,
    sabotage: registryAs(({ events }) => ({
      events: altered(events, {
        on: ((name: string, listener: (event: never) => void) => {
          let count = 0
          return events.on(name as 'changed', (event) => {
            if (name !== 'changed' || count++ % 5 !== 4) listener(event as never)
          })
        }) as Registry['events']['on'],
      }),
    })),
    options: { faults: calm },
  },
  {
    name: 'a subscriber loses a change',
    seedsMax: 5,
    sabotage: registryAs((registry) => ({
      subscribe: (query, options) => {
        const subscription = registry.subscribe(query, options)
        const snapshots = subscription[Symbol.asyncIterator]()
        let count = 0
        const next = async (): ReturnType<typeof snapshots.next> => {
          const step = await snapshots.next()
          return count++ % 3 === 2 ? await snapshots.next() : step
        }
        return altered(subscription, { [Symbol.asyncIterator]: () => ({ next }) })
      },
    })),
    options: { faults: calm },
  },
  {
    name: 'a subscriber gets an older list after a newer one',
    seedsMax: 5,
    sabotage: registryAs((registry) => ({
      subscribe: (query, options) => {
        const subscription = registry.subscribe(query, options)
        const snapshots = subscription[Symbol.asyncIterator]()
        const steps: Awaited<ReturnType<typeof snapshots.next>>[] = []
        const next = async (): ReturnType<typeof snapshots.next> => {
          const step = await snapshots.next()
          steps.push(step)
          return (steps.length % 10 === 0 ? steps.at(-2) : undefined) ?? step
        }
        return altered(subscription, { [Symbol.asyncIterator]: () => ({ next }) })
      },
    })),
    options: { faults: calm },
  },
  {
    name: 'a watch that ended is taken up behind what it had not delivered',
    seedsMax: 10,
    sabotage: storeAs((store) =>
      watchesFrom(store, ({ startRevision = 0, ...request }, opened) => ({
        ...request,
        startRevision: opened === 0 ? startRevision : startRevision + 1,
      })),
    ),
    options: { faults: lostWatches },
  },
  {
    name: 'a registry that has read its state anew misses the next change',
    seedsMax: 20,
    sabotage: storeAs(lateAfterResync),
    options: { faults: { ...lostWatches, compactRatio: 0.05 } },
  },
]
