import { invariant } from '@orrery/environment'

/**
 * Writes varints, ids and payloads into a buffer that was allocated large enough: whoever encodes bounds the
 * size first, so that a payload is copied once and never again.
 */
export class ByteWriter {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #offset = 0

  constructor(maxBytes: number) {
    this.#bytes = new Uint8Array(maxBytes)
    this.#view = new DataView(this.#bytes.buffer)
  }

  byte(value: number): void {
    this.#bytes[this.#offset++] = value
  }

  /** A safe integer that is not negative, 7 bits per byte, lowest first: 1 to 8 bytes. */
  varint(value: number): void {
    invariant(Number.isSafeInteger(value) && value >= 0, 'a varint is a safe integer that is not negative')
    let rest = value
    // Bit operations see 32 bits only.
    while (rest >= 0x8000_0000) {
      this.#bytes[this.#offset++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    while (rest >= 0x80) {
      this.#bytes[this.#offset++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#bytes[this.#offset++] = rest
  }

  /** 8 bytes: ids are random, a varint would be longer. */
  id(id: bigint): void {
    invariant(id > 0n && id < 1n << 64n, 'an id has 64 bits and is not 0')
    this.#view.setBigUint64(this.#offset, id, true)
    this.#offset += 8
  }

  /** Length and content. */
  payload(payload: Uint8Array): void {
    this.varint(payload.length)
    this.#bytes.set(payload, this.#offset)
    this.#offset += payload.length
  }

  /** What was written: a view of the buffer. */
  finish(): Uint8Array {
    invariant(this.#offset <= this.#bytes.length, 'the size was bounded too low')
    return this.#bytes.subarray(0, this.#offset)
  }
}
