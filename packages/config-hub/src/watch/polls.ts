import type { PollResult } from '../config-hub.ts'
import type { ConfigClient } from '../model.ts'
import type { FileEntry } from '../view/file-entry.ts'
import type { FileInterest } from './file-watch.ts'
import { compare, type Given, versionOf } from './given.ts'
import { type Change, type CollectLimits, Interest } from './interest.ts'
import type { LaggingWatcher } from './lagging.ts'
import { PollTimeout } from './poll-timers.ts'
import { changed, polledChange, type SeenLine } from './results.ts'
import type { WatchHost } from './watch-host.ts'
import type { WideInterest } from './wide-watch.ts'
import { join, leave, type Watcher } from './watchers.ts'
import { rejected } from './rejected.ts'

/** Of more changes, the rest is told to the next poll. */
const answerLimits: CollectLimits = { maxItems: 10_000, maxBytes: Infinity }

/** Who waits for changes once, and is told without contents. */
export abstract class Poll extends PollTimeout implements LaggingWatcher {
  protected readonly host: WatchHost
  isLagging = false
  /** Undefined: it is answered. Who is to be failed is given a promise that fails. */
  #resolve: ((result: PollResult | Promise<never>) => void) | undefined = undefined
  #detach: (() => void) | undefined = undefined

  constructor(host: WatchHost) {
    super()
    this.host = host
    host.counters.polls++
  }

  abstract wake(): void
  /** Takes it out of whatever it is in. */
  protected abstract leave(): void

  /** Waits, once. Answers at once what there is. */
  answer(timeoutMs: number, signal: AbortSignal | undefined): Promise<PollResult> {
    return new Promise((resolve) => {
      this.#resolve = resolve
      this.wake()
      if (!this.mayTell() && !this.isLagging) return
      if (timeoutMs === 0) this.expire()
      else {
        this.host.timers.start(this, timeoutMs)
        if (signal !== undefined) this.#listen(signal)
      }
    })
  }

  override expire(): void {
    this.#end(this.host.results.unchanged(this.host.view.revision))
  }

  fail(error: unknown): void {
    if (this.#resolve !== undefined) this.#end(rejected(error))
  }

  /** It waits, and may be told something. */
  protected mayTell(): boolean {
    return this.#resolve !== undefined && !this.isLagging
  }

  protected tell(result: PollResult): void {
    if (result.type === 'changed') this.host.counters.delivered += result.changes.length
    this.#end(result)
  }

  #end(result: PollResult | Promise<never>): void {
    const resolve = this.#resolve
    if (resolve === undefined) return
    this.#resolve = undefined
    this.#detach?.()
    this.host.timers.cancel(this)
    this.host.lagging.leave(this)
    this.host.counters.polls--
    this.leave()
    resolve(result)
  }

  #listen(signal: AbortSignal): void {
    const abort = (): void => this.fail(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    this.#detach = () => signal.removeEventListener('abort', abort)
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

  override wake(): void {
    if (!this.mayTell()) return
    const line = this.#entry.lineFor(this.#client)
    const given = this.#given
    if (line === given) return
    const { latestVersion } = this.#entry
    const verdict = compare(given, line, latestVersion)
    if (verdict === 'same') this.#given = line
    if (verdict !== 'differs') return
    const version = versionOf(given) || latestVersion
    this.tell(this.host.results.polled(this.#entry, { line, version }, this.host.view.revision))
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

  override wake(): void {
    if (!this.mayTell()) return
    const { changes } = this.#interest.collect(answerLimits)
    const [first] = changes
    if (first === undefined) return
    const { results, view } = this.host
    // Most often, it is the same for all who poll for the group.
    if (changes.length === 1) this.tell(results.polled(first.entry, seenOf(first), view.revision))
    else
      this.tell(
        changed(
          view.revision,
          changes.map((change) => polledChange(change.entry, seenOf(change))),
        ),
      )
  }

  protected override leave(): void {
    this.#interest.leave()
  }
}

function seenOf({ entry, line, given }: Change): SeenLine {
  return { line, version: versionOf(given) || entry.latestVersion }
}
