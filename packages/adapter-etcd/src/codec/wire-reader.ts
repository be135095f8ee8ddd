import protobuf from 'protobufjs/minimal.js'
import type { MessageReader } from '../generated/messages.js'

const varintMaxBytes = 10
const twoTo32 = 0x1_0000_0000

const BaseReader: new (buffer: Buffer) => MessageReader = protobuf.BufferReader

/** Reads messages, and 64-bit integers in them as a number where that is exact, else as a bigint. */
export class WireReader extends BaseReader {
  #high = 0

  constructor(bytes: Uint8Array) {
    super(Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  }

  int64(): number | bigint {
    const low = this.#lowHalf()
    const high = this.#high | 0
    const number = high * twoTo32 + low
    return Number.isSafeInteger(number) ? number : (BigInt(high) << 32n) | BigInt(low)
  }

  uint64(): number | bigint {
    const low = this.#lowHalf()
    const high = this.#high >>> 0
    const number = high * twoTo32 + low
    return Number.isSafeInteger(number) ? number : (BigInt(high) << 32n) | BigInt(low)
  }

  /** Reads a varint: gives its low half, unsigned, and leaves its high half in {@link #high}. */
  #lowHalf(): number {
    const { buf, pos } = this
    const end = Math.min(this.len, pos + varintMaxBytes)
    let low = 0
    let high = 0
    for (let at = pos, shift = 0; at < end; at++, shift += 7) {
      const byte = buf[at] ?? 0
      const bits = byte & 0x7f
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high = bits >>> 4
      } else high |= bits << (shift - 32)
      if (byte < 0x80) {
        this.pos = at + 1
        this.#high = high
        return low >>> 0
      }
    }
    throw new RangeError('a varint does not end')
  }
}
