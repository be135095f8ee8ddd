import type { Environment, Logger } from '@orrery/environment'
import type { CallOptions } from '../calls.ts'
import type {
  ConfigWatch,
  Fingerprint,
  PendingPoll,
  PollListener,
  PollOptions,
  PollResult,
  RunningWatch,
  WatchListener,
  WatchQuery,
} from '../watches.ts'
import { ConfigError } from '../errors.ts'
import type { FileKey } from '../model.ts'
import type { ContentCache } from '../reads/content-cache.ts'
import { type CheckedWatchQuery, checkPollOptions, checkWatchQuery } from '../validate/queries.ts'
import type { ConfigView } from '../view/config-view.ts'
import type { FileEntry } from '../view/file-entry.ts'
import { FanOut, Latecomers } from './fan-out.ts'
import { type FileInterest, FileWatch } from './file-watch.ts'
import { isDoubtful, Known, nothingOf } from './given.ts'
import { Lagging, type LaggingWatcher } from './lagging.ts'
import { Loads } from './loads.ts'
import { planOf } from './plan.ts'
import { EarlyAnswer, PollPromise } from './listeners.ts'
import { PollTimers } from './poll-timers.ts'
import { FilePoll, type PollWait, WidePoll } from './polls.ts'
import { Results } from './results.ts'
import type { WatchCounters, WatchHost } from './watch-host.ts'
import { type WideInterest, WideWatch } from './wide-watch.ts'

/** What a watch hub works with. */
export interface WatchHubParts {
  readonly environment: Environment
  readonly view: ConfigView
  readonly cache: ContentCache
  /** Watchers and polls, all together. */
  readonly watchersMax: number
  /** The revision that the store is at, not older than any write that was acknowledged anywhere before the call. */
  readonly current: () => Promise<number>
  /** Resolves when a revision of the store is in the view, and sees to it that this is soon. */
  readonly reached: (revision: number) => Promise<void>
}

/** Which kinds of watchers, or of polls, there are. */
interface Kind<One, Many> {
  readonly one: new (host: WatchHost, interest: FileInterest) => One
  readonly many: new (host: WatchHost, interest: WideInterest) => Many
}

/**
 * Everybody who waits for changes of what he sees. Whoever comes is entered first, and then looks at what there is, all in one step:
 * nothing falls in between. What changes wakes those who wait; what they are told, they find out themselves.
 *
 * A watcher of one file takes about 300 bytes while it waits, and so does a poll; what is said of its client comes on top. Whoever
 * watches a group takes about 30 bytes more for each file of it; who names several files, about 90 for each.
 */
export class WatchHub implements WatchHost {
  readonly view: ConfigView
  readonly cache: ContentCache
  readonly loads: Loads
  readonly lagging: Lagging
  readonly results = new Results()
  readonly timers: PollTimers
  readonly counters: WatchCounters = { watchers: 0, polls: 0, delivered: 0, skipped: 0 }
  readonly logger: Logger
  readonly #parts: WatchHubParts
  readonly #fanOut: FanOut
  readonly #latecomers = new Latecomers()
  #isClosed = false
  sequence = 0

