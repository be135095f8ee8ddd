import { join } from 'node:path'
import { type ConfigHub, type ConfigWatch, createConfigHub } from '@orrery/config-hub'
import { systemEnvironment } from '@orrery/environment/system'
import { createMemoryNetwork } from '@orrery/raft-node'
import { createMemoryStore, openMember } from '@orrery/store'
import { residentBytes } from './process-usage.ts'
import { count, medianOf, type Row, type Scenario } from './report.ts'
import { withDirectory } from './temporary.ts'

const watched = { namespace: 'default', group: 'shop', file: 'application.properties' }

/** Configuration of 4 KB that differs each time. */
function contentOf(n: number): string {
  const lines = Array.from({ length: 160 }, (_, line) => `limits.requests.${line}=${n + line}\n`)
  return lines.join('').slice(0, 4_096).padEnd(4_096, '#')
}

/** Runs `use` with a hub on one member of a cluster, on disk. */
async function withDurableHub<T>(use: (hub: ConfigHub) => Promise<T>): Promise<T> {
  return await withDirectory(async (directory) => {
    const network = createMemoryNetwork({ clock: systemEnvironment().clock })
    const { store, published } = await openMember({
      directory: join(directory, 'member'),
      transport: () => network.transport('a'),
      peerAddresses: ['a'],
      origin: { type: 'new', members: [['a']] },
      name: 'a',
    })
    await published
    const hub = createConfigHub({ store })
    await hub.start()
    try {
      return await use(hub)
    } finally {
      await hub.close()
      await store.close()
      await network.close()
    }
  })
}

/** Follows a watch, and tells of the last line of each release. */
async function follow(watch: ConfigWatch, told: (version: number) => void): Promise<void> {
  for await (const { changes } of watch) {
    for (const change of changes) if (change.type === 'released') told(change.release.version)
  }
}

async function fanOut(watchers: number): Promise<Row> {
  return await withDurableHub(async (hub) => {
    await hub.releases.publish(watched, { content: contentOf(0) })
    let left = 0
    let lastMs = 0
    const told = (): void => {
      if (--left === 0) lastMs = performance.now()
    }
    left = watchers
    const watches = Array.from({ length: watchers }, () => hub.watch({ targets: [watched] }))
    const followers = watches.map((watch) => follow(watch, told))
    await drained(() => left === 0)
    const tookMs: number[] = []
    for (let n = 1; n <= 300; n++) {
      left = watchers
      const startMs = performance.now()
      await hub.releases.publish(watched, { content: contentOf(n) })
      await drained(() => left === 0)
      if (n > 20) tookMs.push(lastMs - startMs)
    }
    for (const watch of watches) watch.close()
    await Promise.all(followers)
    const sorted = tookMs.sort((a, b) => a - b)
    const p99 = sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN
    const p50 = sorted[sorted.length >> 1] ?? Number.NaN
    const goal = watchers === 10_000 ? { goal: 'p99 <= 10 ms', reached: p99 <= 10 } : {}
    return {
      what: `a release of 4 KB with ${count(watchers)} watchers in process: from the call to the last told, log on disk`,
      ours: `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
      ...goal,
    }
  })
}

/** Lets other work have its turn until something is so. */
async function drained(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve))
}

async function publishes(): Promise<Row> {
  const files = 1_000
  const rate = await withDurableHub(async (hub) => {
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
            await hub.releases.publish(key, { content: contentOf(n) }, { actor: 'bench' })
          }
        }),
      )
      return (total * 1_000) / (performance.now() - startMs)
    }
    await run(10_000)
    return await medianOf(5, () => run(20_000))
  })
  return {
    what: 'durable releases of 4 KB to 1,000 files, log on disk, 64 in flight',
    ours: `${count(rate)}/s`,
    goal: '>= 20,000/s',
    reached: rate >= 20_000,
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

async function memory(): Promise<Row> {
  const watchers = 200_000
  await using store = createMemoryStore()
  await using hub = createConfigHub({ store })
  await hub.start()
  await hub.releases.publish(watched, { content: contentOf(0) })
  const before = measure()
  const watches: ConfigWatch[] = []
  for (let n = 0; n < watchers; n++) {
    const watch = hub.watch({ targets: [watched] })
    const changes = watch[Symbol.asyncIterator]()
    await changes.next()
    void changes.next().catch(() => {})
    watches.push(watch)
  }
  const bytes = (measure() - before) / watchers
  for (const watch of watches) watch.close()
  return {
    what: '200,000 idle watchers of a file in process, each with a reader that waits: resident memory for each',
    ours: `${bytes.toFixed(0)} B`,
    goal: '<= 400 B',
    reached: bytes <= 400,
  }
}

function measure(): number {
  globalThis.gc?.()
  globalThis.gc?.()
  return residentBytes([process.pid])
}

/** What a configuration hub does in the process of its users. */
export const configInProcess: Scenario = {
  name: 'config',
  run: async () => [
    await memory(),
    await fanOut(10_000),
    await fanOut(100_000),
    await publishes(),
    await reads(),
  ],
}
