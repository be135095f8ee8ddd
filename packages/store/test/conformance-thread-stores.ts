import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type MessagePort, parentPort } from 'node:worker_threads'
import { systemEnvironment } from '@orrery/environment/system'
import { openLmdbBackend } from '@orrery/mvcc-lmdb'
import { createMemoryNetwork } from '@orrery/raft-node'
import type { Store, StoreOptions } from '@orrery/store'
import { type MemberGround, openMemberOn } from '@orrery/store/testing'
import { createWorkerDisk } from '@orrery/wal'
import { ServedStore } from '../src/worker/served-store.ts'
import { closedBy } from './support-stores.ts'

/** Asks the thread for one more store. */
export interface StoreRequest {
  readonly port: MessagePort
  readonly status: SharedArrayBuffer
  readonly kind: 'durable member' | 'durable members'
  readonly directory: string
  readonly options: StoreOptions
}

/** Shared by all members, since starting its thread is much of what opening one costs. */
const disk = createWorkerDisk()

parentPort?.on('message', (request: StoreRequest) => {
  void serve(request)
})

async function serve({ port, status, kind, directory, options }: StoreRequest): Promise<void> {
  const served = new ServedStore({ port, status, clock: systemEnvironment().clock })
  try {
    const store = await openKind[kind](options, directory)
    served.open({ store, published: Promise.resolve() })
  } catch (error) {
    served.fail(error)
  }
}

const openKind = {
  'durable member': (options: StoreOptions, directory: string) => openDurable(options, directory, ['m1']),
  'durable members': (options: StoreOptions, directory: string) =>
    openDurable(options, directory, ['m1', 'm2', 'm3']),
} as const

/** The store of the member that leads, among members with logs and states on the disk. */
async function openDurable(
  options: StoreOptions,
  directory: string,
  names: readonly string[],
): Promise<Store> {
  const environment = systemEnvironment()
  const network = createMemoryNetwork({ clock: environment.clock })
  const opened = await Promise.all(
    names.map((name) =>
      openMemberOn(
        ground(join(directory, name)),
        {
          directory: join(directory, name),
          transport: () => network.transport(name),
          peerAddresses: [name],
          origin: { type: 'new', members: names.map((one) => [one]) },
          name,
          environment,
        },
        { store: options, node: { heartbeatIntervalMs: 20, electionTimeoutMs: 200 } },
      ),
    ),
  )
  await Promise.all(opened.map(({ published }) => published))
  const stores = opened.map(({ store }) => store)
  return closesAll(await leaderOf(stores), stores)
}

function ground(directory: string): MemberGround {
  return {
    disk: { submit: disk.submit.bind(disk), close: () => Promise.resolve() },
    backends: {
      open: (name) => openLmdbBackend({ path: join(directory, name), environment: systemEnvironment() }),
      remove: (name) => rm(join(directory, name), { recursive: true, force: true }),
      list: async () => (await readdir(directory)).filter((name) => name.startsWith('db-')),
    },
    hasLog: () => Promise.resolve(false),
  }
}

async function leaderOf(stores: readonly Store[]): Promise<Store> {
  for (;;) {
    const leader = stores.find((one) => one.status().leaderId === one.status().memberId)
    if (leader !== undefined) return leader
    await stores[0]?.get('nothing')
  }
}

/** What is in flight at the leader needs the others: they close after it. */
function closesAll(leader: Store, stores: readonly Store[]): Store {
  let closed: Promise<void> | undefined
  const close = async (): Promise<void> => {
    await leader.close()
    await Promise.all(stores.map((store) => store.close()))
  }
  return closedBy(leader, () => (closed ??= close()))
}
