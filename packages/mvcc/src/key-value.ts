import { invariant } from '@orrery/environment'
import { type Key, keyFromBytes } from './key.ts'

/** Field tags of `mvccpb.KeyValue`: (field number << 3) | wire type. */
export const tag = {
  key: 0x0a,
  createRevision: 0x10,
  modRevision: 0x18,
  version: 0x20,
  value: 0x2a,
  lease: 0x30,
} as const

const nothing = new Uint8Array(0)

/**
 * One revision of a key. It wraps the protobuf message `mvccpb.KeyValue` that the backend stores, and
 * decodes it on first use: many are only passed on, and an adapter may then send {@link record} as it is.
 */
export class KeyValue {
  /** The encoded message. Treat as read-only: watchers and readers share it. */
  readonly record: Uint8Array
  #key: Key | undefined
  #fields: DecodedRecord | undefined

  /** @param key of the record, where it is known already: it need not be decoded then */
  constructor(record: Uint8Array, key?: Key) {
    this.record = record
    this.#key = key
    this.#fields = undefined
  }

  /** The key. A view: copy it before keeping it for long. */
  get key(): Uint8Array {
    const { keyStart, keyEnd } = this.#decode()
    return this.record.subarray(keyStart, keyEnd)
  }

  /** The key as a byte string. */
  get keyString(): Key {
    return this.#key ?? keyFromBytes(this.key)
  }

  /** The value. A view: copy it before keeping it for long. */
  get value(): Uint8Array {
    const { valueStart, valueEnd } = this.#decode()
    return valueEnd === 0 ? nothing : this.record.subarray(valueStart, valueEnd)
  }

  /** The store revision at which the key last began to exist. */
  get createRevision(): number {
    return this.#decode().createRevision
  }

  /** The store revision of this change. */
  get modRevision(): number {
    return this.#decode().modRevision
  }

  /** Changes since the key began to exist, from 1. 0: this is a deletion. */
  get version(): number {
    return this.#decode().version
  }

  /** The lease that the key is attached to. 0: none. */
  get lease(): bigint {
    return this.#decode().lease
  }

  /** A copy without its value, as a range with `keysOnly` returns it. */
  withoutValue(): KeyValue {
    const { valueTag, valueEnd } = this.#decode()
    if (valueEnd === 0) return this
    const rest = this.record.subarray(valueEnd)
    const copy = new Uint8Array(valueTag + rest.length)
    copy.set(this.record.subarray(0, valueTag))
    copy.set(rest, valueTag)
    return new KeyValue(copy)
  }

  #decode(): DecodedRecord {
    return (this.#fields ??= new DecodedRecord(this.record))
  }
}

/** The fields of a record, and where its bytes are. */
class DecodedRecord {
  keyStart = 0
  keyEnd = 0
  /** Where the value's field begins, with its tag. */
  valueTag = 0
  valueStart = 0
  valueEnd = 0
  createRevision = 0
  modRevision = 0
  version = 0
  lease = 0n
  /** Where the next field begins. */
  #at = 0

  constructor(record: Uint8Array) {
    while (this.#at < record.length) this.#readField(record)
    invariant(this.#at === record.length, 'a stored key-value record ends early')
  }

  #readField(record: Uint8Array): void {
    const start = this.#at
    switch (record[this.#at++]) {
      case tag.key: {
        const length = this.#readVarint(record)
        this.keyStart = this.#at
        this.keyEnd = this.#at += length
        break
      }
      case tag.createRevision:
        this.createRevision = this.#readVarint(record)
        break
      case tag.modRevision:
        this.modRevision = this.#readVarint(record)
        break
      case tag.version:
        this.version = this.#readVarint(record)
        break
      case tag.value: {
        const length = this.#readVarint(record)
        this.valueTag = start
        this.valueStart = this.#at
        this.valueEnd = this.#at += length
        break
      }
      case tag.lease:
        this.lease = this.#readLease(record)
        break
      default:
        invariant(false, 'a stored key-value record has an unknown field')
    }
  }

  #readVarint(record: Uint8Array): number {
    let value = 0
    for (let scale = 1; ; scale *= 0x80) {
      const byte = record[this.#at++]
      invariant(byte !== undefined, 'a stored key-value record ends early')
      if (byte < 0x80) return value + byte * scale
      value += (byte & 0x7f) * scale
    }
  }

  #readLease(record: Uint8Array): bigint {
    let lease = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = record[this.#at++]
      invariant(byte !== undefined, 'a stored key-value record ends early')
      lease |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asIntN(64, lease)
    }
  }
}
