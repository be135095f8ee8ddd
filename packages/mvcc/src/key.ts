/**
 * A key as the core holds it: a byte string, one char (U+0000 to U+00FF) per byte. V8 stores such a string
 * in one byte per char and compares it like `memcmp`, so `<` on two of them is the bytewise order that etcd
 * clients expect. Text has to be encoded first (see {@link keyFromBytes}): `'é'` is two bytes, two chars.
 */
export type Key = string

/** The `rangeEnd` that stands for "every key from `key` on" (etcd v3 API, RangeRequest). */
export const fromKeyEnd: Key = '\0'

/** Chars per call of `fromCharCode`, well below the argument limit of V8. */
const chunk = 4_096

/** Turns bytes into a byte string. */
export function keyFromBytes(bytes: Uint8Array): Key {
  if (bytes.length <= chunk) return fromBytes(bytes)
  let key = ''
  for (let i = 0; i < bytes.length; i += chunk) key += fromBytes(bytes.subarray(i, i + chunk))
  return key
}

/** Spreading the bytes would go through their iterator, which takes seven times as long. */
function fromBytes(bytes: Uint8Array): Key {
  return Reflect.apply(String.fromCharCode, undefined, bytes) as Key
}

/** Turns a byte string back into bytes. */
export function bytesFromKey(key: Key): Uint8Array {
  const bytes = new Uint8Array(key.length)
  for (let i = 0; i < key.length; i++) bytes[i] = key.charCodeAt(i)
  return bytes
}

/**
 * The `rangeEnd` of all keys that begin with `prefix`: the prefix with its last byte raised by one, trailing
 * 0xff bytes dropped; {@link fromKeyEnd} when nothing is left.
 */
export function prefixEnd(prefix: Key): Key {
  for (let i = prefix.length - 1; i >= 0; i--) {
    const byte = prefix.charCodeAt(i)
    if (byte < 0xff) return prefix.slice(0, i) + String.fromCharCode(byte + 1)
  }
  return fromKeyEnd
}
