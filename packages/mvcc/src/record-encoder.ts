import type { Key } from './key.ts'
import { KeyValue, tag } from './key-value.ts'

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

/** Records up to this size share blocks of memory: one allocation for many puts. Unit: bytes. */
const sharedMaxBytes = 4_096
const blockBytes = 65_536

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
  #block = new Uint8Array(0)
  #blockUsed = 0

  /** The caller must not write to the result; it may share its memory with other records. */
  encode(fields: KeyValueFields): Uint8Array {
    const length = encodedLength(fields)
    if (length > sharedMaxBytes) return write(fields, new Uint8Array(length), 0)
    if (this.#blockUsed + length > this.#block.length) {
      this.#block = new Uint8Array(blockBytes)
      this.#blockUsed = 0
    }
    const start = this.#blockUsed
    this.#blockUsed += length
    write(fields, this.#block, start)
    return this.#block.subarray(start, this.#blockUsed)
  }

  /** What the backend stores for a deletion: the key alone. */
  tombstone(key: Key): Uint8Array {
    return this.encode({ key, createRevision: 0, modRevision: 0, version: 0, value: nothing, lease: 0n })
  }

  /** What watchers get for a deletion: the key and when it was deleted. */
  deletion(key: Key, modRevision: number): KeyValue {
    return new KeyValue(
      this.encode({ key, createRevision: 0, modRevision, version: 0, value: nothing, lease: 0n }),
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

function write(fields: KeyValueFields, target: Uint8Array, start: number): Uint8Array {
  const { key, createRevision, modRevision, version, value, lease } = fields
  let at = start
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
