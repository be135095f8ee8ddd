import type { Message } from '@orrery/raft'
import type { Transport, TransportHandler } from '@orrery/raft-node'
import { altered, reliableDisk, reliableLink, type StoreFaults, type StoreSabotage } from '@orrery/simulation'
import type { Store, Watch, WatchBatch } from '@orrery/store'
import type { BackendDirectory, DurableBackend } from '@orrery/store/testing'
import type { Disk } from '@orrery/wal'
import { createSimulatedDisk } from '@orrery/wal/testing'

/** A known way to get a replicated store wrong. */
export interface PlantedStoreBug {
  readonly name: string
  /** Where somebody got it wrong, or what says that it must be right. */
  readonly source: string
  /** It is found within so many seeds, from 1 on. */
  readonly seedsMax: number
  readonly sabotage: () => Partial<StoreSabotage>
  /** What it takes to be found in reasonable time. */
  readonly faults?: Partial<StoreFaults>
}

const storeAs =
  (change: (store: Store) => Partial<Store>): (() => Partial<StoreSabotage>) =>
  () => ({ store: (store) => altered(store, change(store)) })

/** Backends of which one thing is different when they are opened. */
const backendsAs =
  (change: (backend: DurableBackend, name: string) => DurableBackend): (() => Partial<StoreSabotage>) =>
  () => ({
    backends: (directory: BackendDirectory): BackendDirectory => ({
      ...directory,
      open: async (name) => change(await directory.open(name), name),
    }),
  })

/** A disk that says that it has synced, and has not. */
function lyingDisk(disk: Disk): Disk {
  return altered(disk, {
    submit: async (operations) => {
      const kept = operations.filter(({ type }) => type !== 'sync' && type !== 'syncDirectory')
      const results = [...(await disk.submit(kept))]
      return operations.map(({ type }) =>
        type === 'sync' || type === 'syncDirectory'
          ? { type: 'done' as const }
          : (results.shift() ?? { type: 'done' as const }),
      )
    },
  })
}

/** What was sent counts as what was acknowledged. */
function hastyTransport(transport: Transport): Transport {
  let handler: TransportHandler | undefined
  return altered(transport, {
    start: (identity, given) => {
      handler = given
      return transport.start(identity, given)
    },
    send: (messages) => {
      transport.send(messages)
      const answers = messages.flatMap((message) => acknowledgementOf(message))
      if (answers.length > 0) queueMicrotask(() => handler?.onMessages(answers))
    },
  })
}

function acknowledgementOf(message: Message): Message[] {
  if (message.type !== 'append' || message.entries.length === 0) return []
  const { from: to, to: from, term, previousIndex, entries } = message
  const index = previousIndex + entries.length
  const rest = { isRejected: false, hintIndex: 0, hintTerm: 0, isLogReset: false }
  return [{ type: 'appendResponse', from, to, term, index, ...rest }]
}

/** Each watch leaves out one event after the first state that came from another member. */
function forgetfulWatches(): Partial<StoreSabotage> {
  let states = 0
  const losing = (watch: Watch): Watch => {
    const statesBefore = states
    let hasLost = false
    const lose = (batch: WatchBatch): WatchBatch => {
      if (hasLost || states === statesBefore || batch.events.length === 0) return batch
      hasLost = true
      return { ...batch, events: batch.events.slice(1) }
    }
    return altered(watch, {
      [Symbol.asyncIterator]: () => {
        const batches = watch[Symbol.asyncIterator]()
        return {
          next: async () => {
            const step = await batches.next()
            return step.done === true ? step : { ...step, value: lose(step.value) }
          },
          return: async () => (await batches.return?.()) ?? { done: true, value: undefined },
        }
      },
    })
  }
  return {
    ...backendsAs((backend, name) => {
      if (name !== 'db-0') states++
      return backend
    })(),
    store: (store) => altered(store, { watch: (...call) => losing(store.watch(...call)) }),
  }
}

/** Everybody crashes all the time. */
const crashes = {
  link: reliableLink,
  disk: reliableDisk,
  killPauseMeanMs: 1_000,
  powerLossPauseMeanMs: 1_000,
  downMeanMs: 300,
  membershipPauseMeanMs: 0,
  rotPauseMeanMs: 0,
  fullDiskPauseMeanMs: 0,
} satisfies Partial<StoreFaults>

/** The network falls apart all the time. */
const partitions = {
  network: {
    partitionPauseMeanMs: 500,
    partitionMeanMs: 2_000,
    stabilityMinMs: 100,
    shapes: ['isolateOne', 'halves', 'oneWay'],
    clogPauseMeanMs: 0,
    clogMeanMs: 0,
    swizzlePauseMeanMs: 0,
  },
} satisfies Partial<StoreFaults>

/** Who was away for a moment needs the whole state. */
const shortLogs = {
  ...partitions,
  catchUpEntries: 0,
  thinkMeanMs: 5,
  clients: 8,
} satisfies Partial<StoreFaults>

