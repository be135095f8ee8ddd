import protobuf, { type Type } from 'protobufjs'
import { typeOf } from './schema.ts'

const wireTypes: Readonly<Record<string, number>> = {
  int32: 0,
  int64: 0,
  uint32: 0,
  uint64: 0,
  bool: 0,
  bytes: 2,
  string: 2,
}
const lengthDelimited = 2

/**
 * Whether Go's generated code, which etcd uses, reads a message otherwise than the protobuf specification:
 *
 * - a known field with another wire type than its own is unknown and skipped; Go refuses the message;
 * - a range end that is present and empty is the same as none; Go tells one from the other, and reads all
 *   keys from the key on, unless the request came through the log.
 */
export function isDisputed(message: string, bytes: Uint8Array): boolean {
  try {
    return hasForeignField(typeOf(message), bytes)
  } catch {
    // Not a message at all: everybody refuses it.
    return false
  }
}

function hasForeignField(type: Type, bytes: Uint8Array): boolean {
  const reader = protobuf.Reader.create(bytes)
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    const field = type.fieldsById[tag >>> 3]
    const wireType = tag & 7
    if (field !== undefined) {
      field.resolve()
      const nested = field.resolvedType
      const own = wireTypes[field.type] ?? (nested !== null && 'fieldsById' in nested ? lengthDelimited : 0)
      // Repeated numbers come packed or one by one.
      if (wireType !== own && !(field.repeated && wireType === lengthDelimited)) return true
      if (nested !== null && 'fieldsById' in nested) {
        if (hasForeignField(nested, reader.bytes())) return true
        continue
      }
    }
    if (field?.name === 'range_end' && reader.buf[reader.pos] === 0) return true
    reader.skipType(wireType)
  }
  return false
}
