import type { Fingerprint } from '../watches.ts'
import type { FileEntry } from '../view/file-entry.ts'
import type { GroupEntry } from '../view/group-entry.ts'
import { compare, type Given, isDoubtful, Known, nothingOf } from './given.ts'
import type { Change, Collection, InterestPart, PartParts } from './interest.ts'
import type { GroupPlan, PrefixSet } from './plan.ts'
import { join, leave } from './watchers.ts'

/** A group that is watched, or what begins so in it. */
export class GroupPart implements InterestPart {
  place = 0
  readonly #parts: PartParts
  readonly #home: GroupEntry
  readonly #prefixes: PrefixSet
  /** What of files was given. Of others, its client has nothing. */
  readonly #given = new Map<FileEntry, Given>()
  /** Names that its client says he has, and which need not exist here. */
  readonly #held: FileEntry[] = []
  /** What has changed later has not been looked at. Undefined: nothing has. */
  #seen: number | undefined = undefined
  isDoubtful = false

  constructor(parts: PartParts, { key, prefixes }: GroupPlan) {
    this.#parts = parts
    this.#home = parts.host.view.holdGroup(key)
    this.#prefixes = prefixes
    join(this.#home, this)
  }

  /** Its client says what he has. */
  know(fingerprint: Fingerprint): void {
    if (!this.#prefixes.covers(fingerprint.file)) return
    const { host, client } = this.#parts
    const entry = host.view.holdFile(fingerprint)
    this.#held.push(entry)
    const line = entry.lineFor(client)
    const known = new Known(fingerprint, line.nth)
    this.#given.set(entry, known)
    if (isDoubtful(known, entry, line)) this.isDoubtful = true
  }

  wake(): void {
    this.#parts.owner.wake()
  }

  fail(error: unknown): void {
    this.#parts.owner.fail(error)
  }

  collect(into: Collection): boolean {
    const seen = this.#seen
    if (seen === undefined) {
      for (const entry of this.#home.files.values()) if (!this.#look(entry, into)) return false
      return true
    }
    for (let entry = this.#home.newest; entry !== undefined && entry.changedAt > seen; entry = entry.older) {
      if (!this.#look(entry, into)) return false
    }
    return true
  }

  take({ entry, line }: Change): void {
    this.#set(entry, line)
  }

  caughtUp(sequence: number): void {
    this.#seen = sequence
  }

  leave(): void {
    const { view } = this.#parts.host
    leave(this.#home, this)
    for (const entry of this.#held) view.releaseFile(entry)
    view.releaseGroup(this.#home)
  }

  /** @returns false: there was no place for it */
  #look(entry: FileEntry, into: Collection): boolean {
    if (!this.#prefixes.covers(entry.name)) return true
    const line = entry.lineFor(this.#parts.client)
    const known = this.#given.get(entry)
    if (line === known || (known === undefined && line.info === undefined)) return true
    const given = known ?? nothingOf(line)
    const verdict = compare(given, line, entry.latestVersion)
    if (verdict === 'same') this.#set(entry, line)
    return verdict !== 'differs' || into.add({ part: this, entry, line, given })
  }

  #set(entry: FileEntry, line: ReturnType<FileEntry['lineFor']>): void {
    if (line.info === undefined) this.#given.delete(entry)
    else this.#given.set(entry, line)
  }
}
