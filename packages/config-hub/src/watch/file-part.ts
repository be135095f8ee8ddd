import type { Fingerprint } from '../watches.ts'
import type { FileEntry } from '../view/file-entry.ts'
import { compare, type Given, isDoubtful, Known, nothingOf } from './given.ts'
import type { Change, Collection, InterestPart, PartParts } from './interest.ts'
import { join, leave } from './watchers.ts'

/** A file that is watched by its name, together with others. */
export class FilePart implements InterestPart {
  place = 0
  readonly #parts: PartParts
  readonly #entry: FileEntry
  #given: Given
  readonly isDoubtful: boolean

  /** @param entry held for it */
  constructor(parts: PartParts, entry: FileEntry, fingerprint: Fingerprint | undefined) {
    const line = entry.lineFor(parts.client)
    this.#parts = parts
    this.#entry = entry
    const known = fingerprint === undefined ? nothingOf(line) : new Known(fingerprint, line.nth)
    this.#given = known
    this.isDoubtful = isDoubtful(known, entry, line)
    join(entry, this)
  }

  wake(): void {
    this.#parts.owner.wake()
  }

  fail(error: unknown): void {
    this.#parts.owner.fail(error)
  }

  collect(into: Collection): boolean {
    const entry = this.#entry
    const line = entry.lineFor(this.#parts.client)
    const given = this.#given
    if (line === given) return true
    const verdict = compare(given, line, entry.latestVersion)
    if (verdict === 'same') this.#given = line
    return verdict !== 'differs' || into.add({ part: this, entry, line, given })
  }

  take({ line }: Change): void {
    this.#given = line
  }

  caughtUp(): void {
    // It compares each time.
  }

  leave(): void {
    leave(this.#entry, this)
    this.#parts.host.view.releaseFile(this.#entry)
  }
}
