import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HpackDecoder, HpackError } from '../../src/hpack/decoder.ts'
import { HpackEncoder } from '../../src/hpack/encoder.ts'
import { decodeHuffman, encodeHuffman, huffmanByteLength } from '../../src/hpack/huffman.ts'
import { createDecoder, fieldsOf } from './blocks.ts'

const latin1 = fc.oneof(
  { weight: 3, arbitrary: fc.string({ maxLength: 20 }) },
  {
    weight: 1,
    arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  },
)
const name = fc.oneof(
  fc.constantFrom(
    'content-type',
    'grpc-status',
    'grpc-message',
    'authorization',
    ':status',
    ':path',
    'a',
    'b',
  ),
  latin1,
)
const value = fc.oneof(fc.constantFrom('200', '0', '1', 'OK', '/', '', 'v'.repeat(2_000)), latin1)
const fields = fc.array(fc.tuple(name, value), { maxLength: 8 }).map((pairs) => pairs.flat())
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('block' as const), fields }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('resize' as const),
      bytes: fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 5_000 })),
    }),
  },
)

describe('an encoder and a decoder', () => {
  test('agree on the fields of every block, whatever happens to the size of the table', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const encoder = new HpackEncoder()
        const decoder = createDecoder()
        for (const next of steps) {
          if (next.type === 'resize') encoder.setTableMaxBytes(next.bytes)
          else expect(fieldsOf(decoder, encoder.encode(next.fields))).toEqual(next.fields)
        }
      }),
      { numRuns: 300 },
    )
  })

  test('agree on a block that is sent again while neither version has changed', () => {
    fc.assert(
      fc.property(fc.array(fields, { maxLength: 30, size: 'max' }), fields, (before, again) => {
        const encoder = new HpackEncoder()
        const decoder = createDecoder()
        for (const block of before) fieldsOf(decoder, encoder.encode(block))
        // The third time everything that is worth it is in the table.
        for (let time = 0; time < 2; time += 1) fieldsOf(decoder, encoder.encode(again))
        const versions = [encoder.version, decoder.version]
        const block = encoder.encode(again)
        expect(fieldsOf(decoder, block)).toEqual(again)
        if (encoder.version !== versions[0]) return
        expect(decoder.version).toBe(versions[1])
        expect(fieldsOf(decoder, block)).toEqual(again)
        expect(encoder.encode(again)).toEqual(block)
      }),
    )
  })
})

describe('the Huffman code', () => {
  test('gives back every string', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 10_000 }), (bytes) => {
        const text = Buffer.from(bytes).toString('latin1')
        const length = huffmanByteLength(text)
        const coded = Buffer.alloc(length + 1, 0xaa)
        encodeHuffman(text, coded, 0)
        expect(coded[length]).toBe(0xaa)
        expect(decodeHuffman(coded, 0, length)).toBe(text)
      }),
    )
  })

  test('gives back strings of the shortest codes, of any length', () => {
    for (const length of [...Array.from({ length: 100 }, (_, at) => 4_050 + at), 100_000]) {
      const text = 'a'.repeat(length)
      const coded = Buffer.alloc(huffmanByteLength(text))
      encodeHuffman(text, coded, 0)
      expect(decodeHuffman(coded, 0, coded.length)).toBe(text)
    }
  })

  test('gives back every pair of bytes', () => {
    const coded = Buffer.alloc(8)
    for (let pair = 0; pair < 65_536; pair += 1) {
      const text = String.fromCharCode(pair >>> 8, pair & 0xff)
      encodeHuffman(text, coded, 0)
      if (decodeHuffman(coded, 0, huffmanByteLength(text)) !== text) expect.fail(`lost the pair ${pair}`)
    }
  })

  test('has one coded form for each string: what is decoded is coded the same way', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 6 }), (bytes) => {
        const text = decodedOrRefused(Buffer.from(bytes))
        if (text === undefined) return
        const coded = Buffer.alloc(huffmanByteLength(text))
        encodeHuffman(text, coded, 0)
        expect(coded).toEqual(Buffer.from(bytes))
      }),
      { numRuns: 20_000 },
    )
  })
})

describe('a decoder that is given anything at all', () => {
  const limits = { listMaxBytes: 1_000, listMaxFields: 10 }

  test('decodes it, or throws nothing but HpackError, and stays within the limits', () => {
    const outcomes = { decoded: 0, refused: 0 }
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 10 }), (blocks) => {
        outcomes[feed(blocks.map((block) => Buffer.from(block)))] += 1
      }),
      { numRuns: 3_000 },
    )
    expect(outcomes.decoded).toBeGreaterThan(0)
    expect(outcomes.refused).toBeGreaterThan(0)
  })

  test('the same for valid blocks with one byte changed', () => {
    const outcomes = { decoded: 0, refused: 0 }
    fc.assert(
      fc.property(
        fc.array(fields, { minLength: 1, maxLength: 5 }),
        fc.nat(),
        fc.nat(255),
        (lists, at, byte) => {
          const encoder = new HpackEncoder()
          const blocks = lists.map((list) => encoder.encode(list))
          const block = blocks[at % blocks.length]
          if (block !== undefined && block.length > 0) block[at % block.length] = byte
          outcomes[feed(blocks)] += 1
        },
      ),
      { numRuns: 2_000 },
    )
    expect(outcomes.decoded).toBeGreaterThan(0)
    expect(outcomes.refused).toBeGreaterThan(0)
  })

  function feed(blocks: readonly Buffer[]): 'decoded' | 'refused' {
    const decoder = new HpackDecoder({ tableMaxBytes: 4_096 })
    for (const block of blocks) {
      const decoded: string[] = []
      try {
        decoder.decode(block, 0, block.length, decoded, limits)
      } catch (error) {
        if (error instanceof HpackError) return 'refused'
        throw error
      }
      const bytes = decoded.reduce((sum, text) => sum + text.length + 16, 0)
      expect(bytes).toBeLessThanOrEqual(limits.listMaxBytes)
      expect(decoded.length).toBeLessThanOrEqual(2 * limits.listMaxFields)
    }
    return 'decoded'
  }
})

/** `undefined` when the bytes are no string in the Huffman code. */
function decodedOrRefused(bytes: Buffer): string | undefined {
  try {
    return decodeHuffman(bytes, 0, bytes.length)
  } catch (error) {
    if (error instanceof HpackError) return undefined
    throw error
  }
}
