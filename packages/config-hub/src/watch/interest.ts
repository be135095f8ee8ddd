import type { Fingerprint } from '../watches.ts'
import { filePath, groupPath } from '../keys.ts'
import type { ConfigClient } from '../model.ts'
import type { FileEntry } from '../view/file-entry.ts'
import type { ReleaseLine } from '../view/release-line.ts'
import { FilePart } from './file-part.ts'
import type { Given } from './given.ts'
import { GroupPart } from './group-part.ts'
import type { WatchPlan } from './plan.ts'
import type { WatchHost } from './watch-host.ts'
import type { Watcher } from './watchers.ts'

/** Whose interest it is. */
export interface InterestOwner {
  wake(): void
  fail(error: unknown): void
}

/** Something of a file that has to be told. */
export interface Change {
  readonly part: InterestPart
  readonly entry: FileEntry
  /** What is seen. */
  readonly line: ReleaseLine
  /** What was given before. */
  readonly given: Given
}

/** A part of what somebody watches. */
export interface InterestPart extends Watcher {
  /** @returns whether there was place for all of it */
  collect(into: Collection): boolean
  /** A change has been told. */
  take(change: Change): void
  /** Everything up to here has been told. See {@link WatchHost.sequence}. */
  caughtUp(sequence: number): void
  leave(): void
}

/** What parts of an interest have in common. */
export interface PartParts {
  readonly host: WatchHost
  readonly owner: InterestOwner
  /** As `toClient` gives it. */
  readonly client: ConfigClient
}

/** How much is taken at a time. */
export interface CollectLimits {
  readonly maxItems: number
  /** Of contents; a single one may be larger. Unit: bytes. */
  readonly maxBytes: number
}

/** What has to be told, as much as there is place for. */
export class Collection {
  readonly changes: Change[] = []
  readonly #limits: CollectLimits
  #bytes = 0

  constructor(limits: CollectLimits) {
    this.#limits = limits
  }

  /** @returns false: there is no place for it */
  add(change: Change): boolean {
    const { maxItems, maxBytes } = this.#limits
    const bytes = this.#bytes + (change.line.info?.sizeBytes ?? 0)
    if (this.changes.length > 0 && (this.changes.length >= maxItems || bytes > maxBytes)) return false
    this.#bytes = bytes
    this.changes.push(change)
    return true
  }
}

/** What has to be told. */
export interface Collected {
  readonly changes: readonly Change[]
  /** Nothing is left. */
  readonly isWhole: boolean
  readonly sequence: number
}

/**
 * What somebody watches who watches more than one file, and what he has of it: about 90 bytes for each file that is named, and about 30
 * for each file that he sees in a group. What has changed is not gathered for him, he finds it when he looks: files that are named he
 * compares all; of groups, those that have changed since he looked last.
 */
export class Interest {
  readonly #host: WatchHost
  readonly #parts: readonly InterestPart[]
  /** It cannot be told from here if its client lags, or this member. */
  readonly isDoubtful: boolean

  constructor(parts: PartParts, { files, groups }: WatchPlan, known: readonly Fingerprint[]) {
    const { host } = parts
    const byPath = new Map(files.length === 0 ? [] : known.map((one) => [filePath(one), one]))
    const fileParts = files.map(
      (key) => new FilePart(parts, host.view.holdFile(key), byPath.get(filePath(key))),
    )
    const groupParts = new Map(groups.map((plan) => [groupPath(plan.key), new GroupPart(parts, plan)]))
    if (groups.length > 0) for (const one of known) groupParts.get(groupPath(one))?.know(one)
    this.#host = host
    this.#parts = [...fileParts, ...groupParts.values()]
    this.isDoubtful = [...fileParts, ...groupParts.values()].some((part) => part.isDoubtful)
  }

  /** What has to be told now. */
  collect(limits: CollectLimits): Collected {
    const { sequence } = this.#host
    const collection = new Collection(limits)
    const isWhole = this.#parts.every((part) => part.collect(collection))
    const collected = { changes: collection.changes, isWhole, sequence }
    if (collected.changes.length === 0) this.take(collected)
    return collected
  }

  /** It has been told. */
  take({ changes, isWhole, sequence }: Collected): void {
    for (const change of changes) change.part.take(change)
    if (isWhole) for (const part of this.#parts) part.caughtUp(sequence)
  }

  leave(): void {
    for (const part of this.#parts) part.leave()
  }
}
