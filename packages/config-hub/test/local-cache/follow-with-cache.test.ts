import { createManualEnvironment } from '@orrery/environment/testing'
import { describe, expect, test } from 'vitest'
import type { ConfigHub, ConfigHubState, ReadQuery } from '../../src/config-hub.ts'
import type { ChangeBatch, ConfigWatch, WatchQuery } from '../../src/watches.ts'
import { ConfigError } from '../../src/errors.ts'
import type { ReleaseInfo } from '../../src/model.ts'
import { followWithCache } from '../../src/local-cache/follow-with-cache.ts'
import type { LocalCache } from '../../src/local-cache/local-cache.ts'
import { build, releaseOf } from './support.ts'

const target = { namespace: 'n', group: 'g' }
const key = (file: string) => ({ ...target, file })

/** A hub whose only watch gives what the test says. */
class FakeHub implements Pick<ConfigHub, 'peek' | 'state' | 'watch'> {
  state: ConfigHubState = 'loading'
  asked = 0
  closed = false
  /** Files that are there no more. Of all others, everybody sees something. */
  gone: readonly string[] = []
  readonly peeked: ReadQuery[] = []
  readonly queries: WatchQuery[] = []
  readonly #batches: readonly ChangeBatch[]

  constructor(...batches: readonly ChangeBatch[]) {
    this.#batches = batches
  }

  peek(query: ReadQuery): ReleaseInfo | undefined {
    if (this.state !== 'ready') throw new ConfigError('CONFIG_NOT_READY', 'not yet')
    this.peeked.push(query)
    return this.gone.includes(query.file) ? undefined : releaseOf(query.file, '')
  }

  watch(query: WatchQuery): ConfigWatch {
    this.asked++
    if (this.state !== 'ready') throw new ConfigError('CONFIG_NOT_READY', 'not yet')
    this.queries.push(query)
    const batches = this.#batches.values()
    const close = (): void => {
      this.closed = true
    }
    return {
      skipped: 0,
      close,
      [Symbol.asyncDispose]: () => {
        close()
        return Promise.resolve()
      },
      [Symbol.asyncIterator]: () => ({
        next: () => {
          const { value, done } = batches.next()
          return Promise.resolve(done === true ? { done: true, value: undefined } : { done: false, value })
        },
      }),
    }
  }
}

const released = (revision: number, ...releases: readonly ReturnType<typeof releaseOf>[]): ChangeBatch => ({
  revision,
  changes: releases.map((release) => ({ type: 'released' as const, release })),
})

