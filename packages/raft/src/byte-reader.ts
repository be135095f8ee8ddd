import type { RaftErrorCode } from './errors.ts'
import { RaftError } from './errors.ts'

/**
 * Reads what a `ByteWriter` wrote, and believes nothing: every length is held against what is left before
 * anything is allocated, and every value has one encoding.
 */
export class ByteReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #code: RaftErrorCode
  #offset = 0

  /** @param code of the errors that it throws */
  constructor(bytes: Uint8Array, code: RaftErrorCode) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#code = code
  }

  byte(): number {
    const byte = this.#bytes[this.#offset]
    if (byte === undefined) throw this.malformed('ends early')
    this.#offset++
    return byte
  }

  boolean(): boolean {
    const byte = this.byte()
    if (byte > 1) throw this.malformed('neither true nor false')
    return byte === 1
  }

  varint(): number {
    let value = 0
    let scale = 1
    for (;;) {
      const byte = this.byte()
      if (byte === 0 && scale > 1) throw this.malformed('a number is longer than necessary')
      value += (byte & 0x7f) * scale
      if (!Number.isSafeInteger(value)) throw this.malformed('a number is too large')
      if (byte < 0x80) return value
      scale *= 0x80
    }
  }

  id(): bigint {
    this.#require(8)
    const id = this.#view.getBigUint64(this.#offset, true)
    this.#offset += 8
    if (id === 0n) throw this.malformed('an id is 0')
    return id
  }

  /** A view of the bytes that are read. */
  payload(): Uint8Array {
    const length = this.varint()
    this.#require(length)
    this.#offset += length
    return this.#bytes.subarray(this.#offset - length, this.#offset)
  }

  /** How many items follow, each of which takes at least `itemMinBytes`. */
  count(itemMinBytes: number): number {
    const count = this.varint()
    this.#require(count * itemMinBytes)
    return count
  }

  finish(): void {
    if (this.#offset !== this.#bytes.length) throw this.malformed('there is more than expected')
  }

  malformed(reason: string): RaftError {
    return new RaftError(this.#code, `byte ${this.#offset}: ${reason}`)
  }

  #require(bytes: number): void {
    if (bytes > this.#bytes.length - this.#offset) throw this.malformed('ends early')
  }
}
