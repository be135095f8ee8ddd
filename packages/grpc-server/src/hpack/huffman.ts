import { HpackError } from './hpack-error.ts'
import { huffmanCodes, huffmanLengths } from './huffman-table.ts'
import {
  accepting,
  buildTransitions,
  failure,
  firstSymbolShift,
  nodeMask,
  secondSymbolShift,
  symbolCountMask,
  symbolCountShift,
  transitions,
} from './huffman-tree.ts'

/** What was decoded last. Written and read within one call, so that all connections can share it. */
const scratch = Buffer.allocUnsafeSlow(4_096)

/** No code is shorter. */
const shortestCodeBits = 5

/**
 * Decodes a string of RFC 7541, section 5.2, from `block[start, end)`, one byte per character.
 *
 * @throws HpackError for the end of string symbol, and for padding that is longer than seven bits or not all ones
 */
export function decodeHuffman(block: Buffer, start: number, end: number): string {
  const maxLength = Math.ceil(((end - start) * 8) / shortestCodeBits) + 1
  const target = maxLength <= scratch.length ? scratch : Buffer.allocUnsafeSlow(maxLength)
  let length = 0
  let node = 0
  for (let position = start; position < end; position += 1) {
    const index = node * 256 + (block[position] ?? 0)
    let transition = transitions[index] ?? failure
    if (transition === 0) {
      buildTransitions(node)
      transition = transitions[index] ?? failure
    }
    if (transition === failure) throw new HpackError('a string holds the end of string symbol')
    const count = (transition >>> symbolCountShift) & symbolCountMask
    // Both places are written, and those that hold no symbol are overwritten: cheaper than to look.
    target[length] = transition >>> firstSymbolShift
    target[length + 1] = transition >>> secondSymbolShift
    length += count
    node = transition & nodeMask
  }
  if (accepting[node] !== 1) throw new HpackError('a string ends with wrong padding')
  return target.toString('latin1', 0, length)
}

/** Length of a latin1 string in the code, without coding it. Unit: bytes. */
export function huffmanByteLength(text: string): number {
  let bits = 0
  for (let index = 0; index < text.length; index += 1)
    bits += huffmanLengths[text.charCodeAt(index) & 0xff] ?? 0
  return Math.ceil(bits / 8)
}

/** Codes a latin1 string to `target`, from `start` on, where it has {@link huffmanByteLength} bytes. */
export function encodeHuffman(text: string, target: Buffer, start: number): void {
  let position = start
  /** The bits that do not fill a byte yet are the lowest ones. */
  let pending = 0
  let pendingBits = 0
  const push = (code: number, bits: number): void => {
    pending = (pending << bits) | code
    pendingBits += bits
    while (pendingBits >= 8) {
      pendingBits -= 8
      target[position++] = pending >>> pendingBits
    }
  }
  for (let index = 0; index < text.length; index += 1) {
    const symbol = text.charCodeAt(index) & 0xff
    const code = huffmanCodes[symbol] ?? 0
    const bits = huffmanLengths[symbol] ?? 0
    // Seven bits that are pending and a code of 30 would not fit into 32.
    if (bits > 16) push(code >>> 16, bits - 16)
    push(code & 0xffff, Math.min(bits, 16))
  }
  if (pendingBits > 0) push(0xff >>> pendingBits, 8 - pendingBits)
}