  constructor(parts: WatchHubParts) {
    const { environment, view, cache, current, reached } = parts
    this.#parts = parts
    this.logger = environment.logger
    this.view = view
    this.cache = cache
    this.#fanOut = new FanOut(environment.clock, () => this.results.clear())
    this.timers = new PollTimers(environment.clock)
    this.loads = new Loads({ environment, cache, fanOut: this.#fanOut })
    this.lagging = new Lagging({
      ...{ environment, fanOut: this.#fanOut },
      ...{ seen: () => view.revision, current, reached },
    })
  }

  /** As `ConfigHub.watch`. @throws ConfigError `CONFIG_INVALID`, `CONFIG_OVERLOADED`, `CONFIG_CLOSED` */
  watch(query: WatchQuery, { signal }: CallOptions = {}): ConfigWatch {
    signal?.throwIfAborted()
    const watch = this.#open(checkWatchQuery(query), { one: FileWatch, many: WideWatch })
    if (signal !== undefined) watch.listen(signal)
    return watch
  }

  /** As `ConfigHub.startWatch`. @throws as {@link WatchHub.watch} */
  startWatch(query: WatchQuery, listener: WatchListener): RunningWatch {
    const watch = this.#open(checkWatchQuery(query), { one: FileWatch, many: WideWatch })
    watch.tellTo(listener)
    this.later(watch)
    return watch
  }

  /** As `ConfigHub.poll`. @throws as {@link WatchHub.watch} */
  poll(query: WatchQuery, options: PollOptions = {}): Promise<PollResult> {
    return new Promise((resolve) => {
      const timeoutMs = checkPollOptions(options)
      const { signal } = options
      signal?.throwIfAborted()
      const { poll, wait } = this.#openPoll(query, timeoutMs)
      const promise = new PollPromise(resolve)
      const result = poll.begin(promise, wait)
      if (result !== undefined) resolve(result)
      else if (signal !== undefined) promise.listen(signal, poll)
    })
  }

  /** As `ConfigHub.startPoll`. @throws as {@link WatchHub.watch} */
  startPoll(
    query: WatchQuery,
    listener: PollListener,
    options: Omit<PollOptions, 'signal'> = {},
  ): PendingPoll {
    const { poll, wait } = this.#openPoll(query, checkPollOptions(options))
    const result = poll.begin(listener, wait)
    return result === undefined ? poll : new EarlyAnswer(this, listener, result)
  }

  later(watcher: { wake(): void }): void {
    this.#latecomers.add(watcher)
    this.#fanOut.add(this.#latecomers)
  }

  /** What is seen of a file has changed. */
  changed(entry: FileEntry): void {
    const { watchers, home } = entry
    if (watchers !== undefined) {
      watchers.restart()
      this.#fanOut.add(watchers)
    }
    if (home.watchers === undefined) return
    home.touch(entry, ++this.sequence)
    home.watchers.restart()
    this.#fanOut.add(home.watchers)
  }

  /** Everything up to a revision is in the view. */
  moved(revision: number): void {
    this.lagging.moved(revision)
  }

  /** Ends all watches and polls: whoever waits gets `CONFIG_CLOSED`. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#fanOut.close()
    this.timers.close()
    this.loads.close()
    this.lagging.close()
    const error = new ConfigError('CONFIG_CLOSED', 'the hub is closed')
    for (const home of [...this.view.groupEntries()]) {
      for (const entry of [...home.files.values()]) {
        for (const watcher of entry.watchers?.list() ?? []) watcher.fail(error)
      }
      for (const watcher of home.watchers?.list() ?? []) watcher.fail(error)
    }
    this.results.clear()
  }

  #openPoll(
    query: WatchQuery,
    timeoutMs: number,
  ): { readonly poll: FilePoll | WidePoll; readonly wait: PollWait } {
    const checked = checkWatchQuery(query)
    const poll = this.#open(checked, { one: FilePoll, many: WidePoll })
    return { poll, wait: { timeoutMs, afterRevision: checked.afterRevision } }
  }

  #open<One extends LaggingWatcher, Many extends LaggingWatcher & { readonly isDoubtful: boolean }>(
    { targets, client, known, afterRevision }: CheckedWatchQuery,
    { one, many }: Kind<One, Many>,
  ): One | Many {
    this.#requirePlace()
    const plan = planOf(targets)
    const [file, another] = plan.files
    let opened: One | Many
    let doubtful: boolean
    if (file !== undefined && another === undefined && plan.groups.length === 0) {
      const entry = this.view.holdFile(file)
      const line = entry.lineFor(client)
      const fingerprint = fingerprintOf(known, file)
      const given = fingerprint === undefined ? nothingOf(line) : new Known(fingerprint, line.nth)
      opened = new one(this, { entry, client, given })
      doubtful = isDoubtful(given, entry, line)
    } else {
      const wide = new many(this, { plan, client, known })
      doubtful = wide.isDoubtful
      opened = wide
    }
    if (afterRevision > this.view.revision) this.lagging.hold(opened, afterRevision)
    else if (doubtful && afterRevision === 0) this.lagging.hold(opened)
    return opened
  }

  #requirePlace(): void {
    if (this.#isClosed) throw new ConfigError('CONFIG_CLOSED', 'the hub is closed')
    const { watchers, polls } = this.counters
    const { watchersMax } = this.#parts
    if (watchers + polls < watchersMax) return
    throw new ConfigError('CONFIG_OVERLOADED', `there are ${watchersMax} watchers already`)
  }
}

function fingerprintOf(
  known: readonly Fingerprint[],
  { namespace, group, file }: FileKey,
): Fingerprint | undefined {
  return known.findLast((one) => one.file === file && one.group === group && one.namespace === namespace)
}
