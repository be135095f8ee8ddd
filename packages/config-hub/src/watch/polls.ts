import type { PendingPoll, PollListener, PollResult } from '../watches.ts'
import type { ConfigClient } from '../model.ts'
import type { FileEntry } from '../view/file-entry.ts'
import type { FileInterest } from './file-watch.ts'
import { compare, type Given, lastSeenVersion } from './given.ts'
import { type Change, type CollectLimits, Interest } from './interest.ts'
import type { LaggingWatcher } from './lagging.ts'
import { tellAnswer, tellFailure } from './listeners.ts'
import { PollTimeout } from './poll-timers.ts'
import { changed, polledChange, type SeenLine } from './results.ts'
import type { WatchHost } from './watch-host.ts'
import type { WideInterest } from './wide-watch.ts'
import { join, leave, type Watcher } from './watchers.ts'

/** Of more changes, the rest is told to the next poll. */
const answerLimits: CollectLimits = { maxItems: 10_000, maxBytes: Infinity }

/** How a poll waits. */
export interface PollWait {
  /** Unit: ms. 0: not at all. */
  readonly timeoutMs: number
  /** Everything up to it was told, as its client says. */
  readonly afterRevision: number
}

/** Who waits for changes once, and is told without contents. */
export abstract class Poll extends PollTimeout implements LaggingWatcher, PendingPoll {
  protected readonly host: WatchHost
  isLagging = false
  /** Undefined: it does not wait. */
  #listener: PollListener | undefined = undefined
  /** Everything up to it was told before. 0: nobody knows. */
  #toldRevision = 0

  constructor(host: WatchHost) {
    super()
    this.host = host
    host.counters.polls++
  }

  /** What there is to tell now. */
  protected abstract look(): PollResult | undefined
  /** Takes it out of whatever it is in. */
  protected abstract leave(): void

  /**
   * Waits, once, unless there is something to tell at once.
   *
   * @returns what there is: the poll is over then, and the listener is not told
   */
  begin(listener: PollListener, { timeoutMs, afterRevision }: PollWait): PollResult | undefined {
    this.#toldRevision = afterRevision
    const found = this.isLagging ? undefined : this.look()
    if (found === undefined && timeoutMs > 0) {
      this.#listener = listener
      this.host.timers.start(this, timeoutMs)
      return undefined
    }
    const result = found ?? this.#unchanged()
    this.#end(result)
    return result
  }

  wake(): void {
    if (this.#listener === undefined || this.isLagging) return
    const found = this.look()
    if (found !== undefined) this.#answer(found)
  }

  override expire(): void {
    this.#answer(this.#unchanged())
  }

  fail(error: unknown): void {
    const listener = this.#listener
    if (listener === undefined) return
    this.#end()
    tellFailure(this.host, listener, { of: 'poll', reason: error })
  }

  cancel(): void {
    if (this.#listener !== undefined) this.#end()
  }

  #answer(result: PollResult): void {
    const listener = this.#listener
    if (listener === undefined) return
    this.#end(result)
    tellAnswer(this.host, listener, result)
  }

  /** Of whom it is not known what he lacks, is told no more than that time has passed. */
  #unchanged(): PollResult {
    const { results, view } = this.host
    if (this.isLagging) return { type: 'unchanged', revision: this.#toldRevision }
    return results.unchanged(view.revision)
  }

  /** Whoever is told may ask again at once: all is done before. */
  #end(result?: PollResult): void {
    const { timers, lagging, counters } = this.host
    this.#listener = undefined
    timers.cancel(this)
    lagging.leave(this)
    counters.polls--
    if (result?.type === 'changed') counters.delivered += result.changes.length
    this.leave()
  }
}

/** Who polls for one file. */
export class FilePoll extends Poll implements Watcher {
  place = 0
  readonly #entry: FileEntry
  readonly #client: ConfigClient
  #given: Given

  constructor(host: WatchHost, { entry, client, given }: FileInterest) {
    super(host)
    this.#entry = entry
    this.#client = client
    this.#given = given
    join(entry, this)
  }

  protected override look(): PollResult | undefined {
    const line = this.#entry.lineFor(this.#client)
    const given = this.#given
    if (line === given) return undefined
    const verdict = compare(given, line, this.#entry.latestVersion)
    if (verdict === 'same') this.#given = line
    if (verdict !== 'differs') return undefined
    const version = lastSeenVersion(given, this.#entry)
    return this.host.results.polled(this.#entry, { line, version }, this.host.view.revision)
  }

  protected override leave(): void {
    leave(this.#entry, this)
    this.host.view.releaseFile(this.#entry)
  }
}

/** Who polls for several files, or groups of them. */
export class WidePoll extends Poll {
  readonly #interest: Interest

  constructor(host: WatchHost, { plan, client, known }: WideInterest) {
    super(host)
    this.#interest = new Interest({ host, owner: this, client }, plan, known)
  }

  /** See {@link Interest.isDoubtful}. */
  get isDoubtful(): boolean {
    return this.#interest.isDoubtful
  }

  protected override look(): PollResult | undefined {
    const { changes } = this.#interest.collect(answerLimits)
    const [first] = changes
    if (first === undefined) return undefined
    const { results, view } = this.host
    // Most often, it is the same for all who poll for the group.
    if (changes.length === 1) return results.polled(first.entry, seenOf(first), view.revision)
    const told = changes.map((change) => polledChange(change.entry, seenOf(change)))
    return changed(view.revision, told)
  }

  protected override leave(): void {
    this.#interest.leave()
  }
}

function seenOf({ entry, line, given }: Change): SeenLine {
  return { line, version: lastSeenVersion(given, entry) }
}
