import { join } from 'node:path'
import {
  type ChangeBatch,
  type ConfigHub,
  createConfigHub,
  type RunningWatch,
  type WatchListener,
} from '@orrery/config-hub'
import { systemEnvironment } from '@orrery/environment/system'
import { createMemoryNetwork } from '@orrery/raft-node'
import { createMemoryStore, openMember, openStore, type Store } from '@orrery/store'
import { residentBytes } from './process-usage.ts'
import { count, medianOf, type Row, type Scenario } from './report.ts'
import { withDirectory } from './temporary.ts'

/** Rounds that are not counted. */
const warmUps = 20
const watched = { namespace: 'default', group: 'shop', file: 'application.properties' }

/** Configuration of 4 KB that differs each time. */
function contentOf(n: number): string {
  const lines = Array.from({ length: 160 }, (_, line) => `limits.requests.${line}=${n + line}\n`)
  return lines.join('').slice(0, 4_096).padEnd(4_096, '#')
}

/** Opens a store in a directory. */
type OpenStore = (
  directory: string,
) => Promise<{ readonly store: Store; readonly close: () => Promise<void> }>

/** The store of one process, on disk. */
const durable: OpenStore = async (directory) => {
  const store = await openStore({ directory })
  return { store, close: () => store.close() }
}

/** A member of a cluster of one, on disk: what others may join. */
const member: OpenStore = async (directory) => {
  const network = createMemoryNetwork({ clock: systemEnvironment().clock })
  const { store, published } = await openMember({
    directory,
    transport: () => network.transport('a'),
    peerAddresses: ['a'],
    origin: { type: 'new', members: [['a']] },
    name: 'a',
  })
  await published
  return {
    store,
    close: async () => {
      await store.close()
      await network.close()
    },
  }
}

/** A store that keeps nothing: what the event loop alone can do. */
const inMemory: OpenStore = () => {
  const store = createMemoryStore()
  return Promise.resolve({ store, close: () => store.close() })
}

/** Runs `use` with a hub on a store. */
async function withHub<T>(open: OpenStore, use: (hub: ConfigHub) => Promise<T>): Promise<T> {
  return await withDirectory(async (directory) => {
    const { store, close } = await open(join(directory, 'store'))
    const hub = createConfigHub({ store })
    await hub.start()
    try {
      return await use(hub)
    } finally {
      await hub.close()
      await close()
    }
  })
}

/** How a watcher hears of releases. */
interface Way {
  readonly name: string
  readonly start: (hub: ConfigHub, told: () => void) => RunningWatch
}

function tellOf({ changes }: ChangeBatch, told: () => void): void {
  for (const change of changes) if (change.type === 'released') told()
}

/** Reads, and reads again. */
const reader: Way = {
  name: 'readers',
  start: (hub, told) => {
    const watch = hub.watch({ targets: [watched] })
    void (async () => {
      for await (const batch of watch) tellOf(batch, told)
    })()
    return watch
  },
}

/** Is called. */
const listener: Way = {
  name: 'listeners',
  start: (hub, told) =>
    hub.startWatch({ targets: [watched] }, { changed: (batch) => tellOf(batch, told), failed: () => {} }),
}

