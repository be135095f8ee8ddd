import { HpackError } from './hpack-error.ts'
import { decodeHuffman } from './huffman.ts'

/** RFC 7541, section 5.1, leaves it to us what is too large: nothing that a block can mean needs more. */
const integerMax = 2 ** 31 - 1
const continuationMaxBytes = 5

const noBlock = Buffer.alloc(0)

/** Reads the primitive types of RFC 7541, section 5, one after the other. */
export class BlockReader {
  #block: Buffer = noBlock
  #position = 0
  #end = 0

  open(block: Buffer, start: number, end: number): void {
    this.#block = block
    this.#position = start
    this.#end = end
  }

  /** Lets go of the block. */
  close(): void {
    this.#block = noBlock
    this.#position = 0
    this.#end = 0
  }

  get hasMore(): boolean {
    return this.#position < this.#end
  }

  /** @throws HpackError at the end of the block */
  readByte(): number {
    if (this.#position >= this.#end) throw new HpackError('a block ends within a field')
    return this.#block[this.#position++] ?? 0
  }

  /**
   * An integer of RFC 7541, section 5.1, whose first byte is `first` and was read already; `prefixMask` covers
   * the bits of it that count.
   *
   * @throws HpackError above 2^31 - 1, after more than five further bytes, and at the end of the block
   */
  readInteger(first: number, prefixMask: number): number {
    const prefix = first & prefixMask
    return prefix < prefixMask ? prefix : this.#readContinuation(prefix)
  }

  /**
   * A string of RFC 7541, section 5.2, one byte per character.
   *
   * @throws HpackError
   */
  readString(): string {
    const first = this.readByte()
    const length = this.readInteger(first, 0x7f)
    const start = this.#position
    const end = start + length
    if (end > this.#end) throw new HpackError('a block ends within a string')
    this.#position = end
    if (length === 0) return ''
    return first >= 0x80 ? decodeHuffman(this.#block, start, end) : this.#block.toString('latin1', start, end)
  }

  #readContinuation(prefix: number): number {
    let value = prefix
    let factor = 1
    for (let count = 0; count < continuationMaxBytes; count += 1) {
      const byte = this.readByte()
      value += (byte & 0x7f) * factor
      if (value > integerMax) throw new HpackError('an integer is too large')
      if (byte < 0x80) return value
      factor *= 128
    }
    throw new HpackError('an integer is too long')
  }
}
