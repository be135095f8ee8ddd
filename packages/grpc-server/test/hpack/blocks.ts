import { type HeaderListLimits, HpackDecoder } from '../../src/hpack/decoder.ts'

/** Limits that no test runs into by accident. */
export const wideLimits: HeaderListLimits = { listMaxBytes: 2 ** 40, listMaxFields: 2 ** 40 }

/** Bytes from hexadecimal digits, with spaces between them as one likes. */
export function hex(...digits: readonly string[]): Buffer {
  return Buffer.from(digits.join('').replaceAll(/\s/g, ''), 'hex')
}

/** A decoder as a connection has it. */
export function createDecoder(): HpackDecoder {
  return new HpackDecoder({ tableMaxBytes: 4_096 })
}

/** Decodes a block without limits to name, value, name, value and so on. */
export function fieldsOf(decoder: HpackDecoder, block: Buffer): string[] {
  const fields: string[] = []
  if (!decoder.decode(block, 0, block.length, fields, wideLimits)) throw new Error('the limits are wide')
  return fields
}

/** A field with incremental indexing and a name of its own; both strings are shorter than 127 bytes. */
export function insertion(name: string, value: string): Buffer {
  return literal(0x40, name, value)
}

/** A literal field with a name of its own; both strings are shorter than 127 bytes, and not Huffman coded. */
export function literal(flags: number, name: string, value: string): Buffer {
  return Buffer.concat([
    Buffer.of(flags, name.length),
    Buffer.from(name, 'latin1'),
    Buffer.of(value.length),
    Buffer.from(value, 'latin1'),
  ])
}
