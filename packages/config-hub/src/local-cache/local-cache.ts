import type { Environment } from '@orrery/environment'
import { systemEnvironment } from '@orrery/environment/system'
import type { WatchTarget } from '../watches.ts'
import { ConfigError } from '../errors.ts'
import type { FileKey, Release } from '../model.ts'
import { CacheDirectory } from './cache-directory.ts'
import { type CachedRelease, cacheFileName, decodeCacheFile, encodeCacheFile, invalid } from './cache-file.ts'
import { isTargeted } from './targets.ts'

/** Where a local cache is, and what it keeps. */
export interface LocalCacheOptions {
  /**
   * Created where it is not there. Several processes may share it if they see the same: of each file there is one release in it,
   * whoever saved it last.
   */
  readonly directory: string
  /**
   * Releases that were saved longer ago are not given any more. By the time of day, because it has to last longer than the process.
   * Unit: ms; `Infinity`: never. @defaultValue `604_800_000` (7 days)
   */
  readonly maxAgeMs?: number | undefined
  /**
   * All files together; with more, those that were saved longest ago are removed. Others who share the directory may exceed it for a
   * while. Unit: bytes. @defaultValue `268_435_456`
   */
  readonly maxBytes?: number | undefined
  /** Calls that wait; more are refused with `CONFIG_OVERLOADED`. @defaultValue `1_024` */
  readonly queueMaxItems?: number | undefined
  /**
   * What becomes of encrypted releases: they are not kept, or their contents stand on the disk plainly, in files that only this user
   * may read. @defaultValue `skip`
   */
  readonly encrypted?: 'skip' | 'plain' | undefined
  /** @defaultValue Node's clock, no log */
  readonly environment?: Environment | undefined
}

/** What a local cache uses when its options do not say otherwise. */
export const localCacheDefaults = {
  maxAgeMs: 604_800_000,
  maxBytes: 268_435_456,
  queueMaxItems: 1_024,
  encrypted: 'skip',
} as const satisfies ResolvedOptions

type ResolvedOptions = {
  readonly [Name in Exclude<keyof LocalCacheOptions, 'directory' | 'environment'>]-?: Exclude<
    LocalCacheOptions[Name],
    undefined
  >
}

/** A cache file that {@link LocalCache.loadAll} ignored. */
export interface IgnoredCacheFile {
  /** In the directory of the cache. */
  readonly name: string
  readonly error: Error
}

/** What was seen last, on the disk of who saw it: it can start from that while no member of the cluster is in reach. */
export interface LocalCache extends AsyncDisposable {
  /**
   * Keeps releases, each instead of the one before of its file. They are durable when this resolves.
   *
   * @throws ConfigError `CONFIG_OVERLOADED`, `CONFIG_CLOSED`; what the file system throws
   */
  save(releases: readonly Release[]): Promise<void>
  /** Forgets files. @throws as {@link LocalCache.save} */
  remove(keys: readonly FileKey[]): Promise<void>
  /**
   * What was kept of a file. Undefined: nothing.
   *
   * @throws ConfigError `CONFIG_CACHE_INVALID` when it is damaged or too old; what the file system throws
   */
  load(key: FileKey): Promise<CachedRelease | undefined>
  /**
   * What was kept of these targets; without them, everything. What is damaged, too old or no cache file is ignored, and told.
   *
   * @throws what the file system throws when it does not let the directory be read
   */
  loadAll(targets?: readonly WatchTarget[]): Promise<{
    readonly releases: readonly CachedRelease[]
    readonly ignored: readonly IgnoredCacheFile[]
  }>
  /** Finishes what was begun. Safe to call twice. */
  close(): Promise<void>
}

/**
 * Creates a cache of releases in a directory of this machine.
 *
 * @throws ConfigError `CONFIG_OPTION_INVALID`
 */
export function createLocalCache(options: LocalCacheOptions): LocalCache {
  return new DirectoryCache(options)
}

/** What is left of a write that has not been finished for so long never will be. Unit: ms. */
const leftoverAgeMs = 3_600_000

class DirectoryCache implements LocalCache {
  readonly #options: ResolvedOptions
  readonly #environment: Environment
  readonly #directory: CacheDirectory
  /** Writes, one after the other: of two of one file, the later one stays. */
  #tail: Promise<void> = Promise.resolve()
  #queued = 0
  /** Of the directory when it was last looked at, and of what was written since. Undefined: not yet looked at. */
  #knownBytes: number | undefined
  #closed = false

  constructor(options: LocalCacheOptions) {
    this.#options = resolve(options)
    this.#environment = options.environment ?? systemEnvironment()
    this.#directory = new CacheDirectory(options.directory)
  }

