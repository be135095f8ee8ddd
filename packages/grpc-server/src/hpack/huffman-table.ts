/** The symbol that ends nothing: it only lends its first bits to the padding (RFC 7541, section 5.2). */
export const endOfString = 256

/**
 * Length of the code of each byte, and of {@link endOfString} at the end. Unit: bits. The code of RFC 7541,
 * appendix B, is canonical, so the lengths are all that has to be written down.
 */
export const huffmanLengths = Uint8Array.of(
  ...[13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28],
  ...[28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28],
  ...[6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6],
  ...[5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10],
  ...[13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7],
  ...[7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6],
  ...[15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5],
  ...[6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28],
  ...[20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23],
  ...[24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24],
  ...[22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23],
  ...[21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23],
  ...[26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25],
  ...[19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27],
  ...[20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23],
  ...[26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26],
  30,
)

/** The codes, aligned to the right: shorter ones first, and among those of one length in the order of symbols. */
export const huffmanCodes: Uint32Array = assignCodes()

function assignCodes(): Uint32Array {
  const symbols = Array.from(huffmanLengths.keys())
  // The sort is stable.
  symbols.sort((one, other) => (huffmanLengths[one] ?? 0) - (huffmanLengths[other] ?? 0))
  const codes = new Uint32Array(huffmanLengths.length)
  let code = 0
  let length = 0
  for (const symbol of symbols) {
    const bits = huffmanLengths[symbol] ?? 0
    code <<= bits - length
    length = bits
    codes[symbol] = code++
  }
  return codes
}
