/**
 * How often a field occurs in a message of Protocol Buffers, which is not decoded. All its fields have numbers below 16
 * and are integers, texts, bytes or messages.
 *
 * @param tag number and wire type of the field, as one byte
 */
export function countFields(
  { bytes, start, end }: { readonly bytes: Buffer; readonly start: number; readonly end: number },
  tag: number,
): number {
  let occurrences = 0
  let at = start
  while (at < end) {
    const found = bytes[at++] ?? 0
    if (found === tag) occurrences++
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++] ?? 0
      value += (byte & 0x7f) * scale
      if (byte < 0x80) break
    }
    const isLengthDelimited = (found & 7) === 2
    if (isLengthDelimited) at += value
  }
  return occurrences
}