  save(releases: readonly Release[]): Promise<void> {
    const savedAtMs = Math.max(0, Math.floor(this.#environment.clock.wallMs()))
    return this.#enqueue(async () => {
      for (const release of releases) {
        const name = cacheFileName(release)
        if (release.encrypted && this.#options.encrypted === 'skip') {
          await this.#directory.remove(name) // what was there is not what is seen now
          continue
        }
        const bytes = encodeCacheFile({ release, savedAtMs })
        await this.#directory.write(name, bytes)
        if (this.#knownBytes !== undefined) this.#knownBytes += bytes.length
      }
      await this.#directory.sync()
      await this.#trim()
    })
  }

  remove(keys: readonly FileKey[]): Promise<void> {
    return this.#enqueue(async () => {
      for (const key of keys) await this.#directory.remove(cacheFileName(key))
      await this.#directory.sync()
    })
  }

  load(key: FileKey): Promise<CachedRelease | undefined> {
    return this.#read(cacheFileName(key))
  }

  async loadAll(
    targets?: readonly WatchTarget[],
  ): Promise<{ readonly releases: readonly CachedRelease[]; readonly ignored: readonly IgnoredCacheFile[] }> {
    const releases: CachedRelease[] = []
    const ignored: IgnoredCacheFile[] = []
    for (const name of await this.#namesFor(targets)) {
      try {
        const cached = await this.#read(name)
        if (cached !== undefined && isTargeted(cached.release, targets)) releases.push(cached)
      } catch (error) {
        if (!(error instanceof Error && 'code' in error)) throw error
        ignored.push({ name, error })
      }
    }
    return { releases, ignored }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#tail
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #read(name: string): Promise<CachedRelease | undefined> {
    const bytes = await this.#directory.read(name)
    if (bytes === undefined) return undefined
    const cached = decodeCacheFile(name, bytes)
    // In either direction: what comes from the future was saved by a clock that nobody can go by.
    const ageMs = Math.abs(this.#environment.clock.wallMs() - cached.savedAtMs)
    if (ageMs > this.#options.maxAgeMs) invalid(name, `is ${Math.floor(ageMs)} ms old`)
    return cached
  }

  /** When all targets are files, nothing else is read. */
  async #namesFor(targets: readonly WatchTarget[] | undefined): Promise<readonly string[]> {
    const names = new Set<string>()
    for (const { namespace, group, file } of targets ?? []) {
      if (file === undefined) return this.#allNames()
      names.add(cacheFileName({ namespace, group, file }))
    }
    return targets === undefined ? this.#allNames() : [...names]
  }

  async #allNames(): Promise<readonly string[]> {
    const { files } = await this.#directory.list()
    return files.map(({ name }) => name)
  }

  #enqueue(write: () => Promise<void>): Promise<void> {
    if (this.#closed) return Promise.reject(new ConfigError('CONFIG_CLOSED', 'the local cache is closed'))
    const { queueMaxItems } = this.#options
    if (this.#queued >= queueMaxItems) {
      const reason = `${queueMaxItems} calls of the local cache wait already`
      return Promise.reject(new ConfigError('CONFIG_OVERLOADED', reason))
    }
    this.#queued++
    const written = this.#tail
      .then(() => this.#directory.create())
      .then(write)
      .finally(() => this.#queued--)
    this.#tail = written.catch(() => undefined) // whoever called is told
    return written
  }

  /** Looks at the directory when it may hold too much, and first of all once. */
  async #trim(): Promise<void> {
    const { maxBytes } = this.#options
    if (this.#knownBytes !== undefined && this.#knownBytes <= maxBytes) return
    const { files, leftovers } = await this.#directory.list()
    const nowMs = this.#environment.clock.wallMs()
    for (const { name, changedAtMs } of leftovers) {
      if (nowMs - changedAtMs > leftoverAgeMs) await this.#directory.remove(name)
    }
    let bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    for (const { name, sizeBytes } of files.toSorted((one, other) => one.changedAtMs - other.changedAtMs)) {
      if (bytes <= maxBytes) break
      await this.#directory.remove(name)
      bytes -= sizeBytes
    }
    this.#knownBytes = bytes
  }
}

function resolve(given: LocalCacheOptions): ResolvedOptions {
  const { maxAgeMs, maxBytes, queueMaxItems, encrypted } = localCacheDefaults
  const options = {
    maxAgeMs: given.maxAgeMs ?? maxAgeMs,
    maxBytes: given.maxBytes ?? maxBytes,
    queueMaxItems: given.queueMaxItems ?? queueMaxItems,
    encrypted: given.encrypted ?? encrypted,
  }
  const refuse = (reason: string): never => {
    throw new ConfigError('CONFIG_OPTION_INVALID', reason)
  }
  if (given.directory === '') refuse('directory must not be empty')
  if (!(options.maxAgeMs > 0)) refuse(`maxAgeMs is above 0, got ${options.maxAgeMs}`)
  if (!(options.maxBytes > 0)) refuse(`maxBytes is above 0, got ${options.maxBytes}`)
  if (!(Number.isSafeInteger(options.queueMaxItems) && options.queueMaxItems > 0)) {
    refuse(`queueMaxItems is an integer from 1 on, got ${options.queueMaxItems}`)
  }
  if (!['skip', 'plain'].includes(options.encrypted)) refuse('encrypted is skip or plain')
  return options
}
