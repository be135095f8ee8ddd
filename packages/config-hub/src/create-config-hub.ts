import type { Environment } from '@orrery/environment'
import { systemEnvironment } from '@orrery/environment/system'
import { PrefixFollower } from '@orrery/store'
import { createArchives } from './archive/archives.ts'
import { AuditIds } from './audit/audit-id.ts'
import { AuditSweeper } from './audit/audit-sweeper.ts'
import { createAuditTrail } from './audit/audit-trail.ts'
import type { CallOptions } from './calls.ts'
import type {
  Archives,
  AuditTrail,
  ConfigHub,
  ConfigHubDeps,
  ConfigHubState,
  ConfigHubStats,
  DataKeys,
  Files,
  GrayReleases,
  Groups,
  ReadQuery,
  Releases,
  Templates,
} from './config-hub.ts'
import type {
  ConfigWatch,
  PendingPoll,
  PollListener,
  PollOptions,
  PollResult,
  RunningWatch,
  WatchListener,
  WatchQuery,
} from './watches.ts'
import { ContentChecks } from './content-checks.ts'
import { ConfigError } from './errors.ts'
import { type EncryptingCodec, createContentCodec } from './encryption/content-codec.ts'
import { sealedVersion } from './encryption/ports.ts'
import { GroupWriter } from './groups.ts'
import { liveAreas, releaseKey } from './keys.ts'
import type { Release, ReleaseInfo } from './model.ts'
import { type ConfigHubOptions, type ResolvedConfigHubOptions, resolveOptions } from './options.ts'
import { ContentCache } from './reads/content-cache.ts'
import { listFiles, listGroups } from './reads/lists.ts'
import { Reads } from './reads/reads.ts'
import { createReleases } from './releases.ts'
import { createTemplates } from './templates.ts'
import { ConfigView, type ViewListener } from './view/config-view.ts'
import { WatchHub } from './watch/watch-hub.ts'
import { ConfigWriter } from './writes/config-writer.ts'
import { ContentHistory } from './writes/content-history.ts'
import { DataKeyRewrapper } from './writes/data-key-rewrapper.ts'
import { FileContents } from './writes/file-contents.ts'

/**
 * Creates a configuration centre over a store. It does nothing until it is started; it neither opens nor closes the store.
 *
 * @throws ConfigError `CONFIG_OPTION_INVALID`
 */
export function createConfigHub(deps: ConfigHubDeps, options: ConfigHubOptions = {}): ConfigHub {
  return new StoreConfigHub(deps, resolveOptions(options))
}

class StoreConfigHub implements ConfigHub {
  readonly groups: Groups
  readonly files: Files
  readonly releases: Releases
  readonly gray: GrayReleases
  readonly templates: Templates
  readonly archives: Archives
  readonly audit: AuditTrail
  readonly dataKeys: DataKeys
  readonly #environment: Environment
  readonly #view: ConfigView
  readonly #cache: ContentCache
  readonly #codec: EncryptingCodec
  readonly #checks: ContentChecks
  readonly #follower: PrefixFollower
  readonly #reads: Reads
  readonly #watches: WatchHub
  readonly #writer: ConfigWriter
  readonly #sweeper: AuditSweeper
  #state: ConfigHubState = 'created'
  #closed: Promise<void> | undefined

