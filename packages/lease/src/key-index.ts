import type { LeaseEntry } from './lease-entry.ts'
import { hashKey, ShardedMap } from './sharded-map.ts'

/**
 * A key and the lease it lives on; also a node in the list of that lease. A list, because most leases have one
 * key (a `Set` each would be most of their memory), and because some have very many (a `Set` stops to rehash).
 */
export interface AttachedKey {
  readonly key: string
  lease: LeaseEntry
  next: AttachedKey | undefined
  previous: AttachedKey | undefined
}

/** Which key lives on which lease, in both directions. */
export class KeyIndex {
  readonly #keys = new ShardedMap<string, AttachedKey>(hashKey)

  leaseOf(key: string): LeaseEntry | undefined {
    return this.#keys.get(key)?.lease
  }

  /** Attaches a key, and takes it from the lease that it lived on. */
  attach(lease: LeaseEntry, key: string): void {
    const attached = this.#keys.get(key)
    if (attached === undefined) {
      const added: AttachedKey = { key, lease, next: undefined, previous: undefined }
      prepend(lease, added)
      this.#keys.set(key, added)
    } else if (attached.lease !== lease) {
      remove(attached)
      prepend(lease, attached)
    }
  }

  /** Tells whether the key lived on this lease. */
  detach(lease: LeaseEntry, key: string): boolean {
    const attached = this.#keys.get(key)
    if (attached?.lease !== lease) return false
    remove(attached)
    this.#keys.delete(key)
    return true
  }

  /** At most `maxKeys` keys of the lease, latest attached first. */
  take(lease: LeaseEntry, maxKeys: number): string[] {
    const keys: string[] = []
    for (let at = lease.firstKey; at !== undefined && keys.length < maxKeys; at = at.next) keys.push(at.key)
    return keys
  }

  /** Detaches all keys of the lease and returns them. */
  release(lease: LeaseEntry): string[] {
    const keys = this.take(lease, Infinity)
    for (const key of keys) this.#keys.delete(key)
    lease.firstKey = undefined
    return keys
  }
}

function prepend(lease: LeaseEntry, attached: AttachedKey): void {
  const first = lease.firstKey
  attached.lease = lease
  attached.next = first
  attached.previous = undefined
  if (first !== undefined) first.previous = attached
  lease.firstKey = attached
}

function remove(attached: AttachedKey): void {
  const { next, previous } = attached
  if (previous === undefined) attached.lease.firstKey = next
  else previous.next = next
  if (next !== undefined) next.previous = previous
}
