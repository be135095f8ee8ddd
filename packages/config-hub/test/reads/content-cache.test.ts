import { createManualClock, type ManualClock } from '@orrery/environment/testing'
import { describe, expect, test } from 'vitest'
import { decodeContent, encodeContent, type StoredContent } from '../../src/codec.ts'
import { ConfigError } from '../../src/errors.ts'
import { filePath } from '../../src/keys.ts'
import type { FileKey, ReleaseInfo } from '../../src/model.ts'
import { ContentCache } from '../../src/reads/content-cache.ts'
import { ReleaseLine } from '../../src/view/release-line.ts'
import { Feeder, unsealed } from '../view/fed-view.ts'

const key: FileKey = { namespace: 'default', group: 'shop', file: 'app.yaml' }
const path = filePath(key)

interface Setup {
  readonly cache: ContentCache
  readonly feeder: Feeder
  readonly clock: ManualClock
  readonly reads: number[]
  readonly opened: number[]
  /** What everybody sees of a file. */
  line(name?: FileKey): ReleaseLine
  hasKeys: boolean
  /** Which contents the keys open. */
  opens: (stored: StoredContent<ReleaseInfo>) => boolean
  /** Data keys in the store are wrapped with another key than when contents came along. */
  rewrapped: boolean
}

function setUp(cacheMaxBytes = 1_000_000): Setup {
  const feeder = new Feeder()
  const clock = createManualClock()
  const reads: number[] = []
  const opened: number[] = []
  const cache = new ContentCache(
    {
      clock,
      read: (at, version) => {
        reads.push(version)
        const value = feeder.read(at, version)
        return Promise.resolve(setup.rewrapped && value !== undefined ? wrappedAnew(value) : value)
      },
      open: (_, stored) => {
        opened.push(stored.head.version)
        if (!setup.hasKeys) return Promise.reject(new ConfigError('CONFIG_KEYS_MISSING', 'there are no keys'))
        if (setup.opens(stored)) return Promise.resolve(unsealed(stored))
        return Promise.reject(new ConfigError('CONFIG_DECRYPTION_FAILED', 'it is another key'))
      },
    },
    { cacheMaxBytes, cacheMaxIdleMs: 1_000 },
  )
  const setup: Setup = {
    ...{ cache, feeder, clock, reads, opened, hasKeys: true },
    ...{ opens: () => true, rewrapped: false },
    line: (name = key) => {
      return new ReleaseLine(filePath(name), feeder.file(name)?.release, { revision: 1, nth: 1 })
    },
  }
  return setup
}

function wrappedAnew(value: Uint8Array): Uint8Array {
  const stored = decodeContent<ReleaseInfo>(value)
  return encodeContent({ ...stored, dataKey: { keyId: 'k2', bytes: new Uint8Array(1) } })
}

function offer({ cache, feeder }: Setup, line: ReleaseLine): void {
  cache.offer(line, feeder.read(line.path, line.info?.version ?? 0) ?? new Uint8Array())
}

