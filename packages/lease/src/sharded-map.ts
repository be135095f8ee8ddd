/** Shards of a map. At a million entries each shard rehashes some thousands of them at a time: under 1 ms. */
const shardCount = 256

/**
 * A map that never stops to rehash as a whole. A single `Map` does so each time it doubles, which takes tens of
 * milliseconds at a million entries, and it cannot hold more than 16.7 million.
 */
export class ShardedMap<K, V> {
  readonly #shards: (Map<K, V> | undefined)[] = Array.from({ length: shardCount }, () => undefined)
  readonly #hash: (key: K) => number
  #size = 0

  /** @param hash - any integer for a key; only its low bits are used */
  constructor(hash: (key: K) => number) {
    this.#hash = hash
  }

  get size(): number {
    return this.#size
  }

  get(key: K): V | undefined {
    // Most hosts have no leases on most days: their writes should not pay for hashing.
    if (this.#size === 0) return undefined
    return this.#shards[this.#shardOf(key)]?.get(key)
  }

  set(key: K, value: V): void {
    const shard = (this.#shards[this.#shardOf(key)] ??= new Map())
    const before = shard.size
    shard.set(key, value)
    this.#size += shard.size - before
  }

  delete(key: K): void {
    if (this.#shards[this.#shardOf(key)]?.delete(key) === true) this.#size -= 1
  }

  /** Values in no particular order. Like those of a `Map`, the iterator stays valid while entries come and go. */
  *values(): Generator<V, undefined> {
    for (let index = 0; index < shardCount; index += 1) {
      const shard = this.#shards[index]
      if (shard !== undefined) yield* shard.values()
    }
    return undefined
  }

  #shardOf(key: K): number {
    return this.#hash(key) & (shardCount - 1)
  }
}

const scratch64 = new BigInt64Array(1)
const scratch32 = new Int32Array(scratch64.buffer)

/** Hash of a 64-bit integer. Going through memory is several times faster than arithmetic on a `bigint`. */
export function hashId(id: bigint): number {
  scratch64[0] = id
  const folded = (scratch32[0] ?? 0) ^ (scratch32[1] ?? 0)
  return folded ^ (folded >>> 8) ^ (folded >>> 16)
}

/**
 * Hash of a byte string: all characters of a short one, at most 32 spread over a long one.
 * Source: the string hash of Lua 5.1.
 */
export function hashKey(key: string): number {
  const stride = (key.length >>> 5) + 1
  let hash = key.length
  for (let index = key.length - 1; index >= 0; index -= stride) {
    hash ^= (hash << 5) + (hash >>> 2) + key.charCodeAt(index)
  }
  return hash
}
