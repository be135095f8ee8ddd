/** Castagnoli's polynomial, bits reversed. */
const polynomial = 0x82f63b78

/**
 * Eight tables of 256: entry [k][b] is the checksum of byte b followed by k zero bytes, so that eight bytes
 * need eight look-ups and no shifts in between ("slicing by 8", Kounavis and Berry, 2005).
 */
const tables: readonly Uint32Array[] = makeTables()

function makeTables(): readonly Uint32Array[] {
  const first = new Uint32Array(256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
    first[byte] = crc
  }
  const all = [first]
  for (let k = 1; k < 8; k++) {
    const previous = all[k - 1] ?? first
    all.push(previous.map((crc) => (first[crc & 0xff] ?? 0) ^ (crc >>> 8)))
  }
  return all
}

const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
]

/**
 * CRC-32C of `bytes`, continuing from the checksum of what came before.
 *
 * @param previous 0 at the start
 * @returns an unsigned 32-bit integer
 */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  let crc = ~previous
  let at = 0
  const whole = bytes.length - (bytes.length % 8)
  for (; at < whole; at += 8) {
    const low =
      crc ^
      (byteAt(bytes, at) |
        (byteAt(bytes, at + 1) << 8) |
        (byteAt(bytes, at + 2) << 16) |
        (byteAt(bytes, at + 3) << 24))
    crc =
      byteAt(t7, low & 0xff) ^
      byteAt(t6, (low >>> 8) & 0xff) ^
      byteAt(t5, (low >>> 16) & 0xff) ^
      byteAt(t4, low >>> 24) ^
      byteAt(t3, byteAt(bytes, at + 4)) ^
      byteAt(t2, byteAt(bytes, at + 5)) ^
      byteAt(t1, byteAt(bytes, at + 6)) ^
      byteAt(t0, byteAt(bytes, at + 7))
  }
  for (; at < bytes.length; at++) crc = byteAt(t0, (crc ^ byteAt(bytes, at)) & 0xff) ^ (crc >>> 8)
  return ~crc >>> 0
}

/** An element that exists by construction: V8 inlines this, and then knows the type. */
function byteAt(array: Uint8Array | Uint32Array, index: number): number {
  return array[index] ?? 0
}
