import { invariant } from '@orrery/environment'

/** Appends fields to a buffer that grows, and is used again for the next command. */
export class FieldWriter {
  #buffer = Buffer.allocUnsafe(4_096)
  #length = 0

  /** Of the fields since {@link start}. Unit: bytes. */
  get length(): number {
    return this.#length
  }

  start(): void {
    this.#length = 0
  }

  /** Valid until the next {@link start}. */
  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }

  byte(value: number): void {
    this.#reserve(1)
    this.#buffer[this.#length++] = value
  }

  enumerated<T extends string>(values: readonly T[], value: T): void {
    const at = values.indexOf(value)
    invariant(at >= 0, `${value} has a number in the format`)
    this.byte(at)
  }

  flag(value: boolean | undefined): void {
    this.byte(value === true ? 1 : 0)
  }

  /** A signed number: integers of any size that a double holds, and what is not an integer, too. */
  number(value: number): void {
    this.#reserve(8)
    this.#length = this.#buffer.writeDoubleLE(value, this.#length)
  }

  id(value: bigint): void {
    this.#reserve(8)
    this.#length = this.#buffer.writeBigInt64LE(BigInt.asIntN(64, value), this.#length)
  }

  count(value: number): void {
    this.#reserve(4)
    this.#length = this.#buffer.writeUInt32LE(value, this.#length)
  }

  key(value: string): void {
    this.count(value.length)
    this.#reserve(value.length)
    this.#length += this.#buffer.write(value, this.#length, 'latin1')
  }

  bytes(value: Uint8Array): void {
    this.count(value.length)
    this.#reserve(value.length)
    this.#buffer.set(value, this.#length)
    this.#length += value.length
  }

  #reserve(length: number): void {
    if (this.#length + length <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + length))
    this.#buffer.copy(larger, 0, 0, this.#length)
    this.#buffer = larger
  }
}
