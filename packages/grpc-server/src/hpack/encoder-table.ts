import { DynamicTable } from './dynamic-table.ts'
import { staticTableLength } from './static-table.ts'
import { createTableEntry, type TableEntry } from './table-entry.ts'

/** Where the entries of one name are, by sequence number. */
interface NameEntries {
  newest: number
  readonly byValue: Map<string, number>
}

/** A dynamic table that finds its entries by name and value. */
export class EncoderTable {
  readonly #names = new Map<string, NameEntries>()
  readonly #table: DynamicTable

  constructor(maxBytes: number) {
    this.#table = new DynamicTable(maxBytes, (entry, sequence) => this.#forget(entry, sequence))
  }

  get version(): number {
    return this.#table.version
  }

  get maxBytes(): number {
    return this.#table.maxBytes
  }

  resize(maxBytes: number): void {
    this.#table.resize(maxBytes)
  }

  /** Whether a field can be an entry at all. */
  fits(name: string, value: string): boolean {
    return createTableEntry(name, value).bytes <= this.#table.maxBytes
  }

  /** Index of the entry with that name and value (RFC 7541, section 2.3.3); 0: there is none. */
  indexOf(name: string, value: string): number {
    return this.#indexOf(this.#names.get(name)?.byValue.get(value))
  }

  /** Index of the newest entry with that name; 0: there is none. */
  indexOfName(name: string): number {
    return this.#indexOf(this.#names.get(name)?.newest)
  }

  /** Adds a field that {@link fits} and that {@link indexOf} does not find. */
  insert(name: string, value: string): void {
    const sequence = this.#table.insertions
    this.#table.insert(createTableEntry(name, value))
    const entries = this.#names.get(name)
    if (entries === undefined) {
      this.#names.set(name, { newest: sequence, byValue: new Map([[value, sequence]]) })
      return
    }
    entries.newest = sequence
    entries.byValue.set(value, sequence)
  }

  #indexOf(sequence: number | undefined): number {
    return sequence === undefined ? 0 : staticTableLength + this.#table.insertions - sequence
  }

  /** The oldest entry goes first, so that a name whose newest one goes has no other. */
  #forget(entry: TableEntry, sequence: number): void {
    const entries = this.#names.get(entry.name)
    if (entries?.newest === sequence) this.#names.delete(entry.name)
    else entries?.byValue.delete(entry.value)
  }
}
