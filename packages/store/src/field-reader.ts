import { StoreError } from './errors.ts'

/** Takes fields from an entry, and refuses to read beyond its end. */
export class FieldReader {
  readonly #buffer: Buffer
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get done(): boolean {
    return this.#at === this.#buffer.length
  }

  byte(): number {
    return this.#buffer.readUInt8(this.#advance(1))
  }

  enumerated<T extends string>(values: readonly T[]): T {
    const value = values[this.byte()]
    if (value === undefined) throw damaged('an unknown number')
    return value
  }

  number(): number {
    return this.#buffer.readDoubleLE(this.#advance(8))
  }

  id(): bigint {
    return this.#buffer.readBigInt64LE(this.#advance(8))
  }

  count(): number {
    return this.#buffer.readUInt32LE(this.#advance(4))
  }

  key(): string {
    const length = this.count()
    const start = this.#advance(length)
    return this.#buffer.toString('latin1', start, start + length)
  }

  bytes(): Uint8Array {
    const length = this.count()
    const start = this.#advance(length)
    return this.#buffer.subarray(start, start + length)
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: this.#plausible(this.count()) }, read)
  }

  /** Every element takes a byte at least: a damaged count must not allocate more than the entry holds. */
  #plausible(count: number): number {
    if (count > this.#buffer.length - this.#at) throw damaged('a list that is longer than the entry')
    return count
  }

  #advance(length: number): number {
    const start = this.#at
    if (start + length > this.#buffer.length) throw damaged('an early end')
    this.#at += length
    return start
  }
}

/** The error for an entry that is not what `CommandEncoder` wrote. */
export function damaged(what: string): StoreError {
  return new StoreError('STORE_DAMAGED', `an entry of the log has ${what}`)
}
