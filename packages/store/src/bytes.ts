import type { Key } from '@orrery/mvcc'
import type { Bytes } from './store.ts'

/** Text of this kind is its own byte string. */
const ascii = /^[\0-\x7f]*$/

/** A key as the core holds it: one char per byte. */
export function toKey(bytes: Bytes): Key {
  if (typeof bytes === 'string') {
    return ascii.test(bytes) ? bytes : Buffer.from(bytes).toString('latin1')
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

/** A value of our own: the caller may reuse its buffer before the write is applied. */
export function toValue(bytes: Bytes): Uint8Array {
  return typeof bytes === 'string' ? Buffer.from(bytes) : Buffer.from(bytes)
}

/** A key as a caller gets it. */
export function fromKey(key: Key): Uint8Array {
  return Buffer.from(key, 'latin1')
}
