import type { Key } from './key.ts'
import { spanOf } from './range.ts'

/** What a group has to know of a watcher. */
export interface Watching {
  readonly key: Key
  readonly rangeEnd: Key | undefined
}

/** All watchers of one range. Many clients watch the same prefix: it is matched once for all of them. */
interface RangeEntry<W> {
  readonly from: Key
  /** Undefined: no end. */
  readonly end: Key | undefined
  readonly watchers: Set<W>
}

/** Ranges that are not in the sorted list yet, before it is built anew. */
const looseMaxRanges = 64

/**
 * Watchers, found by the keys they watch. Single keys are looked up in a map; ranges in an implicit interval
 * tree: a sorted array in which each position knows the largest end below it. The array is rebuilt now and
 * then; ranges added since are searched one by one.
 */
export class WatcherGroup<W extends Watching> {
  readonly #byKey = new Map<Key, Set<W>>()
  readonly #ranges = new Map<string, RangeEntry<W>>()
  #loose: RangeEntry<W>[] = []
  #sorted: readonly RangeEntry<W>[] = []
  /** The largest end in the subtree that binary search would visit from each position. */
  #maxEnds: readonly (Key | undefined)[] = []
  /** Ranges in the sorted list that lost all their watchers. */
  #stale = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  add(watcher: W): void {
    const span = spanOf(watcher)
    let watchers: Set<W>
    if (span.single) {
      watchers = this.#byKey.get(span.key) ?? new Set()
      this.#byKey.set(span.key, watchers)
    } else {
      const id = rangeId(watcher)
      let entry = this.#ranges.get(id)
      if (entry === undefined) {
        entry = { from: span.key, end: span.end, watchers: new Set() }
        this.#ranges.set(id, entry)
        this.#loose.push(entry)
      }
      watchers = entry.watchers
    }
    if (!watchers.has(watcher)) this.#size++
    watchers.add(watcher)
  }

  /** Returns whether it was there. */
  delete(watcher: W): boolean {
    const span = spanOf(watcher)
    const entry = span.single ? undefined : this.#ranges.get(rangeId(watcher))
    const watchers = span.single ? this.#byKey.get(span.key) : entry?.watchers
    if (watchers?.delete(watcher) !== true) return false
    this.#size--
    if (watchers.size > 0) return true
    if (span.single) {
      this.#byKey.delete(span.key)
    } else {
      this.#ranges.delete(rangeId(watcher))
      // A new list: a watcher may be deleted while `match` walks over the old one.
      const loose = this.#loose.filter((other) => other !== entry)
      if (loose.length < this.#loose.length) this.#loose = loose
      else this.#stale++
    }
    return true
  }

  /** Calls `visit` with each set of watchers that watch `key`. The sets are the group's own: do not change them. */
  match(key: Key, visit: (watchers: ReadonlySet<W>) => void): void {
    const exact = this.#byKey.get(key)
    if (exact !== undefined) visit(exact)
    if (this.#ranges.size === 0) return
    if (this.#loose.length > looseMaxRanges || this.#stale > this.#sorted.length / 2) this.#rebuild()
    for (const entry of this.#loose) if (holds(entry, key)) visit(entry.watchers)
    this.#stab(0, this.#sorted.length, key, visit)
  }

  /** Whether anybody watches `key`. */
  watches(key: Key): boolean {
    let watched = false
    this.match(key, () => {
      watched = true
    })
    return watched
  }

  *[Symbol.iterator](): Generator<W> {
    for (const watchers of this.#byKey.values()) yield* watchers
    for (const { watchers } of this.#ranges.values()) yield* watchers
  }

  #stab(low: number, high: number, key: Key, visit: (watchers: ReadonlySet<W>) => void): void {
    if (low >= high) return
    const middle = (low + high) >>> 1
    const maxEnd = this.#maxEnds[middle]
    if (maxEnd !== undefined && maxEnd <= key) return
    this.#stab(low, middle, key, visit)
    const entry = this.#sorted[middle]
    if (entry === undefined || entry.from > key) return
    if (holds(entry, key) && entry.watchers.size > 0) visit(entry.watchers)
    this.#stab(middle + 1, high, key, visit)
  }

  #rebuild(): void {
    this.#sorted = [...this.#ranges.values()].sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0))
    this.#loose = []
    this.#stale = 0
    const maxEnds = new Array<Key | undefined>(this.#sorted.length)
    const build = (low: number, high: number): Key | undefined => {
      const middle = (low + high) >>> 1
      let max = this.#sorted[middle]?.end
      if (low < middle) max = larger(max, build(low, middle))
      if (middle + 1 < high) max = larger(max, build(middle + 1, high))
      maxEnds[middle] = max
      return max
    }
    if (maxEnds.length > 0) build(0, maxEnds.length)
    this.#maxEnds = maxEnds
  }
}

/** Undefined is the end of all keys. */
function larger(a: Key | undefined, b: Key | undefined): Key | undefined {
  if (a === undefined || b === undefined) return undefined
  return a > b ? a : b
}

function holds<W>({ from, end }: RangeEntry<W>, key: Key): boolean {
  return from <= key && (end === undefined || key < end)
}

/** The length keeps ('a', 'bc') and ('ab', 'c') apart. */
function rangeId({ key, rangeEnd = '' }: Watching): string {
  return `${key.length}:${key}${rangeEnd}`
}
