/** Writes the fields of a record one after the other. */
export class ByteWriter {
  #bytes = Buffer.allocUnsafe(64)
  #length = 0

  byte(value: number): this {
    this.#reserve(1)
    this.#bytes[this.#length++] = value
    return this
  }

  /** A safe integer that is not negative. */
  count(value: number): this {
    this.#reserve(8)
    this.#bytes.writeUInt32LE(value % 0x1_0000_0000, this.#length)
    this.#bytes.writeUInt32LE(Math.floor(value / 0x1_0000_0000), this.#length + 4)
    this.#length += 8
    return this
  }

  /** 64 bits. */
  id(value: bigint): this {
    this.#reserve(8)
    this.#bytes.writeBigUInt64LE(BigInt.asUintN(64, value), this.#length)
    this.#length += 8
    return this
  }

  bytes(value: Uint8Array): this {
    this.count(value.length)
    this.#reserve(value.length)
    this.#bytes.set(value, this.#length)
    this.#length += value.length
    return this
  }

  text(value: string): this {
    return this.bytes(Buffer.from(value, 'utf8'))
  }

  list<Item>(items: readonly Item[], write: (item: Item) => void): this {
    this.count(items.length)
    for (const item of items) write(item)
    return this
  }

  texts(values: readonly string[]): this {
    return this.list(values, (value) => this.text(value))
  }

  /** What was written; the writer must not be used afterwards. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + count))
    larger.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = larger
  }
}