  constructor(
    { store, environment = systemEnvironment(), keys }: ConfigHubDeps,
    options: ResolvedConfigHubOptions,
  ) {
    const { prefix, contentMaxBytes, validateContents } = options
    const { clock } = environment
    this.#environment = environment
    this.#codec = createContentCodec({ port: keys, clock })
    this.#checks = new ContentChecks(environment.logger)
    const check = validateContents ? this.#checks.check : () => undefined
    this.#view = new ConfigView(prefix, this.#listener())
    this.#cache = new ContentCache(
      {
        clock,
        read: async (path, version) =>
          (await store.get(prefix + releaseKey(path, version), { serializable: true }))?.value,
        open: (path, { head, content, dataKey }) =>
          dataKey === undefined
            ? Promise.resolve(content)
            : this.#codec.open(content, { path, at: sealedVersion(head) }, dataKey),
      },
      options,
    )
    const reached = (revision: number, call: CallOptions): Promise<void> => this.reached(revision, call)
    this.#follower = new PrefixFollower(
      {
        ...{ store, environment, prefix: `${prefix}live/`, areas: liveAreas },
        ...{ owner: 'the configuration hub', closed: closedError },
      },
      this.#view,
    )
    this.#reads = new Reads({ store, prefix, view: this.#view, cache: this.#cache, reached })
    this.#watches = new WatchHub({
      environment,
      view: this.#view,
      cache: this.#cache,
      watchersMax: options.watchersMax,
      current: async () => (await store.range({ key: `${prefix}live/`, countOnly: true })).revision,
      reached: (revision) => this.reached(revision),
    })
    const contents = new FileContents({ store, prefix, codec: this.#codec })
    const ids = new AuditIds(environment.random)
    this.#writer = new ConfigWriter(
      {
        ...{ store, environment, contents, check, ids, reached },
        seen: this.#view,
      },
      options,
    )
    this.#sweeper = new AuditSweeper({ store, environment, prefix }, options.auditMaxAgeMs)
    const history = new ContentHistory({ store, prefix, contents })
    const records = { store, environment, prefix, ids, reached }
    this.groups = this.#createGroups(new GroupWriter(records))
    this.files = this.#createFiles(history)
    this.releases = createReleases({
      ...{ writer: this.#writer, history, contents, codec: this.#codec },
      ensureOpen: this.#ensureOpen,
    })
    this.gray = this.#createGray()
    this.templates = createTemplates({ ...records, contentMaxBytes, ensureOpen: this.#ensureOpen })
    this.archives = createArchives({ files: this.files, releases: this.releases, contentMaxBytes })
    this.audit = createAuditTrail({ store, clock, prefix, ensureOpen: this.#ensureOpen })
    this.dataKeys = this.#createDataKeys(
      new DataKeyRewrapper({ store, prefix, contents, writer: this.#writer, reached }),
    )
  }

  get state(): ConfigHubState {
    return this.#state
  }

  async start({ signal }: CallOptions = {}): Promise<void> {
    if (this.#isClosed()) throw closedError()
    if (this.#state !== 'created')
      throw new ConfigError('CONFIG_NOT_READY', `the hub is ${this.#state} already`)
    this.#state = 'loading'
    try {
      await this.#follower.start(signal)
    } catch (error) {
      // What was read is thrown away with the hub: whoever wants to try again makes another one.
      if (!this.#isClosed()) this.#state = 'failed'
      throw error
    }
    if (this.#isClosed()) throw closedError()
    this.#state = 'ready'
    this.#sweeper.start()
  }

  peek(query: ReadQuery): ReleaseInfo | undefined {
    this.#ensureOpen()
    return this.#reads.peek(query)
  }

  read(query: ReadQuery, options?: CallOptions): Promise<Release | undefined> {
    if (this.#state !== 'ready') return Promise.reject(this.#notReady())
    return this.#reads.read(query, options)
  }

  async readLinearizable(query: ReadQuery, options: CallOptions = {}): Promise<Release | undefined> {
    this.#ensureOpen()
    return await this.#reads.readLinearizable(query, options)
  }

  watch(query: WatchQuery, options: CallOptions = {}): ConfigWatch {
    this.#ensureOpen()
    return this.#watches.watch(query, options)
  }

  startWatch(query: WatchQuery, listener: WatchListener): RunningWatch {
    this.#ensureOpen()
    return this.#watches.startWatch(query, listener)
  }

  poll(query: WatchQuery, options: PollOptions = {}): Promise<PollResult> {
    if (this.#state !== 'ready') return Promise.reject(this.#notReady())
    return this.#watches.poll(query, options)
  }

  startPoll(
    query: WatchQuery,
    listener: PollListener,
    options: Omit<PollOptions, 'signal'> = {},
  ): PendingPoll {
    this.#ensureOpen()
    return this.#watches.startPoll(query, listener, options)
  }

  reached(revision: number, options: CallOptions = {}): Promise<void> {
    return this.#follower.reached(revision, options)
  }

  stats(): ConfigHubStats {
    const { groups, files, released, revision } = this.#view
    const { watchers, polls, delivered, skipped } = this.#watches.counters
    return {
      ...{ groups, files, released, watchers, polls, delivered, skipped },
      cache: this.#cache.stats,
      writes: this.#writer.stats,
      revision,
    }
  }

  close(): Promise<void> {
    if (this.#closed !== undefined) return this.#closed
    // Listeners are told meanwhile, and may come here again.
    let begun: (closed: Promise<void>) => void = () => undefined
    const closed = new Promise<void>((resolve) => (begun = resolve))
    this.#closed = closed
    begun(this.#close())
    return closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    this.#state = 'closed'
    this.#watches.close()
    // Writes wait until they are seen here: first they end, then the follower.
    await this.#checks.close()
    await this.#writer.close()
    await this.#sweeper.close()
    await this.#follower.close()
    this.#cache.close()
    this.#codec.close()
  }

  #createGroups(writer: GroupWriter): Groups {
    const view = this.#view
    const ensureOpen = this.#ensureOpen
    return {
      get: (key) => {
        ensureOpen()
        return view.group(key)?.record
      },
      list: (query) => {
        ensureOpen()
        return listGroups(view, query)
      },
      namespaces: () => {
        ensureOpen()
        return view.namespaces
      },
      create: async (...args) => {
        ensureOpen()
        return await writer.create(...args)
      },
      update: async (...args) => {
        ensureOpen()
        return await writer.update(...args)
      },
      delete: async (...args) => {
        ensureOpen()
        await writer.delete(...args)
      },
    }
  }

  #createFiles(history: ContentHistory): Files {
    const view = this.#view
    const writer = this.#writer
    const ensureOpen = this.#ensureOpen
    return {
      get: (key) => {
        ensureOpen()
        return view.file(key)?.record?.file
      },
      list: (query) => {
        ensureOpen()
        return listFiles(view, query)
      },
      draft: async (...args) => {
        ensureOpen()
        return await history.draft(...args)
      },
      save: async (...args) => {
        ensureOpen()
        return await writer.save(...args)
      },
      discardDraft: async (...args) => {
        ensureOpen()
        return await writer.discardDraft(...args)
      },
      delete: async (...args) => {
        ensureOpen()
        await writer.delete(...args)
      },
    }
  }

  #createGray(): GrayReleases {
    const writer = this.#writer
    const ensureOpen = this.#ensureOpen
    return {
      publish: async (...args) => {
        ensureOpen()
        return await writer.publishGray(...args)
      },
      changeRule: async (...args) => {
        ensureOpen()
        return await writer.changeGrayRule(...args)
      },
      promote: async (...args) => {
        ensureOpen()
        return await writer.promoteGray(...args)
      },
      stop: async (...args) => {
        ensureOpen()
        return await writer.stopGray(...args)
      },
    }
  }

  #createDataKeys(rewrapper: DataKeyRewrapper): DataKeys {
    return {
      rotate: async (...args) => {
        this.#ensureOpen()
        return await this.#writer.rotateDataKey(...args)
      },
      rewrap: async (...args) => {
        this.#ensureOpen()
        return await rewrapper.run(...args)
      },
    }
  }

  #listener(): ViewListener {
    const { logger } = this.#environment
    return {
      changed: (entry) => this.#watches.changed(entry),
      moved: (revision) => this.#watches.moved(revision),
      offered: (line, value) => this.#cache.offer(line, value),
      unreadable: (key, error) => logger.error('something in the store is not of a hub', { key, error }),
      failed: (error) => {
        logger.error('the hub lost its store', { error })
        if (this.#isClosed()) return
        this.#state = 'failed'
        this.#watches.close()
      },
    }
  }

  readonly #ensureOpen = (): void => {
    if (this.#state !== 'ready') throw this.#notReady()
  }

  #isClosed(): boolean {
    return this.#closed !== undefined
  }

  #notReady(): ConfigError {
    if (this.#isClosed()) return closedError()
    return new ConfigError('CONFIG_NOT_READY', `the hub is ${this.#state}`)
  }
}

function closedError(): ConfigError {
  return new ConfigError('CONFIG_CLOSED', 'the hub is closed')
}
