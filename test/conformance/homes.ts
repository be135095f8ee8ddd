import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMemoryStore, inMemoryCluster, openStore, openStoreInWorker, type Store } from '@orrery/store'
import type { ThreadedStore } from './thread-store.ts'

/** Where a hub lives. */
export interface Home extends AsyncDisposable {
  readonly store: Store
  /** Of another member; where there is none, the same. */
  readonly other: Store
  /** Closes the store and opens it again, if it lasts longer than it is open. Otherwise it stays as it is. */
  restart(): Promise<void>
}

/** Every kind of store there is. */
export const homes: Readonly<Record<string, () => Promise<Home>>> = {
  'a store in memory': () => Promise.resolve(inMemory()),
  'a store on the disk': () => onDisk((directory) => openStore({ directory })),
  'a store in a thread of its own': () => onDisk(openInThread),
  'a member of a cluster': inCluster,
}

function inMemory(): Home {
  const store = createMemoryStore()
  return {
    ...{ store, other: store },
    restart: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => store.close(),
  }
}

async function onDisk(open: (directory: string) => Promise<Store>): Promise<Home> {
  const directory = await mkdtemp(join(tmpdir(), 'orrery-hub-'))
  let store = await open(directory)
  return {
    get store() {
      return store
    },
    get other() {
      return store
    },
    restart: async () => {
      await store.close()
      store = await open(directory)
    },
    [Symbol.asyncDispose]: async () => {
      await store.close()
      await rm(directory, { recursive: true })
    },
  }
}

async function openInThread(directory: string): Promise<Store> {
  const module = new URL('./thread.js', import.meta.url)
  const data: ThreadedStore = { directory }
  const { store, published } = await openStoreInWorker(
    { module, data },
    { execArgv: ['--conditions=@orrery/source'] },
  )
  await published
  return store
}

/** The hub is at a member that follows, which is behind the others at times. */
async function inCluster(): Promise<Home> {
  const cluster = await inMemoryCluster({ members: 3 })
  const leader = await cluster.leader()
  const follower = cluster.members.find(({ store }) => store !== leader)?.store
  if (follower === undefined) throw new Error('there is no follower')
  return {
    ...{ store: follower, other: leader },
    restart: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => cluster.close(),
  }
}
