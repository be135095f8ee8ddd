import { NodeError } from './errors.ts'

/** Reads what a `ByteWriter` wrote. */
export class ByteReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  byte(): number {
    return this.#bytes.readUInt8(this.#take(1))
  }

  count(): number {
    const at = this.#take(8)
    const value = this.#bytes.readUInt32LE(at + 4) * 0x1_0000_0000 + this.#bytes.readUInt32LE(at)
    if (!Number.isSafeInteger(value)) throw malformed()
    return value
  }

  id(): bigint {
    return this.#bytes.readBigUInt64LE(this.#take(8))
  }

  /** A view. */
  bytes(): Uint8Array {
    const length = this.count()
    const at = this.#take(length)
    return this.#bytes.subarray(at, at + length)
  }

  text(): string {
    const bytes = this.bytes()
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
  }

  list<Item>(read: () => Item): Item[] {
    const length = this.count()
    // Each item takes a byte at least: a count beyond that is a lie, and not worth an allocation.
    if (length > this.#bytes.length - this.#at) throw malformed()
    return Array.from({ length }, read)
  }

  texts(): string[] {
    return this.list(() => this.text())
  }

  /** @throws NodeError `NODE_DAMAGED` when something is left */
  end(): void {
    if (this.#at !== this.#bytes.length) throw malformed()
  }

  #take(count: number): number {
    const at = this.#at
    if (count > this.#bytes.length - at) throw malformed()
    this.#at = at + count
    return at
  }
}

function malformed(): NodeError {
  return new NodeError('NODE_DAMAGED', 'a record has no meaning')
}
