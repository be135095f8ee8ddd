/** How many parts clients are divided into. */
export const bucketCount = 10_000

const fnvOffset = 0x811c9dc5
const fnvPrime = 0x01000193

/**
 * In which of {@link bucketCount} parts of its clients a file has one. The same on every member and for ever: whoever changes this changes
 * who sees what.
 *
 * It is FNV-1a with 32 bits over the UTF-16 code units of `<path>`, a code unit 0, and `<who>`, low byte before high byte. Its last bytes
 * have little to say in its high bits, and ids often differ only there; so MurmurHash3's last step mixes it. What remains of the division
 * by the number of parts is the part.
 *
 * @param path of the file, as `filePath` makes it: otherwise the first to get everything new would always be the same ones
 * @param who id or address of the client
 */
export function bucketOf(path: string, who: string): number {
  return mix(hash(hash(hash(fnvOffset, path), '\0'), who)) % bucketCount
}

function hash(before: number, text: string): number {
  let state = before
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    state = Math.imul(state ^ (unit & 0xff), fnvPrime)
    state = Math.imul(state ^ (unit >>> 8), fnvPrime)
  }
  return state
}

/** Source: MurmurHash3 by Austin Appleby, in the public domain; `fmix32`. */
function mix(state: number): number {
  let mixed = state
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