describe('a content cache', () => {
  test('reads a content once, and gives everybody the same frozen object', async () => {
    const setup = setUp()
    const { cache, feeder, reads } = setup
    feeder.publish(key, { content: '\ufeffgrün' })
    const line = setup.line()
    expect(cache.get(line)).toBeUndefined()
    const [one, two] = await Promise.all([cache.load(line), cache.load(setup.line())])
    expect(one).toBe(two)
    expect(one).toMatchObject({ ...key, version: 1, content: '\ufeffgrün', encrypted: false })
    expect(Object.isFrozen(one)).toBe(true)
    expect(cache.get(line)).toBe(one)
    expect(cache.get(setup.line())).toBe(one)
    expect(await cache.version(path, 1)).toBe(one)
    expect(reads).toEqual([1])
    expect(cache.stats).toEqual({ entries: 1, bytes: 512 + 10, hits: 3, misses: 2 })
    expect(await cache.load(new ReleaseLine(path, undefined, { revision: 1, nth: 1 }))).toBeUndefined()
    expect(await cache.version(path, 2)).toBeUndefined()
  })

  test('keeps what is offered: plain contents at once, encrypted ones opened when they are asked for', async () => {
    const setup = setUp()
    const { cache, feeder, reads, opened } = setup
    feeder.publish(key, { content: 'plain' })
    const plain = setup.line()
    offer(setup, plain)
    expect(cache.get(plain)?.content).toBe('plain')
    feeder.publish(key, { content: 'secret', encrypted: true })
    const sealed = setup.line()
    offer(setup, sealed)
    expect(cache.get(sealed)).toBeUndefined()
    expect(opened).toEqual([])
    const [one, two] = await Promise.all([cache.load(sealed), cache.load(sealed)])
    expect(one?.content).toBe('secret')
    expect(two).toBe(one)
    expect(cache.get(sealed)).toBe(one)
    expect([reads, opened]).toEqual([[], [2]])
  })

  test('says of a promoted release how it came to be, and of the gray one as well', async () => {
    const setup = setUp()
    const { cache, feeder, reads } = setup
    feeder.grayPublish(key, { content: 'gray', rule: { percent: 10 } })
    const gray = await cache.version(path, 1)
    feeder.promote(key)
    const promoted = cache.get(setup.line())
    expect(promoted).toMatchObject({ origin: 'promote', content: 'gray', version: 1 })
    expect(gray).toMatchObject({ origin: 'gray', content: 'gray' })
    expect(gray).not.toHaveProperty('rule')
    expect(await cache.version(path, 1)).toBe(gray)
    expect(cache.get(setup.line())).toBe(promoted)
    expect(reads).toEqual([1])
  })

  test('does not keep failures', async () => {
    const setup = setUp()
    const { cache, feeder } = setup
    feeder.publish(key, { content: 'secret', encrypted: true })
    const line = setup.line()
    offer(setup, line)
    setup.hasKeys = false
    await expect(cache.load(line)).rejects.toMatchObject({ code: 'CONFIG_KEYS_MISSING' })
    setup.hasKeys = true
    expect((await cache.load(line))?.content).toBe('secret')
  })

  test('reads a content anew that does not open as it came along: its data key may be wrapped anew', async () => {
    const setup = setUp()
    const { cache, feeder, reads, opened } = setup
    feeder.publish(key, { content: 'secret', encrypted: true })
    const line = setup.line()
    offer(setup, line)
    setup.opens = ({ dataKey }) => dataKey?.keyId === 'k2'
    await expect(cache.load(line)).rejects.toMatchObject({ code: 'CONFIG_DECRYPTION_FAILED' })
    expect([reads, opened]).toEqual([[1], [1, 1]])
    // What did not open is not kept either.
    expect(cache.stats).toMatchObject({ entries: 0, bytes: 0 })
    offer(setup, line)
    setup.rewrapped = true
    const [one, two] = await Promise.all([cache.load(line), cache.load(setup.line())])
    expect(one?.content).toBe('secret')
    expect(two).toBe(one)
    expect([reads, opened]).toEqual([
      [1, 1],
      [1, 1, 1, 1],
    ])
    expect(cache.get(line)).toBe(one)
    expect(cache.stats).toMatchObject({ entries: 1, bytes: 512 + 6 })
  })

  test('counts what does not open once, though it leaves the memory meanwhile', async () => {
    const setup = setUp()
    const { cache, feeder } = setup
    feeder.publish(key, { content: 'secret', encrypted: true })
    const line = setup.line()
    offer(setup, line)
    setup.opens = () => {
      cache.offer(line, feeder.read(path, 1) ?? new Uint8Array())
      return false
    }
    await expect(cache.load(line)).rejects.toMatchObject({ code: 'CONFIG_DECRYPTION_FAILED' })
    // The one that has come meanwhile.
    expect(cache.stats).toMatchObject({ entries: 1, bytes: 512 + 6 })
  })

  test('holds no more than it may, and lets those go first that nobody reads', () => {
    const setup = setUp(10_000)
    const { cache, feeder } = setup
    const lines = Array.from({ length: 30 }, (_, nth) => {
      const name = { ...key, file: `f${nth}` }
      feeder.publish(name, { content: 'x'.repeat(488) })
      return setup.line(name)
    })
    const [hot] = lines
    for (const line of lines) {
      offer(setup, line)
      expect(cache.stats.bytes).toBeLessThanOrEqual(10_000)
      if (hot !== undefined) expect(cache.get(hot)?.file).toBe('f0')
    }
    expect(cache.stats).toMatchObject({ entries: 10, bytes: 10_000 })
    const kept = lines.filter((line) => cache.get(line) !== undefined)
    expect(kept).toHaveLength(10)
    // What is larger than all of it takes nobody's place.
    feeder.publish(key, { content: 'x'.repeat(10_000) })
    offer(setup, setup.line())
    expect(cache.get(setup.line())).toBeUndefined()
    expect(cache.stats.entries).toBe(10)
    // Characters above U+00FF make a string take twice as much.
    feeder.publish(key, { content: `${'x'.repeat(4_999)}€` })
    offer(setup, setup.line())
    expect(cache.stats.bytes).toBeLessThanOrEqual(10_000)
    expect(cache.get(setup.line())).toBeUndefined()
  })

  test('lets go what nobody has read for long', () => {
    const setup = setUp()
    const { cache, feeder, clock } = setup
    const lines = ['a', 'b'].map((file) => {
      feeder.publish({ ...key, file }, { content: file })
      const line = setup.line({ ...key, file })
      offer(setup, line)
      return line
    })
    const [read, unread] = lines
    for (let passed = 0; passed < 3_000; passed += 200) {
      clock.advance(200)
      if (read !== undefined) expect(cache.get(read)?.content).toBe('a')
    }
    expect(unread && cache.get(unread)).toBeUndefined()
    expect(cache.stats.entries).toBe(1)
    clock.advance(3_000)
    expect(cache.stats).toMatchObject({ entries: 0, bytes: 0 })
    expect(clock.pending).toBe(0)
  })

  test('keeps nothing after it is closed', async () => {
    const setup = setUp()
    const { cache, feeder, clock } = setup
    feeder.publish(key, { content: 'one' })
    const line = setup.line()
    offer(setup, line)
    cache.close()
    expect(cache.stats).toMatchObject({ entries: 0, bytes: 0 })
    expect((await cache.load(line))?.content).toBe('one')
    offer(setup, line)
    expect(cache.stats.entries).toBe(0)
    expect(clock.pending).toBe(0)
  })
})
