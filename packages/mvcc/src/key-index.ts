import { invariant } from '@orrery/environment'
import type { Key } from './key.ts'
import { KeyHistory } from './key-history.ts'
import { KeyMap } from './key-map.ts'

/**
 * Keys per leaf before it splits. Large enough that the list of leaves stays short, small enough that an
 * insertion moves little memory.
 */
const leafMaxKeys = 256

/** A run of neighbouring keys. */
interface Leaf {
  keys: Key[]
  histories: KeyHistory[]
  /** How many of the keys exist now: counting a wide range adds these up. */
  live: number
}

/**
 * The keys of a store in bytewise order, each with its {@link KeyHistory}: a sorted list of sorted leaves.
 * Two binary searches find a place; insertion and removal move part of one leaf, and now and then an entry of
 * the list of leaves. That needs no rebalancing, costs 16 bytes a key beside key and history, and stays
 * faster than a tree up to tens of millions of keys.
 *
 * Most calls name a key that exists, and need no place. A hash map finds it with a fifth of the cache misses
 * of a search, for about 32 bytes a key.
 */
export class KeyIndex {
  readonly #leaves: Leaf[] = []
  /** Holds the same keys as the leaves. */
  readonly #histories = new KeyMap<KeyHistory>()
  /** The first key of each leaf. Invariant: ascending, as long as `#leaves`. */
  readonly #firstKeys: Key[] = []
  #size = 0
  #live = 0
  /** Where the last search ended. Results in fields: a search allocates nothing. */
  #leafAt = 0
  #keyAt = 0

  /** Keys with any history. */
  get size(): number {
    return this.#size
  }

  /** Keys that exist now. */
  get live(): number {
    return this.#live
  }

  get(key: Key): KeyHistory | undefined {
    return this.#histories.get(key)
  }

  /** Records a put. Returns the key's history, whose newest revision is the put. */
  put(key: Key, main: number, sub: number): KeyHistory {
    const history = this.#histories.get(key)
    if (history === undefined) return this.#insert(key, new KeyHistory(main, sub, main, 1))
    if (!history.live) this.#countLive(this.#leafOf(key), 1)
    history.put(main, sub)
    return history
  }

  /** Records the deletion of a key that exists. */
  tombstone(key: Key, main: number, sub: number): void {
    const history = this.#histories.get(key)
    invariant(history !== undefined, 'a key that is deleted is in the index')
    history.tombstone(main, sub)
    this.#countLive(this.#leafOf(key), -1)
  }

  /** Records a revision that the backend holds. `version` 0: a tombstone. */
  restore(key: Key, main: number, sub: number, created: number, version: number): void {
    const history = this.#histories.get(key)
    if (history === undefined) {
      this.#insert(key, new KeyHistory(main, sub, created, version))
      return
    }
    const wasLive = history.live
    // A tombstone does not know its generation; the history does.
    history.append(main, sub, version === 0 ? history.created : created, version)
    if (history.live !== wasLive) this.#countLive(this.#leafOf(key), wasLive ? -1 : 1)
  }

