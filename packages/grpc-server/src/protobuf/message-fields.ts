import protobuf from 'protobufjs/minimal.js'

/** Reads the values of fields. */
export type FieldReader = protobuf.Reader
/** Writes fields. */
export type FieldWriter = protobuf.Writer

/** What the tag of a field says: its number, and how its value is encoded. */
export const fieldOf = {
  /** A number, an enum or a truth value. */
  varint: (id: number): number => id << 3,
  /** A string, bytes, a message or packed numbers. */
  bytes: (id: number): number => (id << 3) | 2,
} as const

/**
 * Gives the fields of a message one by one, in the order of the bytes. `take` reads the value of a field and
 * answers true; a field that it does not know it leaves alone, and answers false.
 *
 * @throws Error when `bytes` are no message
 */
export function readFields(bytes: Uint8Array, take: (tag: number, reader: FieldReader) => boolean): void {
  const reader = protobuf.Reader.create(bytes)
  while (reader.pos < reader.len) {
    const tag = reader.tag()
    if (!take(tag, reader)) reader.skipType(tag & 7, 0, tag >>> 3)
  }
}

/** Writes a message. */
export function writeMessage(write: (writer: FieldWriter) => void): Buffer {
  const writer = protobuf.Writer.create()
  write(writer)
  const { buffer, byteOffset, length } = writer.finish()
  return Buffer.from(buffer, byteOffset, length)
}

/** Writes a string, unless it is empty: then it is absent, as proto3 has it. */
export function writeString(writer: FieldWriter, id: number, value: string): void {
  if (value !== '') writer.uint32(fieldOf.bytes(id)).string(value)
}

/** Writes a number, unless it is 0. */
export function writeInt32(writer: FieldWriter, id: number, value: number): void {
  if (value !== 0) writer.uint32(fieldOf.varint(id)).int32(value)
}
