import { invariant } from '@orrery/environment'
import { keyFromBytes, type Key } from './key.ts'

/** Field tags of `mvccpb.KeyValue`: (field number << 3) | wire type. */
export const tag = {
  key: 0x0a,
  createRevision: 0x10,
  modRevision: 0x18,
  version: 0x20,
  value: 0x2a,
  lease: 0x30,
}

const nothing = new Uint8Array(0)

/**
 * One revision of a key. It wraps the protobuf message `mvccpb.KeyValue` that the backend stores, and
 * decodes it on first use: many are only passed on, and an adapter may then send {@link record} as it is.
 */
export class KeyValue {
  /** The encoded message. Treat as read-only: watchers and readers share it. */
  readonly record: Uint8Array
  #decoded = false
  #keyStart = 0
  #keyEnd = 0
  /** Where the value's field begins, with its tag. */
  #valueTag = 0
  #valueStart = 0
  #valueEnd = 0
  #createRevision = 0
  #modRevision = 0
  #version = 0
  #lease = 0n

  constructor(record: Uint8Array) {
    this.record = record
  }

  /** The key. A view: copy it before keeping it for long. */
  get key(): Uint8Array {
    this.#decode()
    return this.record.subarray(this.#keyStart, this.#keyEnd)
  }

  /** The key as a byte string. */
  get keyString(): Key {
    return keyFromBytes(this.key)
  }

  /** The value. A view: copy it before keeping it for long. */
  get value(): Uint8Array {
    this.#decode()
    return this.#valueEnd === 0 ? nothing : this.record.subarray(this.#valueStart, this.#valueEnd)
  }

  /** The store revision at which the key last began to exist. */
  get createRevision(): number {
    this.#decode()
    return this.#createRevision
  }

  /** The store revision of this change. */
  get modRevision(): number {
    this.#decode()
    return this.#modRevision
  }

  /** Changes since the key began to exist, from 1. 0: this is a deletion. */
  get version(): number {
    this.#decode()
    return this.#version
  }

  /** The lease that the key is attached to. 0: none. */
  get lease(): bigint {
    this.#decode()
    return this.#lease
  }

  #decode(): void {
    if (this.#decoded) return
    const { record } = this
    let at = 0
    const varint = (): number => {
      let value = 0
      let scale = 1
      for (;;) {
        const byte = record[at++]
        invariant(byte !== undefined, 'a stored key-value record ends early')
        value += (byte & 0x7f) * scale
        if (byte < 0x80) return value
        scale *= 0x80
      }
    }
    while (at < record.length) {
      switch (record[at++]) {
        case tag.key: {
          const length = varint()
          this.#keyStart = at
          at += length
          this.#keyEnd = at
          break
        }
        case tag.createRevision:
          this.#createRevision = varint()
          break
        case tag.modRevision:
          this.#modRevision = varint()
          break
        case tag.version:
          this.#version = varint()
          break
        case tag.value: {
          this.#valueTag = at - 1
          const length = varint()
          this.#valueStart = at
          at += length
          this.#valueEnd = at
          break
        }
        case tag.lease: {
          let lease = 0n
          for (let shift = 0n; ; shift += 7n) {
            const byte = record[at++]
            invariant(byte !== undefined, 'a stored key-value record ends early')
            lease |= BigInt(byte & 0x7f) << shift
            if (byte < 0x80) break
          }
          this.#lease = BigInt.asIntN(64, lease)
          break
        }
        default:
          invariant(false, 'a stored key-value record has an unknown field')
      }
    }
    invariant(at === record.length, 'a stored key-value record ends early')
    this.#decoded = true
  }

  /** A copy without its value, as a range with `keysOnly` returns it. */
  withoutValue(): KeyValue {
    this.#decode()
    if (this.#valueEnd === 0) return this
    const rest = this.record.subarray(this.#valueEnd)
    const copy = new Uint8Array(this.#valueTag + rest.length)
    copy.set(this.record.subarray(0, this.#valueTag))
    copy.set(rest, this.#valueTag)
    return new KeyValue(copy)
  }
}