describe('following a hub with a local cache', () => {
  test('gives what the cache has while the hub is not ready, and then what differs from it', async () => {
    const { cache, environment } = await build()
    const stored = releaseOf('a', 'old', { version: 3, md5: 'a'.repeat(32) })
    await cache.save([stored, releaseOf('x', 'elsewhere', { group: 'h' })])
    const newer = releaseOf('a', 'new', { version: 4 })
    const hub = new FakeHub(released(7, newer))
    const query = { targets: [target], known: [{ ...key('b'), version: 1 }] }
    const followed = followWithCache(hub, query, { cache, environment, retryMs: 100 })

    expect(await followed.next()).toEqual({
      done: false,
      value: { stale: true, changes: [{ type: 'released', release: stored }], oldestSavedAtMs: 0 },
    })
    expect(hub.asked).toBe(0)
    const next = followed.next()
    await until(() => hub.asked === 1)
    hub.state = 'ready'
    await until(() => environment.clock.pending === 1)
    environment.clock.advance(100)
    expect(await next).toMatchObject({ value: { stale: false, revision: 7, changes: [{ release: newer }] } })
    expect(hub.queries).toEqual([
      {
        targets: [target],
        known: [
          { ...key('b'), version: 1 },
          { ...key('a'), version: 3, md5: 'a'.repeat(32) },
        ],
      },
    ])
    expect(await followed.next()).toEqual({ done: true, value: undefined })
    expect((await cache.load(key('a')))?.release).toEqual(newer)
    expect(hub.closed).toBe(true)
    expect(environment.clock.pending).toBe(0)
  })

  test('gives nothing stale when the hub is ready', async () => {
    const { cache, environment } = await build()
    await cache.save([releaseOf('a', 'old')])
    const hub = new FakeHub(released(1, releaseOf('a', 'new', { version: 2 })))
    hub.state = 'ready'
    const batches = []
    for await (const batch of followWithCache(hub, { targets: [target] }, { cache, environment }))
      batches.push(batch)
    expect(batches).toMatchObject([{ stale: false, changes: [{ release: { content: 'new' } }] }])
  })

  test('forgets files that are removed', async () => {
    const { cache, environment } = await build()
    await cache.save([releaseOf('a', 'a'), releaseOf('b', 'b')])
    const hub = new FakeHub({ revision: 2, changes: [{ type: 'removed', key: key('a'), version: 1 }] })
    hub.state = 'ready'
    for await (const { stale } of followWithCache(hub, { targets: [target] }, { cache, environment }))
      expect(stale).toBe(false)
    expect((await cache.loadAll()).releases.map(({ release }) => release.file)).toEqual(['b'])
  })

  test('forgets what went while nobody followed, of its targets only, when the hub is ready at once', async () => {
    const { cache, environment } = await build()
    const elsewhere = releaseOf('a', 'elsewhere', { group: 'h' })
    await cache.save([releaseOf('a', 'a'), releaseOf('b', 'b'), releaseOf('c', 'c'), elsewhere])
    const hub = new FakeHub(released(3, releaseOf('b', 'b')))
    hub.state = 'ready'
    hub.gone = ['a', 'c']
    const client = { labels: { zone: 'a' } }
    const targets = [key('a'), { ...target, prefix: 'b' }]
    const batches = []
    for await (const batch of followWithCache(hub, { targets, client }, { cache, environment }))
      batches.push(batch)
    expect(batches).toMatchObject([{ stale: false, changes: [{ release: { file: 'b' } }] }])
    expect(await keptIn(cache)).toEqual(['g/b', 'g/c', 'h/a'])
    expect(hub.peeked).toHaveLength(2)
    expect(hub.peeked).toEqual(
      expect.arrayContaining([
        { ...key('a'), client },
        { ...key('b'), client },
      ]),
    )
    expect(environment.logger.lines).toEqual([])
  })

  test('keeps what came back, though it was gone when the hub was asked', async () => {
    const { cache, environment } = await build()
    await cache.save([releaseOf('a', 'old')])
    const hub = new FakeHub({ revision: 1, changes: [] }, released(2, releaseOf('a', 'new', { version: 2 })))
    hub.state = 'ready'
    hub.gone = ['a']
    const followed = followWithCache(hub, { targets: [target] }, { cache, environment })
    await followed.next()
    await until(() => hub.peeked.length === 1)
    hub.gone = []
    await followed.next()
    await followed.return(undefined)
    expect((await cache.load(key('a')))?.release.content).toBe('new')
  })

  test('goes on when what went cannot be found out, and says so', async () => {
    const { cache, environment } = await build()
    await cache.save([releaseOf('a', 'a'), releaseOf('b', 'b')])
    const hub = new FakeHub(released(1, releaseOf('b', 'b')))
    hub.state = 'ready'
    hub.peek = () => {
      throw new ConfigError('CONFIG_NOT_READY', 'it has lost its store')
    }
    let batches = 0
    for await (const batch of followWithCache(hub, { targets: [target] }, { cache, environment }))
      batches += batch.changes.length
    expect(batches).toBe(1)
    expect(await keptIn(cache)).toEqual(['g/a', 'g/b'])
    expect(environment.logger.lines).toMatchObject([{ level: 'warn' }])
  })

  test('goes on when the cache fails, and says so', async () => {
    const { cache } = await build()
    await cache.close()
    const environment = createManualEnvironment()
    const hub = new FakeHub(released(1, releaseOf('a', 'a')), released(2, releaseOf('b', 'b')))
    hub.state = 'ready'
    let batches = 0
    for await (const batch of followWithCache(hub, { targets: [target] }, { cache, environment }))
      batches += batch.changes.length
    expect(batches).toBe(2)
    expect(environment.logger.lines).toMatchObject([{ level: 'warn' }, { level: 'warn' }])
  })

  test('whoever leaves has saved what he was given', async () => {
    const { cache, environment } = await build()
    const hub = new FakeHub(released(1, releaseOf('a', 'a')), released(2, releaseOf('b', 'b')))
    hub.state = 'ready'
    for await (const { changes } of followWithCache(hub, { targets: [target] }, { cache, environment }))
      if (changes.length > 0) break
    expect((await cache.loadAll()).releases.map(({ release }) => release.file)).toEqual(['a'])
    expect(hub.closed).toBe(true)
  })

  test('ends with the reason of its signal, also while the hub is not ready', async () => {
    const { cache, environment } = await build()
    const abort = new AbortController()
    const hub = new FakeHub()
    const next = followWithCache(
      hub,
      { targets: [target] },
      { cache, environment, signal: abort.signal },
    ).next()
    await until(() => environment.clock.pending === 1)
    abort.abort(new Error('enough'))
    await expect(next).rejects.toThrow('enough')
    expect(environment.clock.pending).toBe(0)
  })

  test('fails as the hub does when that is not just not ready', async () => {
    const { cache, environment } = await build()
    const hub = new FakeHub()
    hub.watch = () => {
      throw new ConfigError('CONFIG_CLOSED', 'closed')
    }
    const next = followWithCache(hub, { targets: [target] }, { cache, environment }).next()
    await expect(next).rejects.toMatchObject({ code: 'CONFIG_CLOSED' })
  })
})

async function keptIn(cache: LocalCache): Promise<readonly string[]> {
  const { releases } = await cache.loadAll()
  return releases.map(({ release: { group, file } }) => `${group}/${file}`).toSorted()
}

/** Turns of the event loop, until something is so: files are read meanwhile. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}
