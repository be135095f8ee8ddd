import type { TableEntry } from './table-entry.ts'

/** Grows as needed, so that a connection that uses few entries is small. Unit: entries, a power of two. */
const ringInitialLength = 16

/**
 * The fields that one direction of a connection has added (RFC 7541, section 2.3.2): first in, first out, and
 * limited by what the entries count for.
 */
export class DynamicTable {
  /** The entry with sequence number `n` is at `n` modulo the length. */
  #ring: (TableEntry | undefined)[] = new Array<undefined>(ringInitialLength).fill(undefined)
  readonly #evicted: (entry: TableEntry, sequence: number) => void
  #insertions = 0
  #length = 0
  #bytes = 0
  #maxBytes: number
  #version = 0

  /** `evicted` is told each entry that leaves, and the how manieth insertion it was, counted from 0. */
  constructor(maxBytes: number, evicted: (entry: TableEntry, sequence: number) => void = () => {}) {
    this.#maxBytes = maxBytes
    this.#evicted = evicted
  }

  /** Changes with every insertion, eviction and resize. */
  get version(): number {
    return this.#version
  }

  /** Entries ever inserted: the sequence number of the next one. */
  get insertions(): number {
    return this.#insertions
  }

  /** What the entries may count for together (RFC 7541, section 4.1). Unit: bytes. */
  get maxBytes(): number {
    return this.#maxBytes
  }

  /** The entry that was inserted `age` insertions before the newest one; `undefined` beyond the table. */
  at(age: number): TableEntry | undefined {
    if (age >= this.#length) return undefined
    return this.#ring[(this.#insertions - 1 - age) & (this.#ring.length - 1)]
  }

  /** RFC 7541, section 4.4: an entry that is larger than the table empties it, and is no error. */
  insert(entry: TableEntry): void {
    this.#evictDownTo(this.#maxBytes - entry.bytes)
    if (entry.bytes > this.#maxBytes) return
    if (this.#length === this.#ring.length) this.#grow()
    this.#ring[this.#insertions & (this.#ring.length - 1)] = entry
    this.#insertions += 1
    this.#length += 1
    this.#bytes += entry.bytes
    this.#version += 1
  }

  /** RFC 7541, section 4.3. */
  resize(maxBytes: number): void {
    if (maxBytes === this.#maxBytes) return
    this.#maxBytes = maxBytes
    this.#version += 1
    this.#evictDownTo(maxBytes)
  }

  #evictDownTo(bytes: number): void {
    while (this.#length > 0 && this.#bytes > bytes) {
      const sequence = this.#insertions - this.#length
      const position = sequence & (this.#ring.length - 1)
      const entry = this.#ring[position]
      if (entry === undefined) return
      this.#ring[position] = undefined
      this.#length -= 1
      this.#bytes -= entry.bytes
      this.#version += 1
      this.#evicted(entry, sequence)
    }
  }

  #grow(): void {
    const ring = new Array<TableEntry | undefined>(this.#ring.length * 2).fill(undefined)
    for (let sequence = this.#insertions - this.#length; sequence < this.#insertions; sequence += 1)
      ring[sequence & (ring.length - 1)] = this.#ring[sequence & (this.#ring.length - 1)]
    this.#ring = ring
  }
}
