import protobuf from 'protobufjs/minimal.js'
import type { MessageWriter } from '../generated/messages.js'

/** Two halves, as protobuf.js takes a 64-bit integer that is no number. */
interface Halves {
  readonly low: number
  readonly high: number
}

const BaseWriter: new () => MessageWriter & { uint64(value: number | string | Halves): unknown } =
  protobuf.BufferWriter

const uint32Max = 0xffff_ffff

/** Writes messages, and 64-bit integers in them from numbers and bigints. */
export class WireWriter extends BaseWriter {
  /** @param expectedBytes what the message will need; a longer one grows. Unit: bytes. */
  constructor(expectedBytes = 0) {
    super()
    if (expectedBytes > this.buf.length) this.buf = Buffer.allocUnsafe(expectedBytes)
  }

  int64(value: number | bigint): this {
    return this.uint64(value)
  }

  override uint64(value: number | bigint | string | Halves): this {
    if (typeof value === 'bigint') {
      super.uint64({
        low: Number(BigInt.asUintN(32, value)),
        high: Number(BigInt.asUintN(32, value >> 32n)),
      })
    } else if (typeof value === 'number' && value >= 0 && value <= uint32Max) {
      // The same bytes, without the two halves in between.
      this.uint32(value)
    } else super.uint64(value)
    return this
  }
}
