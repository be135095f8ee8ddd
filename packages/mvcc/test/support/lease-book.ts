import type { Key, KeyLeases } from '@orrery/mvcc'

/** The leases of a test: which exist, and what the core said about keys. */
export class LeaseBook implements KeyLeases {
  readonly attached = new Map<Key, bigint>()
  readonly #existing: ReadonlySet<bigint>

  constructor(existing: ReadonlySet<bigint>) {
    this.#existing = existing
  }

  has(lease: bigint): boolean {
    return this.#existing.has(lease)
  }

  attach(lease: bigint, key: Key): void {
    this.attached.set(key, lease)
  }

  detach(key: Key): void {
    this.attached.delete(key)
  }

  keysOf(lease: bigint): readonly Key[] {
    return [...this.attached].flatMap(([key, id]) => (id === lease ? [key] : [])).sort()
  }
}
