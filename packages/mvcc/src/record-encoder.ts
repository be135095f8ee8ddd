import type { Key } from './key.ts'
import { KeyValue, tag } from './key-value.ts'
import { RecordMemory } from './record-memory.ts'

const nothing = new Uint8Array(0)

/** What a {@link KeyValue} record is made of. A field that is 0 or empty is left out of the encoding. */
export interface KeyValueFields {
  readonly key: Key
  readonly createRevision: number
  readonly modRevision: number
  readonly version: number
  readonly value: Uint8Array
  readonly lease: bigint
}

function varintLength(value: number): number {
  let length = 1
  for (let rest = value; rest >= 0x80; rest /= 0x80) length++
  return length
}

function leaseLength(lease: bigint): number {
  let length = 1
  for (let rest = BigInt.asUintN(64, lease); rest >= 0x80n; rest >>= 7n) length++
  return length
}

/**
 * Encodes `mvccpb.KeyValue` exactly as Go's protobuf does (fields in order of number, zero fields left
 * out): `hashKv` is taken over these bytes and must equal etcd's.
 */
export class RecordEncoder {
  readonly #memory = new RecordMemory()

  /** The caller must not write to the result; it may share its memory with other records. */
  encode(fields: KeyValueFields): Uint8Array {
    return write(fields, this.#memory.allocate(encodedLength(fields)))
  }

  /** What the backend stores for a deletion: the key alone. */
  tombstone(key: Key): Uint8Array {
    return this.encode({ key, createRevision: 0, modRevision: 0, version: 0, value: nothing, lease: 0n })
  }

  /** What watchers get for a deletion: the key and when it was deleted. */
  deletion(key: Key, modRevision: number): KeyValue {
    return new KeyValue(
      this.encode({ key, createRevision: 0, modRevision, version: 0, value: nothing, lease: 0n }),
      key,
    )
  }
}

function encodedLength({ key, createRevision, modRevision, version, value, lease }: KeyValueFields): number {
  let length = 0
  if (key.length > 0) length += 1 + varintLength(key.length) + key.length
  if (createRevision > 0) length += 1 + varintLength(createRevision)
  if (modRevision > 0) length += 1 + varintLength(modRevision)
  if (version > 0) length += 1 + varintLength(version)
  if (value.length > 0) length += 1 + varintLength(value.length) + value.length
  if (lease !== 0n) length += 1 + leaseLength(lease)
  return length
}

function writeVarint(target: Uint8Array, start: number, value: number): number {
  let at = start
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) target[at++] = (rest % 0x80) + 0x80
  target[at++] = rest
  return at
}

function write(fields: KeyValueFields, target: Uint8Array): Uint8Array {
  const { key, createRevision, modRevision, version, value, lease } = fields
  let at = 0
  if (key.length > 0) {
    target[at++] = tag.key
    at = writeVarint(target, at, key.length)
    for (let i = 0; i < key.length; i++) target[at++] = key.charCodeAt(i)
  }
  if (createRevision > 0) {
    target[at++] = tag.createRevision
    at = writeVarint(target, at, createRevision)
  }
  if (modRevision > 0) {
    target[at++] = tag.modRevision
    at = writeVarint(target, at, modRevision)
  }
  if (version > 0) {
    target[at++] = tag.version
    at = writeVarint(target, at, version)
  }
  if (value.length > 0) {
    target[at++] = tag.value
    at = writeVarint(target, at, value.length)
    target.set(value, at)
    at += value.length
  }
  if (lease !== 0n) {
    target[at++] = tag.lease
    let rest = BigInt.asUintN(64, lease)
    for (; rest >= 0x80n; rest >>= 7n) target[at++] = Number(rest & 0x7fn) | 0x80
    target[at] = Number(rest)
  }
  return target
}
