import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type MessagePort, parentPort } from 'node:worker_threads'
import { systemEnvironment } from '@orrery/environment/system'
import { openLmdbBackend } from '@orrery/mvcc-lmdb'
import { createMemoryNetwork } from '@orrery/raft-node'
import { inMemoryCluster, type Store, type StoreOptions } from '@orrery/store'
import { openMemberOn } from '@orrery/store/testing'
import { createWorkerDisk } from '@orrery/wal'
import { ServedStore } from '../src/worker/served-store.ts'
import { closedBy } from './support-stores.ts'

/** Asks the thread for one more store. */
export interface StoreRequest {
  readonly port: MessagePort
  readonly status: SharedArrayBuffer
  /** One member on a disk, or three in memory. */
  readonly kind: 'durable member' | 'cluster in memory'
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
    const store = await (kind === 'durable member' ? openAlone(directory, options) : openCluster(options))
    served.open({ store, published: Promise.resolve() })
  } catch (error) {
    served.fail(error)
  }
}

async function openCluster(store: StoreOptions): Promise<Store> {
  const cluster = await inMemoryCluster({ members: 3, store })
  return closedBy(await cluster.leader(), () => cluster.close())
}

async function openAlone(directory: string, options: StoreOptions): Promise<Store> {
  const environment = systemEnvironment()
  const network = createMemoryNetwork({ clock: environment.clock })
  const { store, published } = await openMemberOn(
    {
      disk: { submit: disk.submit.bind(disk), close: () => Promise.resolve() },
      backends: {
        open: (name) => openLmdbBackend({ path: join(directory, name), environment }),
        remove: (name) => rm(join(directory, name), { recursive: true, force: true }),
        list: async () => (await readdir(directory)).filter((name) => name.startsWith('db-')),
      },
      hasLog: () => Promise.resolve(false),
    },
    {
      directory,
      transport: () => network.transport('m1'),
      peerAddresses: ['m1'],
      origin: { type: 'new', members: [['m1']] },
      name: 'm1',
      environment,
    },
    { store: options },
  )
  await published
  return store
}
