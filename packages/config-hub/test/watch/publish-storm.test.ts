import { setFlagsFromString } from 'node:v8'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { runInNewContext } from 'node:vm'
import { createMemoryStore } from '@orrery/store'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { ConfigHub } from '../../src/config-hub.ts'
import type { ChangeBatch, ConfigWatch, WatchTarget } from '../../src/watches.ts'
import { createConfigHub } from '../../src/create-config-hub.ts'

const group = { namespace: 'default', group: 'shop' }
const file = { ...group, file: 'app.txt' }

/** Watchers, all together. */
const watchersCount = 10_000
/** Writers that have a publish in flight at any time. */
const writersCount = 4
const publishesOfWriter = 500
const publishes = writersCount * publishesOfWriter
/** Results that are kept while many are told them. */
const sharedMaxItems = 16

/** The content of a version. */
function contentOf(version: number): string {
  return `release ${version} `.padEnd(400, '.')
}

/** What somebody was told, by its version, without holding it. */
const given = new Map<number, WeakRef<object>>()

/** Somebody who watches in the storm, and what he was told. */
class Reader {
  readonly watch: ConfigWatch
  readonly isOfGroup: boolean
  /** That he was given first. */
  first = 0
  /** That he was given last. */
  version = 0
  told = 0
  /** What was not newer than what he had, or not what was released with its version. */
  faults = 0
  isWaiting = false
  failure: unknown

  /** @param version that he has already */
  constructor(hub: ConfigHub, target: WatchTarget = file, version = 0) {
    this.isOfGroup = target === group
    this.version = version
    const known = version === 0 ? [] : [{ ...file, version }]
    this.watch = hub.watch({ targets: [target], known })
  }

  /** Asks once, unless he waits already. */
  ask(): void {
    if (this.isWaiting) return
    this.isWaiting = true
    void this.watch[Symbol.asyncIterator]()
      .next()
      .then(
        ({ value }) => {
          this.isWaiting = false
          if (value !== undefined) this.take(value)
        },
        (error: unknown) => (this.failure = error),
      )
  }

  /** Asks as soon as he was told something. */
  async read(): Promise<void> {
    try {
      for await (const batch of this.watch) this.take(batch)
    } catch (error) {
      this.failure = error
    }
  }

  take({ changes }: ChangeBatch): void {
    for (const change of changes) {
      this.told++
      if (change.type === 'removed') this.faults++
      else {
        const { version, content } = change.release
        if (version <= this.version || content !== contentOf(version)) this.faults++
        this.first ||= version
        if (!given.has(version)) given.set(version, new WeakRef(change.release))
        this.version = version
      }
    }
  }
}

let collectGarbage: () => void = () => undefined

beforeAll(() => {
  setFlagsFromString('--expose-gc')
  collectGarbage = runInNewContext('gc') as () => void
})

afterAll(() => setFlagsFromString('--no-expose-gc'))

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}

describe('a storm of releases of one file', () => {
  test('ends with the newest for everybody, however he reads, and keeps nothing of the others', async () => {
    await using store = createMemoryStore()
    const cacheMaxBytes = 10 * (512 + contentOf(publishes).length)
    await using hub = createConfigHub({ store }, { cacheMaxBytes, releasesMaxItems: 5 })
    await hub.start()

    const silent = Array.from({ length: 400 }, () => new Reader(hub))
    const slow = Array.from({ length: 300 }, () => new Reader(hub))
    let fickle = Array.from({ length: 300 }, () => new Reader(hub))
    const eager = [
      ...Array.from({ length: 500 }, () => new Reader(hub, group)),
      ...Array.from({ length: 8_500 }, () => new Reader(hub)),
    ]
    const reading = eager.map((reader) => reader.read())
    const left: Reader[] = []
    expect(hub.stats().watchers).toBe(watchersCount)

    let released = 0
    const outOfBounds: unknown[] = []
    const writer = async (nth: number): Promise<void> => {
      for (let count = 0; count < publishesOfWriter; count++) {
        // Whoever is first is first: the content says which version it becomes.
        const { version } = await hub.releases.publish(file, { content: contentOf(++released) })
        const { watchers, cache, writes } = hub.stats()
        if (watchers !== watchersCount || cache.bytes > cacheMaxBytes || writes.queued > writersCount) {
          outOfBounds.push({ version, watchers, cache, writes })
        }
        if (nth > 0 || count % 5 > 0) continue
        for (const reader of slow.slice((count * 3) % 300, ((count * 3) % 300) + 30)) reader.ask()
        const gone = fickle.slice(0, 60)
        for (const reader of gone) reader.watch.close()
        left.push(...gone)
        const back = gone.map((reader) => new Reader(hub, count % 2 === 0 ? file : group, reader.version))
        for (const reader of back) reader.ask()
        fickle = [...fickle.slice(60), ...back]
      }
    }
    await Promise.all(Array.from({ length: writersCount }, (_, nth) => writer(nth)))
    expect(outOfBounds).toEqual([])

    const isBehind = ({ version }: Reader): boolean => version !== publishes
    while (eager.some(isBehind)) await nextTurn()
    // The others stand anywhere, and watch. Nothing is held of what they were told before, or not told, but what is cached, and what many
    // are being told just now.
    expect(given.size).toBeGreaterThan(50)
    await vi.waitFor(
      () => {
        collectGarbage()
        const held = [...given.values()].filter((release) => release.deref() !== undefined)
        expect(held.length).toBeLessThanOrEqual(hub.stats().cache.entries + sharedMaxItems)
      },
      { timeout: 30_000 },
    )

    // Whoever did not read has one release to read, the newest.
    const others = [...silent, ...slow, ...fickle]
    while (others.some(isBehind)) {
      for (const reader of others) if (isBehind(reader)) reader.ask()
      await nextTurn()
    }
    expect(silent.every(({ told }) => told === 1)).toBe(true)

    const everybody = [...eager, ...others, ...left]
    expect(sum(everybody.map(({ faults }) => faults))).toBe(0)
    // Of each release, everybody was told, or it counts as skipped; of a group, from the first on that he was told of a file.
    const uncounted = [...eager, ...silent, ...slow].filter(
      ({ told, watch, isOfGroup, first }) => told + watch.skipped !== publishes - (isOfGroup ? first - 1 : 0),
    )
    expect(uncounted).toEqual([])
    expect(hub.stats()).toMatchObject({
      delivered: sum(everybody.map(({ told }) => told)),
      skipped: sum(everybody.map(({ watch }) => watch.skipped)),
    })

    for (const { watch } of [...eager, ...slow]) watch.close()
    await Promise.all(reading)
    for (const reader of silent) reader.ask()
    await hub.close()
    await nextTurn()
    expect(hub.stats()).toMatchObject({ watchers: 0, polls: 0, cache: { entries: 0, bytes: 0 } })
    expect(silent.every(({ failure }) => failure !== undefined)).toBe(true)
  })
})
