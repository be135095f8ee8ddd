import { BlockReader } from './block-reader.ts'
import { DynamicTable } from './dynamic-table.ts'
import { HpackError } from './hpack-error.ts'
import { staticTable, staticTableLength } from './static-table.ts'
import { createTableEntry, type TableEntry } from './table-entry.ts'

export { HpackError } from './hpack-error.ts'

/** What one block may hold. */
export interface HeaderListLimits {
  /** Name, value and 32 bytes of each field together (RFC 9113, section 6.5.2). Unit: bytes. */
  readonly listMaxBytes: number
  readonly listMaxFields: number
}

/** RFC 9113, section 6.5.2: the table of a peer that was not told anything. Unit: bytes. */
const initialTableBytes = 4_096

/** RFC 7541, section 4.2: the smallest size since the last block, and the final one. */
const tableSizeUpdatesMax = 2

/** In place of a field's first byte: the block is at its end. */
const noField = -1

/** Decodes the header blocks that one peer sends on one connection, in their order (RFC 7541). */
export class HpackDecoder {
  readonly #tableMaxBytes: number
  readonly #table: DynamicTable
  readonly #reader = new BlockReader()

  /** `tableMaxBytes` is what the peer was told in `SETTINGS_HEADER_TABLE_SIZE`. Unit: bytes. */
  constructor(options: { readonly tableMaxBytes: number }) {
    this.#tableMaxBytes = options.tableMaxBytes
    this.#table = new DynamicTable(Math.min(options.tableMaxBytes, initialTableBytes))
  }

  /**
   * Changes whenever the dynamic table changes (insertion, eviction, resize). A block that left it as it was
   * means the same as long as it is the same.
   */
  get version(): number {
    return this.#table.version
  }

  /**
   * Decodes `block[start, end)` and appends name, value, name, value and so on to `fields`, one byte per
   * character. Once the list is over a limit nothing more is appended, but the block is read to its end, so
   * that the table stays in step. Returns whether the list was within the limits.
   *
   * The work is in proportion to the length of the block: fields of a table are passed on, never copied.
   *
   * @throws HpackError when the block breaks RFC 7541. The decoder is of no use any more then.
   */
  decode(block: Buffer, start: number, end: number, fields: string[], limits: HeaderListLimits): boolean {
    const reader = this.#reader
    reader.open(block, start, end)
    let bytes = 0
    let count = 0
    let within = true
    let first = this.#readTableSizeUpdates()
    while (first !== noField) {
      const entry = first >= 0x80 ? this.#entry(reader.readInteger(first, 0x7f)) : this.#readLiteral(first)
      bytes += entry.bytes
      count += 1
      within = bytes <= limits.listMaxBytes && count <= limits.listMaxFields
      if (within) fields.push(entry.name, entry.value)
      first = reader.hasMore ? reader.readByte() : noField
    }
    reader.close()
    return within
  }

  /** RFC 7541, section 6.2; the first byte tells the three of them apart. */
  #readLiteral(first: number): TableEntry {
    if (first >= 0x40) {
      const entry = this.#readNameAndValue(first, 0x3f)
      this.#table.insert(entry)
      return entry
    }
    if (first >= 0x20) throw new HpackError('a table size update is not at the begin of its block')
    return this.#readNameAndValue(first, 0x0f)
  }

  #readNameAndValue(first: number, prefixMask: number): TableEntry {
    const index = this.#reader.readInteger(first, prefixMask)
    const name = index === 0 ? this.#reader.readString() : this.#entry(index).name
    return createTableEntry(name, this.#reader.readString())
  }

  /** RFC 7541, section 2.3.3: one range of indexes for both tables. */
  #entry(index: number): TableEntry {
    const entry =
      index <= staticTableLength ? staticTable[index - 1] : this.#table.at(index - 1 - staticTableLength)
    if (entry === undefined) throw new HpackError(`there is no table entry with index ${index}`)
    return entry
  }

  /** RFC 7541, sections 4.2 and 6.3. Returns the first byte of the first field, or {@link noField}. */
  #readTableSizeUpdates(): number {
    const reader = this.#reader
    for (let updates = 0; reader.hasMore; updates += 1) {
      const first = reader.readByte()
      if ((first & 0xe0) !== 0x20) return first
      if (updates === tableSizeUpdatesMax) throw new HpackError('a block updates the table size too often')
      const maxBytes = reader.readInteger(first, 0x1f)
      if (maxBytes > this.#tableMaxBytes) throw new HpackError('a table size update is beyond the limit')
      this.#table.resize(maxBytes)
    }
    return noField
  }
}
