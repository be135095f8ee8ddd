import type { Store } from '@orrery/store'
import type { CallOptions } from '../calls.ts'
import type { ReadQuery } from '../config-hub.ts'
import { ConfigError } from '../errors.ts'
import { filePath } from '../keys.ts'
import type { FileKey, Release, ReleaseInfo } from '../model.ts'
import { toClient } from '../validate/client.ts'
import { checkFileKey } from '../validate/names.ts'
import type { ConfigView } from '../view/config-view.ts'
import type { ReleaseLine } from '../view/release-line.ts'
import { abortable } from '../writes/abortable.ts'
import type { ContentCache } from './content-cache.ts'
import { rejected } from '../watch/rejected.ts'

/** What reads work with. */
export interface ReadsParts {
  readonly store: Pick<Store, 'range'>
  /** Of the hub; ends with a slash. */
  readonly prefix: string
  readonly view: ConfigView
  readonly cache: ContentCache
  /** Resolves when a revision of the store is seen here. */
  readonly reached: (revision: number, options: CallOptions) => Promise<void>
}

const nothing = Promise.resolve(undefined)

/** Answers what somebody sees of a file. Of names that no file can have, nobody sees anything. */
export class Reads {
  readonly #parts: ReadsParts

  constructor(parts: ReadsParts) {
    this.#parts = parts
  }

  /** As `ConfigHub.peek`. @throws ConfigError `CONFIG_INVALID` for the client, where it matters */
  peek(query: ReadQuery): ReleaseInfo | undefined {
    return this.#lineFor(query)?.told
  }

  /** As `ConfigHub.read`. What is in memory is shared: it costs no more than the promise. */
  read(query: ReadQuery, options?: CallOptions): Promise<Release | undefined> {
    if (options?.signal?.aborted === true) return Promise.reject(options.signal.reason as Error)
    try {
      const line = this.#lineFor(query)
      if (line?.info === undefined) return nothing
      const release = this.#parts.cache.get(line)
      return release === undefined ? this.#load(query, line, options) : Promise.resolve(release)
    } catch (error) {
      return rejected(error)
    }
  }

  /** As `ConfigHub.readLinearizable`. @throws what the store throws */
  async readLinearizable(query: ReadQuery, options: CallOptions = {}): Promise<Release | undefined> {
    checkFileKey(query)
    await this.#catchUp(query, options)
    return await this.read(query, options)
  }

  #lineFor(query: ReadQuery): ReleaseLine | undefined {
    const entry = this.#parts.view.file(query)
    // Nearly never is there anything to find out about a client.
    return entry?.gray === undefined ? entry?.full : entry.lineFor(toClient(query.client))
  }

  async #load(query: ReadQuery, line: ReleaseLine, options: CallOptions = {}): Promise<Release | undefined> {
    const { cache } = this.#parts
    const { signal } = options
    const release = await abortable(cache.load(line), signal)
    if (release !== undefined) return release
    // It is too old already: this member is behind.
    await this.#catchUp(query, options)
    const now = this.#lineFor(query)
    if (now?.info === undefined) return undefined
    const newer = cache.get(now) ?? (await abortable(cache.load(now), signal))
    if (newer !== undefined) return newer
    throw new ConfigError('CONFIG_RELEASE_NOT_FOUND', `version ${now.info.version} of ${now.path} is gone`)
  }

  /** What was written of a file before now is seen here. */
  async #catchUp(key: FileKey, { signal }: CallOptions): Promise<void> {
    const { store, prefix, reached } = this.#parts
    const { kvs, revision } = await store.range(
      { key: `${prefix}live/files/${filePath(key)}`, keysOnly: true },
      { signal },
    )
    // Of a file that is not there, nobody knows when it went.
    await reached(kvs[0]?.modRevision ?? revision, { signal })
  }
}
