import type { ChangeBatch, PolledChange, PollResult } from '../watches.ts'
import type { FileKey, Release } from '../model.ts'
import type { FileEntry } from '../view/file-entry.ts'
import type { ReleaseLine } from '../view/release-line.ts'

/** What an iterator of changes gives. */
export type BatchResult = IteratorYieldResult<ChangeBatch>

/** Of more lines than these, results are made anew: few jobs take turns at a time. */
const linesMax = 16

/** What many are told at the same time is one object. What it is made of is kept only while they are told. */
export class Results {
  #revision = 0
  readonly #batches = new Map<ReleaseLine, BatchResult>()
  readonly #polled = new Map<ReleaseLine, PollResult>()
  readonly #removed = new Map<FileEntry, { readonly version: number; readonly result: BatchResult }>()
  #unchanged: PollResult | undefined

  /** What {@link Results.released} gave of a line, if somebody was given it just now. */
  shared(line: ReleaseLine, revision: number): BatchResult | undefined {
    return revision === this.#revision ? this.#batches.get(line) : undefined
  }

  /** A release of a file, for those who watch this file alone. */
  released(line: ReleaseLine, release: Release, revision: number): BatchResult {
    this.#at(revision)
    const known = this.#batches.get(line)
    if (known !== undefined) return known
    const result = resultOf({
      revision,
      changes: Object.freeze([Object.freeze({ type: 'released', release })]),
    })
    return keep(this.#batches, line, result)
  }

  /** The same, when there is nothing to see any more. @param version that was seen last */
  removed(entry: FileEntry, version: number, revision: number): BatchResult {
    this.#at(revision)
    const known = this.#removed.get(entry)
    if (known?.version === version) return known.result
    const result = resultOf({ revision, changes: Object.freeze([removedChange(entry.key, version)]) })
    return keep(this.#removed, entry, { version, result }).result
  }

  /** A release of a file, for those who poll for this file alone. */
  polled(entry: FileEntry, { line, version }: SeenLine, revision: number): PollResult {
    if (line.info === undefined) return changed(revision, [removedChange(entry.key, version)])
    this.#at(revision)
    const known = this.#polled.get(line)
    if (known !== undefined) return known
    return keep(this.#polled, line, changed(revision, [polledChange(entry, { line, version })]))
  }

  unchanged(revision: number): PollResult {
    this.#at(revision)
    return (this.#unchanged ??= Object.freeze({ type: 'unchanged', revision }))
  }

  /** Nobody is told anything any more. */
  clear(): void {
    this.#batches.clear()
    this.#polled.clear()
    this.#removed.clear()
    this.#unchanged = undefined
  }

  #at(revision: number): void {
    if (revision === this.#revision) return
    this.#revision = revision
    this.clear()
  }
}

/** What somebody sees, and the version that he saw before. */
export interface SeenLine {
  readonly line: ReleaseLine
  readonly version: number
}

/** What a poll is told of a file. */
export function polledChange(entry: FileEntry, { line: { told: info }, version }: SeenLine): PolledChange {
  if (info === undefined) return removedChange(entry.key, version)
  return Object.freeze({ type: 'released', key: Object.freeze(entry.key), info })
}

/** What is told of a file of which there is nothing to see any more. */
export function removedChange(
  key: FileKey,
  version: number,
): Readonly<{ type: 'removed'; key: FileKey; version: number }> {
  return Object.freeze({ type: 'removed', key: Object.freeze(key), version })
}

/** Changes as a poll is told them. */
export function changed(revision: number, changes: readonly PolledChange[]): PollResult {
  return Object.freeze({ type: 'changed', revision, changes: Object.freeze(changes) })
}

/** Changes as an iterator gives them. */
export function resultOf(batch: ChangeBatch): BatchResult {
  return Object.freeze({ done: false, value: Object.freeze(batch) })
}

function keep<Key, Value>(kept: Map<Key, Value>, key: Key, value: Value): Value {
  if (kept.size >= linesMax) kept.clear()
  kept.set(key, value)
  return value
}
