import { chmod, mkdir, readdir, readFile, rename, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cacheFileName, decodeCacheFile, encodeCacheFile } from '../../src/local-cache/cache-file.ts'
import { createLocalCache } from '../../src/local-cache/local-cache.ts'
import { contentFormats } from '../../src/model.ts'
import { build, newDirectory, releaseOf } from './support.ts'

const key = (file: string) => ({ namespace: 'n', group: 'g', file })
const fileOf = (directory: string, file: string) => join(directory, cacheFileName(key(file)))
const invalid = { code: 'CONFIG_CACHE_INVALID' }

describe('a local cache', () => {
  test('gives what was saved last of each file, in another process as well', async () => {
    const { cache, directory, environment } = await build()
    environment.clock.advance(1_000)
    const release = releaseOf('a', 'first')
    await cache.save([release, releaseOf('b', 'b')])
    environment.clock.advance(500)
    await cache.save([
      releaseOf('a', 'second', { version: 2, origin: 'rollback', from: 1, tags: { a: 'b' } }),
    ])
    const other = createLocalCache({ directory, environment })
    expect(await other.load(key('a'))).toMatchObject({
      savedAtMs: 1_500,
      release: { content: 'second', version: 2, from: 1, tags: { a: 'b' } },
    })
    expect(await other.load(key('b'))).toEqual({ savedAtMs: 1_000, release: releaseOf('b', 'b') })
    expect(await other.load(key('c'))).toBeUndefined()
    await cache.remove([key('a'), key('never there')])
    expect(await other.load(key('a'))).toBeUndefined()
  })

  test('writes down whatever a release may be', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 50 })
    const release = fc.record({
      content: fc.oneof(text, fc.constantFrom('\u{feff}', '\n\n', '\0')),
      name: text,
      comment: text,
      actor: text,
      format: fc.constantFrom(...contentFormats),
      version: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      tags: fc.dictionary(
        fc.constantFrom('a', 'b'),
        fc.string({ minLength: 1, maxLength: 5, unit: 'grapheme' }),
      ),
      encrypted: fc.boolean(),
      from: fc.option(fc.integer({ min: 1 }), { nil: undefined }),
    })
    fc.assert(
      fc.property(fc.constantFrom('a', 'é/x.yaml', 'a b'), release, fc.nat(), (file, changes, savedAtMs) => {
        const cached = { release: releaseOf(file, '', changes), savedAtMs }
        expect(decodeCacheFile(cacheFileName(cached.release), encodeCacheFile(cached))).toEqual(cached)
      }),
    )
  })

  test('does not take a file for whole of which any byte was changed or lost', () => {
    const release = releaseOf('a', 'content')
    const bytes = encodeCacheFile({ release, savedAtMs: 1 })
    const name = cacheFileName(release)
    for (let index = 0; index < bytes.length; index++) {
      const changed = Uint8Array.from(bytes)
      changed[index] = (changed[index] ?? 0) ^ 1
      expect(() => decodeCacheFile(name, changed)).toThrow(expect.objectContaining(invalid) as Error)
      expect(() => decodeCacheFile(name, bytes.subarray(0, index))).toThrow(
        expect.objectContaining(invalid) as Error,
      )
    }
  })

  test('keeps its files from others', async () => {
    const { cache, directory } = await build()
    await cache.save([releaseOf('a', 'a')])
    if (process.platform === 'win32') return
    expect((await stat(fileOf(directory, 'a'))).mode & 0o777).toBe(0o600)
    expect((await stat(directory)).mode & 0o777).toBe(0o700)
  })

  test('leaves nothing behind of what it wrote', async () => {
    const { cache, directory } = await build()
    await Promise.all(Array.from({ length: 20 }, (_, index) => cache.save([releaseOf('a', `${index}`)])))
    expect(await readdir(directory)).toEqual([cacheFileName(key('a'))])
    expect((await cache.load(key('a')))?.release.content).toBe('19')
  })

  test('has short names for long ones, and different ones for different files', async () => {
    const { cache, directory } = await build()
    const names = ['é'.repeat(256), 'a/b', 'a%2Fb', 'A/b', 'con', '..a']
    await cache.save(names.map((name) => releaseOf(name, name)))
    for (const name of names) expect((await cache.load(key(name)))?.release.content).toBe(name)
    expect((await readdir(directory)).every((name) => name.length < 80)).toBe(true)
  })

  test('may be shared by several who write at the same time', async () => {
    const { cache, directory, environment } = await build()
    const other = createLocalCache({ directory, environment })
    const contents = Array.from({ length: 30 }, (_, index) => `${index} `.repeat(10_000))
    const writes = contents.flatMap((content) =>
      [cache, other].map((each) => each.save([releaseOf('a', content)])),
    )
    const reads = contents.map(async () => (await other.load(key('a')))?.release.content)
    for (const content of await Promise.all(reads))
      if (content !== undefined) expect(contents).toContain(content)
    await Promise.all(writes)
    expect((await cache.load(key('a')))?.release.content).toBe(contents.at(-1))
  })

  test('does not give what is too old, or comes from the future', async () => {
    const { cache, environment } = await build({ maxAgeMs: 1_000 })
    environment.clock.advance(10_000)
    await cache.save([releaseOf('a', 'a')])
    environment.clock.advance(1_000)
    expect(await cache.load(key('a'))).toBeDefined()
    environment.clock.advance(1)
    await expect(cache.load(key('a'))).rejects.toMatchObject(invalid)
    expect(await cache.loadAll()).toMatchObject({ releases: [], ignored: [{ error: invalid }] })
    environment.clock.shiftWall(-5_000)
    await expect(cache.load(key('a'))).rejects.toMatchObject(invalid)
  })

  test('gives all of some targets, and tells what it ignored', async () => {
    const { cache, directory } = await build()
    await cache.save(['a', 'b/1', 'b/2', 'damaged', 'moved'].map((file) => releaseOf(file, file)))
    await cache.save([releaseOf('a', 'another group', { group: 'h' })])
    await writeFile(fileOf(directory, 'damaged'), 'orrery-config-cache 1 ')
    await rename(fileOf(directory, 'moved'), fileOf(directory, 'elsewhere'))
    await mkdir(fileOf(directory, 'folder'))
    await symlink('/etc/hostname', fileOf(directory, 'link'))
    await writeFile(join(directory, 'notes.txt'), 'not mine')
    const all = await cache.loadAll()
    expect(all.releases.map(({ release }) => release.content).toSorted()).toEqual([
      'a',
      'another group',
      'b/1',
      'b/2',
    ])
    expect(all.ignored.map(({ name }) => name)).toEqual(
      ['damaged', 'elsewhere', 'folder', 'link'].map((file) => cacheFileName(key(file))).toSorted(),
    )
    expect(all.ignored.every(({ error }) => 'code' in error && error.code === 'CONFIG_CACHE_INVALID')).toBe(
      true,
    )
    const some = await cache.loadAll([{ namespace: 'n', group: 'g', prefix: 'b/' }, key('a')])
    expect(some.releases.map(({ release }) => release.content).toSorted()).toEqual(['a', 'b/1', 'b/2'])
    expect(await cache.loadAll([key('a'), key('a'), key('c')])).toMatchObject({
      releases: [{ release: { content: 'a' } }],
      ignored: [],
    })
    expect(await cache.loadAll([])).toEqual({ releases: [], ignored: [] })
  })

  test('in a directory that is not there has nothing', async () => {
    const { cache } = await build()
    expect(await cache.loadAll()).toEqual({ releases: [], ignored: [] })
    expect(await cache.load(key('a'))).toBeUndefined()
  })

  test('does not keep encrypted releases, nor what was there before one', async () => {
    const { cache } = await build()
    await cache.save([releaseOf('a', 'plain')])
    await cache.save([releaseOf('a', 'secret', { version: 2, encrypted: true })])
    expect(await cache.load(key('a'))).toBeUndefined()
  })

  test('keeps encrypted releases plainly when it is told to', async () => {
    const { cache, directory } = await build({ encrypted: 'plain' })
    await cache.save([releaseOf('a', 'secret', { encrypted: true })])
    expect((await cache.load(key('a')))?.release).toMatchObject({ content: 'secret', encrypted: true })
    expect(await readFile(fileOf(directory, 'a'), 'utf8')).toContain('secret')
  })

  test('removes what was saved longest ago when there is too much', async () => {
    const { cache, directory } = await build({ maxBytes: 3_500 })
    const content = 'x'.repeat(600)
    for (const [index, file] of ['a', 'b', 'c'].entries()) {
      await cache.save([releaseOf(file, content)])
      await utimes(fileOf(directory, file), index, index)
    }
    await cache.save([releaseOf('d', content)])
    await cache.save([releaseOf('e', content)])
    const left = (await cache.loadAll()).releases.map(({ release }) => release.file)
    expect(left).not.toContain('a')
    expect(left).toEqual(expect.arrayContaining(['d', 'e']))
    const files = await readdir(directory)
    const sizes = await Promise.all(files.map(async (name) => (await stat(join(directory, name))).size))
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(3_500)
  })

  test('removes what was left behind by a process that ended while it wrote, when it is old', async () => {
    const { cache, directory, environment } = await build()
    environment.clock.shiftWall(1_700_000_000_000)
    await mkdir(directory, { recursive: true })
    const leftover = (age: string) => join(directory, `${cacheFileName(key('a'))}.1-${age}.tmp`)
    await writeFile(leftover('old'), 'half')
    await writeFile(leftover('new'), 'half')
    const nowS = environment.clock.wallMs() / 1_000
    await utimes(leftover('old'), nowS - 3_601, nowS - 3_601)
    await utimes(leftover('new'), nowS - 10, nowS - 10)
    await cache.save([releaseOf('b', 'b')])
    expect((await readdir(directory)).filter((name) => name.endsWith('.tmp'))).toEqual([
      `${cacheFileName(key('a'))}.1-new.tmp`,
    ])
  })

  test('tells what the file system says, and goes on afterwards', async () => {
    const directory = join(await newDirectory(), 'file')
    await writeFile(directory, '')
    const { cache } = await build({ directory })
    await expect(cache.save([releaseOf('a', 'a')])).rejects.toMatchObject({ code: 'EEXIST' })
    await expect(cache.save([releaseOf('a', 'a')])).rejects.toMatchObject({ code: 'EEXIST' })
    await chmod(directory, 0o600)
  })

  test('refuses more calls than may wait, and all after it was closed', async () => {
    const { cache } = await build({ queueMaxItems: 2 })
    const saves = ['a', 'b', 'c'].map((file) => cache.save([releaseOf(file, file)]))
    await expect(saves[2]).rejects.toMatchObject({ code: 'CONFIG_OVERLOADED' })
    await cache.close()
    await cache.close()
    await expect(saves[1]).resolves.toBeUndefined()
    await expect(cache.save([])).rejects.toMatchObject({ code: 'CONFIG_CLOSED' })
    expect((await cache.load(key('b')))?.release.content).toBe('b')
  })

  test.each([
    { directory: '' },
    { maxAgeMs: 0 },
    { maxAgeMs: Number.NaN },
    { maxBytes: 0 },
    { queueMaxItems: 0 },
    { queueMaxItems: 1.5 },
  ])('refuses the options %o', (options) => {
    expect(() => createLocalCache({ directory: 'x', ...options })).toThrow(
      expect.objectContaining({ code: 'CONFIG_OPTION_INVALID' }) as Error,
    )
  })
})
