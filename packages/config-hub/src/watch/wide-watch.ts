import { invariant } from '@orrery/environment'
import type { ConfigChange, Fingerprint } from '../watches.ts'
import type { ConfigClient, Release } from '../model.ts'
import type { ReleaseLine } from '../view/release-line.ts'
import { BaseWatch } from './base-watch.ts'
import { lastSeenVersion, skippedBetween } from './given.ts'
import { type Change, type Collected, type CollectLimits, Interest } from './interest.ts'
import type { WatchPlan } from './plan.ts'
import { type BatchResult, removedChange, resultOf } from './results.ts'
import type { WatchHost } from './watch-host.ts'

/** Of more, another batch is made. */
const batchLimits: CollectLimits = { maxItems: 1_000, maxBytes: 8 * 1_048_576 }

/** A batch whose contents are being loaded. */
interface Gathering {
  readonly collected: Collected
  /** Of the store, at which it was collected. */
  readonly revision: number
  readonly releases: Map<ReleaseLine, Release>
  readonly missing: Set<ReleaseLine>
  /** The versions that were seen last of what is gone: when it is told, there may be later ones, which are told next. */
  readonly removed: ReadonlyMap<Change, number>
}

/** What is watched by whom. */
export interface WideInterest {
  readonly plan: WatchPlan
  readonly client: ConfigClient
  readonly known: readonly Fingerprint[]
}

/** Who watches several files, or groups of them. */
export class WideWatch extends BaseWatch {
  readonly #interest: Interest
  readonly #client: ConfigClient
  #gathering: Gathering | undefined = undefined
  /** Everything up to this revision of the store has been told. */
  #toldRevision = 0

  constructor(host: WatchHost, { plan, client, known }: WideInterest) {
    super(host)
    this.#client = client
    this.#interest = new Interest({ host, owner: this, client }, plan, known)
  }

  /** See {@link Interest.isDoubtful}. */
  get isDoubtful(): boolean {
    return this.#interest.isDoubtful
  }

  wake(): void {
    if (!this.mayTell() || this.#gathering !== undefined) return
    const collected = this.#interest.collect(batchLimits)
    if (collected.changes.length === 0) return
    const { view, loads } = this.host
    const gathering = this.#gather(collected, view.revision)
    if (gathering.missing.size === 0) {
      this.#tell(gathering)
      return
    }
    this.#gathering = gathering
    for (const line of gathering.missing) loads.want(line, this)
  }

  loaded(line: ReleaseLine, release: Release): void {
    const gathering = this.#gathering
    if (gathering === undefined || !gathering.missing.delete(line)) return
    gathering.releases.set(line, release)
    if (gathering.missing.size > 0) return
    // What came since is told with the next batch: this one is true as of its revision.
    this.#gathering = undefined
    this.#tell(gathering)
  }

  retry(): void {
    this.#leaveLoads()
    this.wake()
  }

  /** It ends, unless something newer has come: one file that cannot be read is not left out in silence. */
  unreadable(line: ReleaseLine, error: unknown): void {
    const change = this.#gathering?.collected.changes.find((one) => one.line === line)
    if (change?.entry.lineFor(this.#client) === line) this.fail(error)
    else this.retry()
  }

  protected override leave(): void {
    this.#leaveLoads()
    this.#interest.leave()
  }

  #leaveLoads(): void {
    const { missing } = this.#gathering ?? {}
    this.#gathering = undefined
    for (const line of missing ?? []) this.host.loads.leave(line, this)
  }

  #gather(collected: Collected, revision: number): Gathering {
    const releases = new Map<ReleaseLine, Release>()
    const missing = new Set<ReleaseLine>()
    const removed = new Map<Change, number>()
    for (const change of collected.changes) {
      const { entry, line, given } = change
      if (line.info === undefined) {
        removed.set(change, lastSeenVersion(given, entry))
        continue
      }
      const release = this.host.cache.get(line)
      if (release === undefined) missing.add(line)
      else releases.set(line, release)
    }
    return { collected, revision, releases, missing, removed }
  }

  #tell(gathering: Gathering): void {
    const { collected, revision } = gathering
    const { changes, isWhole } = collected
    if (isWhole) this.#toldRevision = revision
    const skipped = changes.reduce((sum, { given, line }) => sum + skippedBetween(given, line), 0)
    this.#interest.take(collected)
    const isSettled = isWhole && revision === this.host.view.revision
    this.give(this.#resultOf(gathering), skipped)
    // A listener waits again already. There may be many batches, and others who wait.
    if (!isSettled && this.mayTell()) this.host.later(this)
  }

  #resultOf(gathering: Gathering): BatchResult {
    const { changes } = gathering.collected
    const { releases } = gathering
    const revision = this.#toldRevision
    const [{ line } = { line: undefined }] = changes
    const release = changes.length === 1 && line !== undefined ? releases.get(line) : undefined
    // Most often, it is the same for all who watch the group.
    if (line !== undefined && release !== undefined) {
      return this.host.results.released(line, release, revision)
    }
    const told = changes.map((change) => toldChange(change, gathering))
    return resultOf({ revision, changes: Object.freeze(told) })
  }
}

function toldChange(change: Change, { releases, removed }: Gathering): ConfigChange {
  const { entry, line } = change
  const version = removed.get(change)
  if (version !== undefined) return removedChange(entry.key, version)
  const release = releases.get(line)
  invariant(release !== undefined, 'what is told has been loaded')
  return Object.freeze({ type: 'released', release })
}