const leaseName = 'lease/'

/** Bugs of stores, planted around of the production code. */
export const plantedStoreBugs: readonly PlantedStoreBug[] = [
  {
    name: 'a write is acknowledged before it is synced',
    source: 'etcd #14370; NATS 2.12.1',
    seedsMax: 10,
    sabotage: () => ({ disk: lyingDisk }),
    faults: crashes,
  },
  {
    name: 'a write is acknowledged before a majority has it',
    source: 'Raft, section 5.3',
    seedsMax: 10,
    sabotage: () => ({ transport: hastyTransport }),
    faults: partitions,
  },
  {
    name: 'a member comes back with an empty disk under its old name',
    source: 'Raft, figure 2',
    seedsMax: 5,
    sabotage: () => ({ disk: () => createSimulatedDisk() }),
    faults: crashes,
  },
  {
    name: 'entries are applied again after a restart',
    source: 'etcd #13766, consistent index',
    seedsMax: 5,
    sabotage: backendsAs((backend) =>
      altered(backend, { durableIndex: Math.max(0, backend.durableIndex - 3) }),
    ),
    faults: crashes,
  },
  {
    name: 'entries are not applied after a restart',
    source: 'etcd #13766, consistent index',
    seedsMax: 5,
    sabotage: backendsAs((backend) =>
      altered(backend, { durableIndex: backend.durableIndex && backend.durableIndex + 2 }),
    ),
    faults: crashes,
  },
  {
    name: 'a state that another member sends lacks a revision',
    source: 'Raft, section 7',
    seedsMax: 10,
    sabotage: backendsAs((backend, name) => {
      let puts = 0
      if (name === 'db-0') return backend
      return altered(backend, {
        put: (...parts) => {
          if (++puts !== 5) backend.put(...parts)
        },
      })
    }),
    faults: shortLogs,
  },
  {
    name: 'a watch loses an event when the state is replaced',
    source: 'etcd #15271',
    seedsMax: 10,
    sabotage: forgetfulWatches,
    faults: shortLogs,
  },
  {
    name: 'a new leader takes old notes for the time that leases have left',
    source: 'etcd #9888',
    seedsMax: 20,
    sabotage: backendsAs((backend) =>
      altered(backend, {
        setMeta: (name, value) => {
          if (value !== undefined && name.startsWith(leaseName)) {
            const noted = Buffer.from(value)
            noted.writeDoubleLE(1, 8)
            backend.setMeta(name, noted)
          } else backend.setMeta(name, value)
        },
      }),
    ),
    faults: crashes,
  },
  {
    name: 'a renewal is acknowledged that nobody made',
    source: 'etcd #15247',
    seedsMax: 5,
    sabotage: storeAs(({ leases }) => ({
      leases: altered(leases, { keepAlive: () => Promise.resolve({ ttlMs: 5_000 }) }),
    })),
  },
  {
    name: 'a lease outlives its keys',
    source: 'etcd, lease revocation',
    seedsMax: 5,
    sabotage: storeAs((store) => ({
      put: ({ lease, ...request }, options) => {
        const isForgotten = lease !== undefined && lease % 4n === 0n
        return store.put(isForgotten || lease === undefined ? request : { ...request, lease }, options)
      },
    })),
  },
  {
    name: 'linearizable reads are answered from the state of a member',
    source: 'etcd 0.4.1; Consul, stale reads',
    seedsMax: 5,
    sabotage: storeAs((store) => ({
      range: (request, options) => store.range(request, { ...options, serializable: true }),
    })),
    faults: partitions,
  },
  {
    name: 'a member shows a state that is older than what it has shown',
    source: 'etcd #13766',
    seedsMax: 5,
    sabotage: () => ({
      store: (store) => {
        let earlier: Awaited<ReturnType<Store['range']>> | undefined
        let reads = 0
        return altered(store, {
          range: async (request, options) => {
            const isOwn = options?.serializable === true && request.key === 'a'
            if (isOwn && earlier !== undefined && ++reads % 10 === 0) return earlier
            const answer = await store.range(request, options)
            if (isOwn) earlier ??= answer
            return answer
          },
        })
      },
    }),
  },
  {
    name: 'a write is sent again after its outcome was unknown',
    source: 'etcd clients, retries',
    seedsMax: 20,
    sabotage: storeAs((store) => ({
      put: async (request, options) => {
        try {
          return await store.put(request, options)
        } catch {
          return await store.put(request, options)
        }
      },
    })),
    faults: { ...partitions, requestTimeoutMs: 1_000 },
  },
  {
    name: 'a watch goes on behind what it has not delivered',
    source: 'etcd #15271',
    seedsMax: 5,
    sabotage: storeAs((store) => ({
      watch: ({ startRevision, ...request }, options) =>
        store.watch(
          { ...request, startRevision: startRevision === undefined ? 0 : startRevision + 1 },
          options,
        ),
    })),
  },
]