/** Publishes to many, each of whom waits again as soon as he was told. */
async function fanOut({ name, start }: Way, watchers: number, rounds: number): Promise<Row[]> {
  return await withHub(member, async (hub) => {
    await hub.releases.publish(watched, { content: contentOf(0) })
    let left = 0
    let lastMs = 0
    const told = (): void => {
      if (--left === 0) lastMs = performance.now()
    }
    left = watchers
    const watches = Array.from({ length: watchers }, () => start(hub, told))
    await drained(() => left === 0)
    const tookMs: number[] = []
    const turnMs: number[] = []
    for (let n = 1; n <= rounds + warmUps; n++) {
      left = watchers
      const startMs = performance.now()
      const published = hub.releases.publish(watched, { content: contentOf(n) })
      const longestMs = await drained(() => left === 0)
      await published
      if (n <= warmUps) continue
      tookMs.push(lastMs - startMs)
      turnMs.push(longestMs)
    }
    for (const watch of watches) watch.close()
    const p99 = quantile(tookMs, 0.99)
    const longest = quantile(turnMs, 0.99)
    const isGoal = watchers === 10_000
    const what = `a release of 4 KB with ${count(watchers)} ${name} in process`
    return [
      {
        what: `${what}: from the call to the last told, log on disk`,
        ours: `p50 ${quantile(tookMs, 0.5).toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
        ...(isGoal ? { goal: 'p99 <= 10 ms', reached: p99 <= 10 } : {}),
      },
      {
        what: `${what}: the longest turn of the event loop, with garbage collection`,
        ours: `p50 ${quantile(turnMs, 0.5).toFixed(1)} ms, p99 ${longest.toFixed(1)} ms`,
        goal: '<= 10 ms',
        reached: longest <= 10,
      },
    ]
  })
}

function quantile(values: readonly number[], part: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * part)] ?? Number.NaN
}

/** Lets other work have its turn until something is so. @returns the longest that it had to wait for its own turn. Unit: ms */
async function drained(isSo: () => boolean): Promise<number> {
  let longestMs = 0
  let atMs = performance.now()
  while (!isSo()) {
    await new Promise((resolve) => setImmediate(resolve))
    const nowMs = performance.now()
    longestMs = Math.max(longestMs, nowMs - atMs)
    atMs = nowMs
  }
  return longestMs
}

async function publishes(open: OpenStore, what: string, goal?: number): Promise<Row> {
  const files = 1_000
  // Made beforehand: it takes a good part of what a release does. A file never has the same one twice in a row.
  const contents = Array.from({ length: 2_048 }, (_, n) => contentOf(n))
  const rate = await withHub(open, async (hub) => {
    let next = 0
    const run = async (total: number): Promise<number> => {
      const end = next + total
      const startMs = performance.now()
      await Promise.all(
        Array.from({ length: 64 }, async () => {
          while (next < end) {
            const n = next++
            const key = {
              namespace: 'default',
              group: `group-${n % 10}`,
              file: `file-${n % files}.properties`,
            }
            await hub.releases.publish(key, { content: contents[n % contents.length] }, { actor: 'bench' })
          }
        }),
      )
      return (total * 1_000) / (performance.now() - startMs)
    }
    await run(10_000)
    return await medianOf(5, () => run(20_000))
  })
  return {
    what: `${what} of 4 KB to 1,000 files, 64 in flight`,
    ours: `${count(rate)}/s`,
    ...(goal === undefined ? {} : { goal: `>= ${count(goal)}/s`, reached: rate >= goal }),
  }
}

async function reads(): Promise<Row> {
  await using store = createMemoryStore()
  await using hub = createConfigHub({ store })
  await hub.start()
  const keys = Array.from({ length: 1_000 }, (_, n) => ({ ...watched, file: `file-${n}.properties` }))
  await Promise.all(keys.map((key, n) => hub.releases.publish(key, { content: contentOf(n) })))
  const rate = await medianOf(7, async () => {
    const startMs = performance.now()
    for (let round = 0; round < 500; round++) for (const key of keys) await hub.read(key)
    return (500_000 * 1_000) / (performance.now() - startMs)
  })
  return {
    what: 'reads of what is released in process, one after another, 1,000 files',
    ours: `${count(rate)}/s`,
    goal: '>= 2,000,000/s',
    reached: rate >= 2_000_000,
  }
}

async function memory(
  ofOne: string,
  start: (hub: ConfigHub) => RunningWatch | Promise<RunningWatch>,
): Promise<Row> {
  // So many that the room in which V8 makes new objects, up to 48 MB, does not count for much.
  const watchers = 1_000_000
  await using store = createMemoryStore()
  await using hub = createConfigHub({ store })
  await hub.start()
  await hub.releases.publish(watched, { content: contentOf(0) })
  const before = measure()
  const watches: RunningWatch[] = []
  for (let n = 0; n < watchers; n++) watches.push(await start(hub))
  await drained(() => hub.stats().delivered === watchers)
  const bytes = (measure() - before) / watchers
  for (const watch of watches) watch.close()
  return {
    what: `a million idle watchers of a file in process, each ${ofOne}: resident memory for each`,
    ours: `${bytes.toFixed(0)} B`,
    goal: '<= 400 B',
    reached: bytes <= 400,
  }
}

/** Has been told what there is, and waits for the next. */
async function waitingReader(hub: ConfigHub): Promise<RunningWatch> {
  const watch = hub.watch({ targets: [watched] })
  const changes = watch[Symbol.asyncIterator]()
  await changes.next()
  void changes.next()
  return watch
}

/** What a host's own listener takes is the host's: all share this one. */
const silent: WatchListener = { changed: () => {}, failed: () => {} }

function measure(): number {
  globalThis.gc?.()
  globalThis.gc?.()
  return residentBytes([process.pid])
}

/** What a configuration hub does in the process of its users. */
export const configInProcess: Scenario = {
  name: 'config',
  run: async () => [
    ...(await fanOut(reader, 10_000, 280)),
    ...(await fanOut(listener, 10_000, 280)),
    ...(await fanOut(reader, 100_000, 100)),
    ...(await fanOut(listener, 100_000, 100)),
    await publishes(durable, 'durable releases, store of one process,', 20_000),
    await publishes(member, 'durable releases, one member of a cluster,', 20_000),
    await publishes(inMemory, 'releases, store in memory,'),
    await reads(),
  ],
}

/** What those take who wait. */
export const configMemory: Scenario = {
  name: 'config-memory',
  run: async () => [
    await memory('with a promise that waits', waitingReader),
    await memory('with a listener', (hub) => hub.startWatch({ targets: [watched] }, silent)),
  ],
}
