import { describe, expect, test } from 'vitest'
import { BlockReader } from '../../src/hpack/block-reader.ts'
import { BlockWriter } from '../../src/hpack/block-writer.ts'
import { HpackDecoder, HpackError } from '../../src/hpack/decoder.ts'
import { createDecoder, fieldsOf, hex } from './blocks.ts'

/** Requests of C.3 and C.4. */
const requests = [
  [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'www.example.com'],
  [
    ...[':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'www.example.com'],
    ...['cache-control', 'no-cache'],
  ],
  [
    ...[':method', 'GET', ':scheme', 'https', ':path', '/index.html', ':authority', 'www.example.com'],
    ...['custom-key', 'custom-value'],
  ],
]
/** The dynamic table after the last of them, from the newest entry on. */
const requestTable = [
  'custom-key',
  'custom-value',
  'cache-control',
  'no-cache',
  ':authority',
  'www.example.com',
]

const date = 'Mon, 21 Oct 2013 20:13:21 GMT'
const laterDate = 'Mon, 21 Oct 2013 20:13:22 GMT'
const location = 'https://www.example.com'
const cookie = 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'
/** Responses of C.5 and C.6. */
const responses = [
  [':status', '302', 'cache-control', 'private', 'date', date, 'location', location],
  [':status', '307', 'cache-control', 'private', 'date', date, 'location', location],
  [
    ...[':status', '200', 'cache-control', 'private', 'date', laterDate, 'location', location],
    ...['content-encoding', 'gzip', 'set-cookie', cookie],
  ],
]
const responseTable = ['set-cookie', cookie, 'content-encoding', 'gzip', 'date', laterDate]

describe('the examples of RFC 7541, appendix C', () => {
  test.each([
    { section: 'C.1.1', value: 10, prefixMask: 0x1f, bytes: '0a' },
    { section: 'C.1.2', value: 1_337, prefixMask: 0x1f, bytes: '1f9a0a' },
    { section: 'C.1.3', value: 42, prefixMask: 0xff, bytes: '2a' },
  ])('$section: the integer $value is written and read', ({ value, prefixMask, bytes }) => {
    const writer = new BlockWriter(Buffer.alloc(8))
    writer.writeInteger(value, prefixMask, 0)
    expect(writer.toBuffer().toString('hex')).toBe(bytes)

    const reader = new BlockReader()
    reader.open(hex(bytes), 0, bytes.length / 2)
    expect(reader.readInteger(reader.readByte(), prefixMask)).toBe(value)
    expect(reader.hasMore).toBe(false)
  })

  test.each([
    {
      ...{ section: 'C.2.1', kind: 'a literal with incremental indexing' },
      ...{ block: '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572' },
      ...{ fields: ['custom-key', 'custom-header'], table: ['custom-key', 'custom-header'] },
    },
    {
      ...{
        section: 'C.2.2',
        kind: 'a literal without indexing',
        block: '040c 2f73 616d 706c 652f 7061 7468',
      },
      ...{ fields: [':path', '/sample/path'], table: [] },
    },
    {
      ...{ section: 'C.2.3', kind: 'a literal never indexed' },
      ...{ block: '1008 7061 7373 776f 7264 0673 6563 7265 74', fields: ['password', 'secret'], table: [] },
    },
    { section: 'C.2.4', kind: 'an indexed field', block: '82', fields: [':method', 'GET'], table: [] },
  ])('$section: $kind is decoded', ({ block, fields, table }) => {
    const decoder = createDecoder()
    expect(fieldsOf(decoder, hex(block))).toEqual(fields)
    expectTable(decoder, table)
  })

  test.each([
    {
      ...{ section: 'C.3', kind: 'requests without Huffman coding', tableMaxBytes: 4_096 },
      ...{ fields: requests, table: requestTable },
      blocks: [
        '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
        '8286 84be 5808 6e6f 2d63 6163 6865',
        '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
      ],
    },
    {
      ...{ section: 'C.4', kind: 'requests with Huffman coding', tableMaxBytes: 4_096 },
      ...{ fields: requests, table: requestTable },
      blocks: [
        '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
        '8286 84be 5886 a8eb 1064 9cbf',
        '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
      ],
    },
    {
      ...{ section: 'C.5', kind: 'responses without Huffman coding, with eviction', tableMaxBytes: 256 },
      ...{ fields: responses, table: responseTable },
      blocks: [
        `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32
         3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
        '4803 3330 37c1 c0bf',
        `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970
         7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61
         6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31`,
      ],
    },
    {
      ...{ section: 'C.6', kind: 'responses with Huffman coding, with eviction', tableMaxBytes: 256 },
      ...{ fields: responses, table: responseTable },
      blocks: [
        `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad
         1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
        '4883 640e ffc1 c0bf',
        `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2
         e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
      ],
    },
  ])('$section: $kind are decoded', ({ tableMaxBytes, blocks, fields, table }) => {
    const decoder = new HpackDecoder({ tableMaxBytes })
    expect(blocks.map((block) => fieldsOf(decoder, hex(block)))).toEqual(fields)
    expectTable(decoder, table)
  })
})

/** Asks for each entry of the dynamic table by its index, and for the one behind them. */
function expectTable(decoder: HpackDecoder, fields: readonly string[]): void {
  const length = fields.length / 2
  const indexes = Buffer.from(Array.from({ length }, (_, age) => 0x80 | (62 + age)))
  expect(fieldsOf(decoder, indexes)).toEqual(fields)
  expect(() => fieldsOf(decoder, Buffer.of(0x80 | (62 + length)))).toThrow(HpackError)
}
