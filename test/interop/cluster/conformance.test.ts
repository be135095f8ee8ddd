import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { systemEnvironment } from '@orrery/environment/system'
import { openMember, openStore, restoreSnapshot, type Store, type StoreOptions } from '@orrery/store'
import { storeConformance } from '@orrery/store/testing'
import { createTcpTransport } from '@orrery/transport-tcp'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { freePorts } from '../../free-ports.ts'
import { memoryDirectory } from '../servers/etcd.ts'

/** Timers with which members on one machine soon find a leader. */
const node = { heartbeatIntervalMs: 20, electionTimeoutMs: 200 }

let root: string
let directories = 0

beforeAll(async () => {
  root = await memoryDirectory('conformance')
})

afterAll(async () => {
  await rm(root, { recursive: true, force: true })
})

function freshDirectory(): string {
  return join(root, String(directories++))
}

/** The store of the member that leads, among members with a directory each that reach each other over TCP. */
async function openLeader(count: number, store: StoreOptions = {}): Promise<Store> {
  const environment = systemEnvironment()
  const ports = await freePorts(count)
  const origin = { type: 'new', members: ports.map((port) => [`127.0.0.1:${port}`]) } as const
  const opened = await Promise.all(
    ports.map((port, n) =>
      openMember(
        {
          directory: freshDirectory(),
          transport: () => createTcpTransport({ listen: { host: '127.0.0.1', port }, environment }),
          peerAddresses: [`127.0.0.1:${port}`],
          origin,
          name: `m${n + 1}`,
          environment,
        },
        { node, store },
      ),
    ),
  )
  await Promise.all(opened.map(({ published }) => published))
  const stores = opened.map((member) => member.store)
  return closesAll(await leaderOf(stores), stores)
}

async function leaderOf(stores: readonly Store[]): Promise<Store> {
  for (;;) {
    const leader = stores.find((one) => one.status().leaderId === one.status().memberId)
    if (leader !== undefined) return leader
    await stores[0]?.get('nothing')
  }
}

/** A store that takes the others along when it closes, after what is in flight: that needs them. */
function closesAll(leader: Store, stores: readonly Store[]): Store {
  let closed: Promise<void> | undefined
  const close = async (): Promise<void> => {
    await leader.close()
    await Promise.all(stores.map((store) => store.close()))
  }
  return new Proxy(leader, {
    get: (target, name) => {
      if (name === 'close' || name === Symbol.asyncDispose) return () => (closed ??= close())
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value
    },
  })
}

async function restore(snapshot: AsyncIterable<Uint8Array>): Promise<Store> {
  const directory = freshDirectory()
  await restoreSnapshot(snapshot, { directory })
  return openStore({ directory })
}

describe.each([1, 3])('a store that %i members with directories of their own keep over TCP', (count) => {
  test.each(storeConformance)('$name', async ({ run }) => {
    await run({ open: (options) => openLeader(count, options), restore })
  })
})
