import type { Key } from './key.ts'

/** A power of two. */
const shardCount = 256

/**
 * A `Map` by key whose growth never takes long: one `Map` of a million keys stops for a tenth of a second
 * when it doubles, one of 256 with a share of them for less than a millisecond.
 */
export class KeyMap<Value> {
  readonly #shards: (Map<Key, Value> | undefined)[] = new Array<undefined>(shardCount).fill(undefined)

  get(key: Key): Value | undefined {
    return this.#shards[shardOf(key)]?.get(key)
  }

  set(key: Key, value: Value): void {
    const at = shardOf(key)
    const shard = (this.#shards[at] ??= new Map<Key, Value>())
    shard.set(key, value)
  }

  delete(key: Key): void {
    this.#shards[shardOf(key)]?.delete(key)
  }
}

/**
 * Spreads keys by a few of their chars, most of them at the end, where keys differ most. Keys that agree in all of
 * these share a shard, which works, and grows as a single `Map` would.
 */
function shardOf(key: Key): number {
  const { length } = key
  const half = length >>> 1
  let hash = length
  // Before the first char there is NaN, which takes the hash back to 0: the chars after it are still counted.
  hash = (hash * 31 + key.charCodeAt(length - 1)) | 0
  hash = (hash * 31 + key.charCodeAt(length - 2)) | 0
  hash = (hash * 31 + key.charCodeAt(length - 3)) | 0
  hash = (hash * 31 + key.charCodeAt(half)) | 0
  hash = (hash * 31 + key.charCodeAt(half >>> 1)) | 0
  hash = (hash * 31 + key.charCodeAt(half + (half >>> 1))) | 0
  return (hash ^ (hash >>> 8)) & (shardCount - 1)
}
