import { endOfString, huffmanCodes, huffmanLengths } from './huffman-table.ts'

/** 257 symbols make a tree of 256 inner nodes; node 0 is the root. */
const nodeCount = 256

/**
 * Where a byte leads: the node in the lowest eight bits, how many symbols it completes in the next two, and these
 * symbols in the eight bits from {@link firstSymbolShift} and from {@link secondSymbolShift} on. No code is
 * shorter than five bits, so that a byte completes at most two symbols.
 */
export const nodeMask = 0xff
export const symbolCountShift = 8
export const symbolCountMask = 3
export const firstSymbolShift = 10
export const secondSymbolShift = 18
/** In place of all that: the byte completes the end of string symbol. */
export const failure = -1

/** The two children of each node: the number of another node, or `-1 - symbol`. */
const children: Int16Array = buildTree()

/**
 * Where each byte leads from each node: at `node * 256 + byte`. Most nodes belong to long codes that nobody uses,
 * so the transitions of a node are 0, which none is, until {@link buildTransitions} has met it.
 */
export const transitions = new Int32Array(nodeCount * 256)

/** 1 for each node that a string may end at: at most seven bits, all ones (RFC 7541, section 5.2). */
export const accepting: Uint8Array = buildAccepting()

/** Fills in where each byte leads from a node. */
export function buildTransitions(node: number): void {
  for (let byte = 0; byte < 256; byte += 1) transitions[node * 256 + byte] = walk(node, byte)
}

function walk(from: number, byte: number): number {
  let node = from
  let symbols = 0
  let count = 0
  for (let bit = 7; bit >= 0; bit -= 1) {
    node = children[node * 2 + ((byte >>> bit) & 1)] ?? 0
    if (node >= 0) continue
    const symbol = -1 - node
    if (symbol === endOfString) return failure
    symbols |= symbol << (count === 0 ? firstSymbolShift : secondSymbolShift)
    count += 1
    node = 0
  }
  return symbols | (count << symbolCountShift) | node
}

function buildTree(): Int16Array {
  const built = new Int16Array(nodeCount * 2)
  let nodes = 1
  for (let symbol = 0; symbol < huffmanLengths.length; symbol += 1) {
    const code = huffmanCodes[symbol] ?? 0
    let node = 0
    for (let bit = (huffmanLengths[symbol] ?? 0) - 1; bit > 0; bit -= 1) {
      const branch = node * 2 + ((code >>> bit) & 1)
      if (built[branch] === 0) built[branch] = nodes++
      node = built[branch] ?? 0
    }
    built[node * 2 + (code & 1)] = -1 - symbol
  }
  return built
}

function buildAccepting(): Uint8Array {
  const built = new Uint8Array(nodeCount)
  let node = 0
  for (let bits = 0; bits <= 7; bits += 1) {
    built[node] = 1
    node = children[node * 2 + 1] ?? 0
  }
  return built
}
