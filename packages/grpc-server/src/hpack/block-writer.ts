import { encodeHuffman, huffmanByteLength } from './huffman.ts'

/** Up to this length a loop is faster than a call into the runtime. Unit: characters. */
const loopMaxLength = 24

/** Writes the primitive types of RFC 7541, section 5, one after the other. */
export class BlockWriter {
  readonly #target: Buffer
  #length = 0

  /** `target` has to be long enough for all that is written. */
  constructor(target: Buffer) {
    this.#target = target
  }

  /** Bytes written. */
  get length(): number {
    return this.#length
  }

  /**
   * An integer of RFC 7541, section 5.1, at most 2^31 - 1; `prefixMask` covers the bits of its first byte that
   * it has, and `flags` are the others.
   */
  writeInteger(value: number, prefixMask: number, flags: number): void {
    if (value < prefixMask) {
      this.#target[this.#length++] = flags | value
      return
    }
    this.#target[this.#length++] = flags | prefixMask
    let rest = value - prefixMask
    for (; rest >= 0x80; rest >>>= 7) this.#target[this.#length++] = 0x80 | (rest & 0x7f)
    this.#target[this.#length++] = rest
  }

  /** A string of RFC 7541, section 5.2, one byte per character, in whichever form is shorter. */
  writeString(text: string): void {
    const codedBytes = huffmanByteLength(text)
    if (codedBytes < text.length) {
      this.writeInteger(codedBytes, 0x7f, 0x80)
      encodeHuffman(text, this.#target, this.#length)
      this.#length += codedBytes
      return
    }
    this.writeInteger(text.length, 0x7f, 0)
    if (text.length > loopMaxLength) this.#target.write(text, this.#length, 'latin1')
    else
      for (let index = 0; index < text.length; index += 1)
        this.#target[this.#length + index] = text.charCodeAt(index)
    this.#length += text.length
  }

  /** A copy of what was written. */
  toBuffer(): Buffer {
    const copy = Buffer.allocUnsafe(this.#length)
    this.#target.copy(copy, 0, 0, this.#length)
    return copy
  }
}
