import type { ConfigClient, Release } from '../model.ts'
import type { FileEntry } from '../view/file-entry.ts'
import type { ReleaseLine } from '../view/release-line.ts'
import { BaseWatch } from './base-watch.ts'
import { compare, type Given, isLater, lastSeenVersion, skippedBetween } from './given.ts'
import type { BatchResult } from './results.ts'
import type { WatchHost } from './watch-host.ts'
import { join, leave, type Watcher } from './watchers.ts'

/** A file that somebody watches alone, and what he has of it. */
export interface FileInterest {
  /** Held for it. */
  readonly entry: FileEntry
  /** As `toClient` gives it. */
  readonly client: ConfigClient
  readonly given: Given
}

/** Who watches one file. There are many of them: what he has is one reference. */
export class FileWatch extends BaseWatch implements Watcher {
  place = 0
  readonly #entry: FileEntry
  readonly #client: ConfigClient
  #given: Given
  /** Whose content is being loaded for it. */
  #wanted: ReleaseLine | undefined = undefined

  constructor(host: WatchHost, { entry, client, given }: FileInterest) {
    super(host)
    this.#entry = entry
    this.#client = client
    this.#given = given
    join(entry, this)
  }

  wake(): void {
    if (!this.mayTell()) return
    const line = this.#entry.lineFor(this.#client)
    if (line !== this.#given) this.#look(line)
  }

  /** What was loaded may not be the newest any more. If the newest is not there, it is given all the same: changes may go on for ever. */
  loaded(line: ReleaseLine, release: Release): void {
    this.#wanted = undefined
    if (!this.mayTell()) return
    const { results, view } = this.host
    const newest = this.#entry.lineFor(this.#client)
    if (newest !== line) this.wake()
    if (!this.mayTell() || this.#verdict(line) !== 'differs') return
    if (newest === line) this.#tell(line, results.released(line, release, view.revision))
    else if (newest !== this.#given && isLater(line, this.#given)) {
      this.#tell(line, results.released(line, release, line.revision))
    }
  }

  retry(): void {
    this.#wanted = undefined
    this.wake()
  }

  /** It ends, unless something newer has come. */
  unreadable(line: ReleaseLine, error: unknown): void {
    if (this.#entry.lineFor(this.#client) === line) this.fail(error)
    else this.retry()
  }

  protected override leave(): void {
    if (this.#wanted !== undefined) this.host.loads.leave(this.#wanted, this)
    leave(this.#entry, this)
    this.host.view.releaseFile(this.#entry)
  }

  #look(line: ReleaseLine): void {
    const verdict = this.#verdict(line)
    if (verdict === 'same') this.#given = line
    if (verdict !== 'differs') return
    const { results, cache, view, loads } = this.host
    if (line.info === undefined) {
      const version = lastSeenVersion(this.#given, this.#entry)
      this.#tell(line, results.removed(this.#entry, version, view.revision))
      return
    }
    const shared = results.shared(line, view.revision)
    if (shared !== undefined) {
      this.#tell(line, shared)
      return
    }
    const release = cache.get(line)
    if (release !== undefined) this.#tell(line, results.released(line, release, view.revision))
    else if (this.#wanted === undefined) {
      this.#wanted = line
      loads.want(line, this)
    }
  }

  #verdict(line: ReleaseLine): ReturnType<typeof compare> {
    return compare(this.#given, line, this.#entry.latestVersion)
  }

  #tell(line: ReleaseLine, result: BatchResult): void {
    const skipped = skippedBetween(this.#given, line)
    this.#given = line
    this.give(result, skipped)
  }
}
