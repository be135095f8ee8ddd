import protobuf from 'protobufjs/minimal.js'
import type { MessageReader } from '../generated/messages.js'

/** Bytes of a varint that are surely exact as a number: 7 bits each. */
const numberMaxBytes = 7
const varintMaxBytes = 10

const BaseReader: new (buffer: Buffer) => MessageReader = protobuf.BufferReader

/** Reads messages, and 64-bit integers in them as a number where that is exact, else as a bigint. */
export class WireReader extends BaseReader {
  constructor(bytes: Uint8Array) {
    super(Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  }

  int64(): number | bigint {
    const value = this.#varint()
    if (typeof value === 'number') return value
    const signed = BigInt.asIntN(64, value)
    const number = Number(signed)
    return Number.isSafeInteger(number) ? number : signed
  }

  uint64(): number | bigint {
    const value = this.#varint()
    if (typeof value === 'number') return value
    const unsigned = BigInt.asUintN(64, value)
    const number = Number(unsigned)
    return Number.isSafeInteger(number) ? number : unsigned
  }

  #varint(): number | bigint {
    const { buf, pos } = this
    const end = Math.min(this.len, pos + numberMaxBytes)
    let value = 0
    let scale = 1
    for (let at = pos; at < end; at++) {
      const byte = buf[at] ?? 0
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        this.pos = at + 1
        return value
      }
      scale *= 0x80
    }
    return this.#longVarint()
  }

  #longVarint(): bigint {
    const { buf, pos } = this
    const end = Math.min(this.len, pos + varintMaxBytes)
    let value = 0n
    for (let at = pos; at < end; at++) {
      const byte = buf[at] ?? 0
      value |= BigInt(byte & 0x7f) << BigInt(7 * (at - pos))
      if (byte < 0x80) {
        this.pos = at + 1
        return value
      }
    }
    throw new RangeError('a varint does not end')
  }
}
