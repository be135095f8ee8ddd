import type { Key, KeyValue } from '@orrery/mvcc'

/** A key-value pair in plain values, so that a failed comparison can be read. Keys and values are latin1. */
export interface Pair {
  readonly key: Key
  readonly createRevision: number
  readonly modRevision: number
  readonly version: number
  readonly value: string
  readonly lease: bigint
}

export function pairOf(kv: KeyValue): Pair {
  return {
    key: kv.keyString,
    createRevision: kv.createRevision,
    modRevision: kv.modRevision,
    version: kv.version,
    value: latin1(kv.value),
    lease: kv.lease,
  }
}

export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1')
}

export function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'))
}

/** `mvccpb.KeyValue` in protobuf, written a second time, without regard to speed. */
export function encodePair(pair: Pair): Uint8Array {
  const numberField = (field: number, value: bigint): number[] =>
    value === 0n ? [] : [field << 3, ...varint(BigInt.asUintN(64, value))]
  const bytesField = (field: number, bytes: Uint8Array): number[] =>
    bytes.length === 0 ? [] : [(field << 3) | 2, ...varint(BigInt(bytes.length)), ...bytes]
  return Uint8Array.from([
    ...bytesField(1, bytesOf(pair.key)),
    ...numberField(2, BigInt(pair.createRevision)),
    ...numberField(3, BigInt(pair.modRevision)),
    ...numberField(4, BigInt(pair.version)),
    ...bytesField(5, bytesOf(pair.value)),
    ...numberField(6, pair.lease),
  ])
}

function varint(value: bigint): number[] {
  return value < 0x80n ? [Number(value)] : [Number(value & 0x7fn) | 0x80, ...varint(value >> 7n)]
}

/** CRC-32C, one bit at a time. */
export function slowCrc32c(bytes: Iterable<number>): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}
