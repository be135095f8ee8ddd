import { invariant } from '@orrery/environment'

/** What to do with one revision that a compaction makes superfluous. */
export type DropRevision = (main: number, sub: number, tombstone: boolean) => void

/**
 * All revisions of one key that are not compacted, oldest first. It holds numbers only; keys are the
 * index's, values the backend's.
 *
 * A key is created, changed and deleted any number of times; each life is a *generation*, which ends with a
 * *tombstone*. Only the newest revision needs its generation's `created` and `version`, to number the next
 * put: for older ones the backend's record has them.
 *
 * There is one of these per key, a million in a large store, most of them with a single revision: the newest
 * one is stored in fields, and older ones in an array that exists only when there are any.
 */
export class KeyHistory {
  /** The newest revision. Invariant: (main, sub) is above all of `#past`. */
  main: number
  sub: number
  /** The revision in which the present generation began. */
  created: number
  /** Changes in the present generation. 0: the newest revision is a tombstone. */
  version: number
  /** Older revisions, as pairs of main and sub * 2 + (tombstone ? 1 : 0). */
  #past: number[] | undefined

  constructor(main: number, sub: number, created: number, version: number) {
    this.main = main
    this.sub = sub
    this.created = created
    this.version = version
    this.#past = undefined
  }

  /** Whether the key exists now. */
  get live(): boolean {
    return this.version > 0
  }

  /** How many revisions there are. */
  get length(): number {
    return (this.#past === undefined ? 0 : this.#past.length / 2) + 1
  }

  /** Appends a put, and numbers it. */
  put(main: number, sub: number): void {
    const created = this.version > 0 ? this.created : main
    this.append(main, sub, created, this.version + 1)
  }

  /** Appends a tombstone: the key ceases to exist. */
  tombstone(main: number, sub: number): void {
    invariant(this.version > 0, 'a key that does not exist cannot be deleted')
    this.append(main, sub, this.created, 0)
  }

  /** Appends a revision whose numbers are known. */
  append(main: number, sub: number, created: number, version: number): void {
    invariant(main > this.main || (main === this.main && sub > this.sub), 'revisions of a key only grow')
    const code = this.sub * 2 + (this.version === 0 ? 1 : 0)
    if (this.#past === undefined) this.#past = [this.main, code]
    else this.#past.push(this.main, code)
    this.main = main
    this.sub = sub
    this.created = created
    this.version = version
  }

  /** The position of the newest revision at or before `revision`, or -1. Positions are valid until a change. */
  find(revision: number): number {
    const past = this.#past
    if (this.main <= revision) return past === undefined ? 0 : past.length / 2
    if (past === undefined) return -1
    let low = 0
    let high = past.length / 2
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((past[middle * 2] ?? Infinity) <= revision) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  mainAt(position: number): number {
    return this.#past?.[position * 2] ?? this.main
  }

  subAt(position: number): number {
    const code = this.#past?.[position * 2 + 1]
    return code === undefined ? this.sub : code >>> 1
  }

  tombstoneAt(position: number): boolean {
    const code = this.#past?.[position * 2 + 1]
    return code === undefined ? this.version === 0 : (code & 1) === 1
  }

  /** Whether the key existed at `revision`. */
  liveAt(revision: number): boolean {
    const position = this.find(revision)
    return position >= 0 && !this.tombstoneAt(position)
  }

  /**
   * Whether a compaction at `revision` keeps what is at `position`: everything after `revision`, and the
   * newest revision up to it unless that is an older tombstone. A tombstone exactly at `revision` stays, so
   * that a watch from there still sees the deletion (etcd since 3.5.16).
   */
  keptBy(revision: number, position: number): boolean {
    if (this.mainAt(position) > revision) return true
    if (position !== this.find(revision)) return false
    return !this.tombstoneAt(position) || this.mainAt(position) === revision
  }

  /**
   * Drops revisions that a compaction at `revision` does not keep, oldest first, at most `limit`.
   *
   * @returns how many were dropped; fewer than `limit` means none is left to drop. When all revisions of
   * the key were dropped, {@link length} still is 1 and the caller removes the key: see `isDeadAt`.
   */
  compact(revision: number, limit: number, drop: DropRevision): number {
    const newest = this.find(revision)
    if (newest < 0) return 0
    const superseded = this.keptBy(revision, newest) ? newest : newest + 1
    const count = Math.min(superseded, limit)
    for (let position = 0; position < count; position++) {
      drop(this.mainAt(position), this.subAt(position), this.tombstoneAt(position))
    }
    if (this.#past !== undefined) {
      if (count * 2 >= this.#past.length) this.#past = undefined
      else if (count > 0) this.#past.splice(0, count * 2)
    }
    return count
  }

  /** Whether a compaction at `revision` leaves nothing of the key: it ends in an older tombstone. */
  isDeadAt(revision: number): boolean {
    return this.version === 0 && this.main < revision
  }
}