  /** Forgets a key that no longer exists. */
  remove(key: Key): void {
    if (!this.#search(key)) return
    const leaf = at(this.#leaves, this.#leafAt)
    invariant(!at(leaf.histories, this.#keyAt).live, 'only keys that do not exist are forgotten')
    leaf.keys.splice(this.#keyAt, 1)
    leaf.histories.splice(this.#keyAt, 1)
    this.#histories.delete(key)
    this.#size--
    this.#mend()
  }

  /**
   * Visits keys in order, from `from` on (inclusive) up to `end` (exclusive; undefined: no end), until
   * `visit` returns false. The visitor changes nothing.
   */
  visit(from: Key, end: Key | undefined, visit: (key: Key, history: KeyHistory) => boolean): void {
    this.#search(from)
    let keyAt = this.#keyAt
    for (let leafAt = this.#leafAt; leafAt < this.#leaves.length; leafAt++) {
      const { keys, histories } = at(this.#leaves, leafAt)
      for (; keyAt < keys.length; keyAt++) {
        const key = at(keys, keyAt)
        if (end !== undefined && key >= end) return
        if (!visit(key, at(histories, keyAt))) return
      }
      keyAt = 0
    }
  }

  /** How many keys of a range exist now. Cost: the leaves in the range, not the keys. */
  countLive(from: Key, end: Key | undefined): number {
    if (end !== undefined && end <= from) return 0
    this.#search(from)
    let keyAt = this.#keyAt
    let count = 0
    for (let leafAt = this.#leafAt; leafAt < this.#leaves.length; leafAt++) {
      const leaf = at(this.#leaves, leafAt)
      const nextFirst = this.#firstKeys[leafAt + 1]
      const whole = keyAt === 0 && (end === undefined || (nextFirst !== undefined && nextFirst <= end))
      if (whole) {
        count += leaf.live
      } else {
        for (; keyAt < leaf.keys.length; keyAt++) {
          if (end !== undefined && at(leaf.keys, keyAt) >= end) return count
          if (at(leaf.histories, keyAt).live) count++
        }
      }
      keyAt = 0
    }
    return count
  }

  /** Points at `key`, or where it would be inserted. */
  #search(key: Key): boolean {
    const firstKeys = this.#firstKeys
    let low = 0
    let high = firstKeys.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (at(firstKeys, middle) <= key) low = middle + 1
      else high = middle
    }
    this.#leafAt = low === 0 ? 0 : low - 1
    const keys = this.#leaves[this.#leafAt]?.keys
    if (keys === undefined) {
      this.#keyAt = 0
      return false
    }
    low = 0
    high = keys.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (at(keys, middle) < key) low = middle + 1
      else high = middle
    }
    this.#keyAt = low
    return low < keys.length && keys[low] === key
  }

  /** The leaf of a key that is in the index. */
  #leafOf(key: Key): Leaf {
    invariant(this.#search(key), 'leaves and map hold the same keys')
    return at(this.#leaves, this.#leafAt)
  }

  /** Adds a key that is not in the index. */
  #insert(key: Key, history: KeyHistory): KeyHistory {
    this.#search(key)
    if (this.#leaves.length === 0) {
      this.#leaves.push({ keys: [], histories: [], live: 0 })
      this.#firstKeys.push(key)
    }
    const leaf = at(this.#leaves, this.#leafAt)
    if (this.#keyAt === leaf.keys.length) {
      leaf.keys.push(key)
      leaf.histories.push(history)
    } else {
      leaf.keys.splice(this.#keyAt, 0, key)
      leaf.histories.splice(this.#keyAt, 0, history)
      if (this.#keyAt === 0) this.#firstKeys[this.#leafAt] = key
    }
    this.#histories.set(key, history)
    this.#size++
    if (history.live) this.#countLive(leaf, 1)
    if (leaf.keys.length > leafMaxKeys) this.#split(leaf)
    return history
  }

  #split(leaf: Leaf): void {
    // Keys that arrive in ascending order leave full leaves behind, not half-empty ones.
    const atEnd = this.#leafAt === this.#leaves.length - 1 && this.#keyAt === leaf.keys.length - 1
    const cut = atEnd ? leaf.keys.length - 1 : leaf.keys.length >>> 1
    // Copies are as long as they have to be; an array that grew, or was cut, keeps room for half as much again.
    const keys = leaf.keys.slice(cut)
    const histories = leaf.histories.slice(cut)
    leaf.keys = leaf.keys.slice(0, cut)
    leaf.histories = leaf.histories.slice(0, cut)
    let live = 0
    for (const history of histories) if (history.live) live++
    leaf.live -= live
    this.#leaves.splice(this.#leafAt + 1, 0, { keys, histories, live })
    this.#firstKeys.splice(this.#leafAt + 1, 0, at(keys, 0))
  }

  /** After a removal: drops an empty leaf, merges a sparse one into its left neighbour. */
  #mend(): void {
    const leafAt = this.#leafAt
    const leaf = at(this.#leaves, leafAt)
    const left = this.#leaves[leafAt - 1]
    const sparse = leaf.keys.length < leafMaxKeys / 4
    if (left !== undefined && sparse && left.keys.length + leaf.keys.length <= leafMaxKeys / 2) {
      left.keys.push(...leaf.keys)
      left.histories.push(...leaf.histories)
      left.live += leaf.live
    } else if (leaf.keys.length > 0) {
      this.#firstKeys[leafAt] = at(leaf.keys, 0)
      return
    }
    this.#leaves.splice(leafAt, 1)
    this.#firstKeys.splice(leafAt, 1)
  }

  #countLive(leaf: Leaf, change: 1 | -1): void {
    leaf.live += change
    this.#live += change
  }
}

/** An element that exists by construction. */
function at<T>(array: readonly T[], index: number): T {
  const element = array[index]
  if (element === undefined) throw new RangeError(`no element ${index} of ${array.length}`)
  return element
}
