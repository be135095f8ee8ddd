import { BlockWriter } from './block-writer.ts'
import { EncoderTable } from './encoder-table.ts'
import { type KnownName, knownNames, usualValue } from './known-names.ts'
import { RepeatedFields } from './repeated-fields.ts'

/** We never use more, even if the peer offers it. Unit: bytes. */
const tableMaxBytes = 4_096

/** Two table size updates of at most three bytes each. */
const updatesMaxBytes = 6
/** Three integers: the representation and the lengths of two strings. */
const fieldMaxOverheadBytes = 18

/** Where most blocks are written. Written and read within one call, so that all connections can share it. */
const scratch = Buffer.allocUnsafeSlow(2_048)

/** RFC 7541, section 6: how the first byte of a representation begins, and which bits of it are an index. */
const indexed = { flags: 0x80, mask: 0x7f } as const
const withIndexing = { flags: 0x40, mask: 0x3f } as const
const tableSizeUpdate = { flags: 0x20, mask: 0x1f } as const
const neverIndexed = { flags: 0x10, mask: 0x0f } as const
const withoutIndexing = { flags: 0x00, mask: 0x0f } as const

type Literal = typeof withIndexing | typeof neverIndexed | typeof withoutIndexing

/** Encodes the header blocks that are sent to one peer on one connection, in their order (RFC 7541). */
export class HpackEncoder {
  readonly #table = new EncoderTable(tableMaxBytes)
  readonly #repeated = new RepeatedFields()
  /** The smallest table since the last block, if the peer has to hear of a change. */
  #announceBytes: number | undefined
  #announcements = 0

  /**
   * Changes whenever the dynamic table changes, or the peer has to be told of its size. What `encode` returned
   * may be sent again as long as this is what it was both before and after that call.
   */
  get version(): number {
    return this.#table.version + this.#announcements
  }

  /**
   * Follows the peer's `SETTINGS_HEADER_TABLE_SIZE`, up to 4,096 bytes. A change is announced at the begin of
   * the next block, along with the smallest size that the table had in between (RFC 7541, section 4.2).
   */
  setTableMaxBytes(bytes: number): void {
    const maxBytes = Math.min(bytes, tableMaxBytes)
    if (maxBytes === this.#table.maxBytes) return
    this.#announceBytes = Math.min(this.#announceBytes ?? maxBytes, maxBytes)
    this.#table.resize(maxBytes)
  }

  /**
   * Encodes name, value, name, value and so on; one byte per character, of which the lowest eight bits count.
   * The result is a buffer of its own.
   */
  encode(fields: readonly string[]): Buffer {
    const maxBytes = fields.reduce(
      (sum, text) => sum + text.length + fieldMaxOverheadBytes / 2,
      updatesMaxBytes,
    )
    const writer = new BlockWriter(maxBytes <= scratch.length ? scratch : Buffer.allocUnsafe(maxBytes))
    this.#announce(writer)
    for (let index = 1; index < fields.length; index += 2)
      this.#encodeField(writer, fields[index - 1] ?? '', fields[index] ?? '')
    return writer.toBuffer()
  }

  #announce(writer: BlockWriter): void {
    const smallest = this.#announceBytes
    if (smallest === undefined) return
    const { flags, mask } = tableSizeUpdate
    if (smallest < this.#table.maxBytes) writer.writeInteger(smallest, mask, flags)
    writer.writeInteger(this.#table.maxBytes, mask, flags)
    this.#announceBytes = undefined
    this.#announcements += 1
  }

  #encodeField(writer: BlockWriter, name: string, value: string): void {
    const known = knownNames.get(name)
    const nameIndex = known?.index ?? 0
    if (known?.indexing === 'never') {
      writeLiteral(writer, neverIndexed, nameIndex, name, value)
      return
    }
    const index = known?.indexByValue.get(value) ?? this.#table.indexOf(name, value)
    if (index > 0) {
      writer.writeInteger(index, indexed.mask, indexed.flags)
      return
    }
    // The index counts from before the insertion.
    const literalIndex = nameIndex > 0 ? nameIndex : this.#table.indexOfName(name)
    const inserted = this.#isWorthAnEntry(known, name, value) && this.#table.fits(name, value)
    writeLiteral(writer, inserted ? withIndexing : withoutIndexing, literalIndex, name, value)
    if (inserted) this.#table.insert(name, value)
  }

  #isWorthAnEntry(known: KnownName | undefined, name: string, value: string): boolean {
    if (known?.indexing === 'all') return true
    if (known?.indexing === 'usual' && value === usualValue) return true
    return this.#repeated.isRepeated(name, value)
  }
}

function writeLiteral(
  writer: BlockWriter,
  representation: Literal,
  nameIndex: number,
  name: string,
  value: string,
): void {
  writer.writeInteger(nameIndex, representation.mask, representation.flags)
  if (nameIndex === 0) writer.writeString(name)
  writer.writeString(value)
}
