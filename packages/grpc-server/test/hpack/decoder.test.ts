import { describe, expect, test } from 'vitest'
import { HpackDecoder, HpackError } from '../../src/hpack/decoder.ts'
import { createDecoder, fieldsOf, hex, insertion, literal, wideLimits } from './blocks.ts'

const indexed = (index: number) => Buffer.of(0x80 | index)
/** A table size update of 31 to 158 bytes. */
const sizeUpdate = (bytes: number) => Buffer.of(0x3f, bytes - 31)
const emptyTable = Buffer.of(0x20)
const fullTable = hex('3fe11f')

/** Decodes blocks one after the other and returns the fields of the last one. */
function lastOf(...blocks: readonly Buffer[]): string[] {
  const decoder = createDecoder()
  return blocks.map((block) => fieldsOf(decoder, block)).at(-1) ?? []
}

describe('tables (RFC 7541, section 2.3)', () => {
  test('2.3.1: the static table has 61 entries, from :authority to www-authenticate', () => {
    expect(lastOf(Buffer.from(Array.from({ length: 61 }, (_, at) => 0x81 + at)))).toHaveLength(122)
    expect(lastOf(indexed(1), indexed(61))).toEqual(['www-authenticate', ''])
    expect(lastOf(indexed(1))).toEqual([':authority', ''])
    expect(lastOf(indexed(16))).toEqual(['accept-encoding', 'gzip, deflate'])
  })

  test('2.3.2: the dynamic table may hold the same field twice', () => {
    const twice = Buffer.concat([insertion('a', '1'), insertion('a', '1')])
    expect(lastOf(twice, Buffer.concat([indexed(62), indexed(63)]))).toEqual(['a', '1', 'a', '1'])
  })

  test('2.3.3: the newest entry of the dynamic table has index 62, the others follow', () => {
    const three = Buffer.concat(['1', '2', '3'].map((value) => insertion('a', value)))
    expect(lastOf(three, Buffer.concat([indexed(62), indexed(63), indexed(64)]))).toEqual([
      'a',
      '3',
      'a',
      '2',
      'a',
      '1',
    ])
  })

  test('2.3.3: an entry can be referred to by the block that adds it', () => {
    expect(lastOf(Buffer.concat([insertion('a', '1'), indexed(62)]))).toEqual(['a', '1', 'a', '1'])
  })

  test('2.3.3: an index beyond the dynamic table is refused', () => {
    expect(() => lastOf(indexed(62))).toThrow(HpackError)
    for (let index = 63; index < 127; index += 1)
      expect(() => lastOf(insertion('a', '1'), indexed(index))).toThrow(HpackError)
    expect(() => lastOf(hex('7f0001 61'))).toThrow(HpackError)
    expect(() => lastOf(hex('ff ffffff07'))).toThrow(HpackError)
  })

  test('2.3.2: keeps its order when there are more entries than it had room for at first', () => {
    const decoder = createDecoder()
    const names = Array.from({ length: 200 }, (_, at) => `n${at}`)
    for (const name of names) fieldsOf(decoder, insertion(name, ''))
    // Entries of two to four letters and 32 bytes: the newest 114 of them fill 4,090 bytes.
    const kept = names.slice(-114).reverse()
    const all = Buffer.concat(
      kept.map((_, age) => (62 + age < 127 ? indexed(62 + age) : indexOf127(62 + age))),
    )
    expect(fieldsOf(decoder, all)).toEqual(kept.flatMap((name) => [name, '']))
    expect(() => fieldsOf(decoder, indexOf127(62 + 114))).toThrow(HpackError)
  })
})

/** An indexed field of 127 to 254. */
function indexOf127(index: number): Buffer {
  const rest = index - 127
  return rest < 128 ? Buffer.of(0xff, rest) : Buffer.of(0xff, 0x80 | (rest & 0x7f), rest >>> 7)
}

describe('size and eviction (RFC 7541, section 4)', () => {
  test('4.1: an entry counts its name, its value and 32 bytes', () => {
    const decoder = createDecoder()
    fieldsOf(decoder, Buffer.concat([sizeUpdate(68), insertion('a', '1'), insertion('b', '2')]))
    expect(fieldsOf(decoder, indexed(63))).toEqual(['a', '1'])

    const tighter = createDecoder()
    fieldsOf(tighter, Buffer.concat([sizeUpdate(67), insertion('a', '1'), insertion('b', '2')]))
    expect(fieldsOf(tighter, indexed(62))).toEqual(['b', '2'])
    expect(() => fieldsOf(tighter, indexed(63))).toThrow(HpackError)
  })

  test('4.2: two updates may begin a block, three may not', () => {
    expect(lastOf(Buffer.concat([emptyTable, fullTable, indexed(2)]))).toEqual([':method', 'GET'])
    expect(() => lastOf(Buffer.concat([emptyTable, sizeUpdate(40), fullTable]))).toThrow(HpackError)
  })

  test('4.2: an update anywhere else in a block is refused', () => {
    expect(() => lastOf(Buffer.concat([indexed(2), emptyTable]))).toThrow('begin')
    expect(() => lastOf(Buffer.concat([emptyTable, literal(0, 'a', '1'), fullTable]))).toThrow('begin')
    // The strings that would follow if this were a literal.
    expect(() => lastOf(hex('82 20 01 61 01 62'))).toThrow('begin')
  })

  test('4.3: a smaller table evicts the oldest entries, and a larger one does not bring them back', () => {
    const decoder = createDecoder()
    fieldsOf(decoder, Buffer.concat([insertion('a', '1'), insertion('b', '2')]))
    fieldsOf(decoder, Buffer.concat([sizeUpdate(40), fullTable]))
    expect(fieldsOf(decoder, indexed(62))).toEqual(['b', '2'])
    expect(() => fieldsOf(decoder, indexed(63))).toThrow(HpackError)
  })

  test('4.3: a table of 0 bytes is empty', () => {
    const decoder = createDecoder()
    fieldsOf(decoder, insertion('a', '1'))
    fieldsOf(decoder, emptyTable)
    expect(() => fieldsOf(decoder, indexed(62))).toThrow(HpackError)
  })

  test('4.4: an entry that is larger than the table empties it, and is no error', () => {
    const decoder = createDecoder()
    fieldsOf(decoder, Buffer.concat([sizeUpdate(40), insertion('a', '1')]))
    expect(fieldsOf(decoder, insertion('name', 'value'))).toEqual(['name', 'value'])
    expect(() => fieldsOf(decoder, indexed(62))).toThrow(HpackError)
    expect(fieldsOf(decoder, Buffer.concat([insertion('b', '2'), indexed(62)]))).toEqual(['b', '2', 'b', '2'])
  })

  test('4.4: a name may be taken from the very entry that has to leave for the new one', () => {
    const decoder = createDecoder()
    fieldsOf(decoder, Buffer.concat([sizeUpdate(40), insertion('name', '1')]))
    // Incremental indexing with the name of entry 62.
    expect(fieldsOf(decoder, hex('7e 01 32 be'))).toEqual(['name', '2', 'name', '2'])
  })
})

describe('integers (RFC 7541, section 5.1)', () => {
  test('are read across several bytes', () => {
    // 31 + 0x61 + 0x1f * 128 is 4,096.
    expect(lastOf(fullTable)).toEqual([])
    expect(lastOf(Buffer.concat([hex('00 01 61 7f 00'), Buffer.alloc(127, 'v')]))).toEqual([
      'a',
      'v'.repeat(127),
    ])
  })

  test('may be padded with zeros, up to five bytes', () => {
    expect(lastOf(hex('3f80 8080 8000'))).toEqual([])
    expect(() => lastOf(hex('3f80 8080 8080 00'))).toThrow('too long')
  })

  test('up to 2^31 - 1 are read, larger ones are refused', () => {
    expect(() => lastOf(hex('ff80 ffff ff07'))).toThrow('no table entry with index 2147483647')
    expect(() => lastOf(hex('ff81 ffff ff07'))).toThrow('too large')
    expect(() => lastOf(hex('ffff ffff ff7f'))).toThrow('too large')
  })

  test('that a block breaks off are refused', () => {
    expect(() => lastOf(hex('ff'))).toThrow(HpackError)
    expect(() => lastOf(hex('ff80'))).toThrow(HpackError)
    expect(() => lastOf(hex('3f'))).toThrow(HpackError)
  })
})

describe('strings (RFC 7541, section 5.2)', () => {
  test('hold any byte, as one character each', () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
    const block = Buffer.concat([hex('00 01 61 7f 8101'), bytes])
    expect(lastOf(block)).toEqual(['a', bytes.toString('latin1')])
  })

  test('may be empty, in both forms', () => {
    expect(lastOf(hex('00 00 00'))).toEqual(['', ''])
    expect(lastOf(hex('00 80 80'))).toEqual(['', ''])
  })

  test.each(['00', '00 01', '00 02 61', '00 01 61', '00 01 61 02', '00 01 61 02 62', '41', '00 01 61 7f'])(
    'that a block breaks off are refused: %s',
    (block) => expect(() => lastOf(hex(block))).toThrow(HpackError),
  )

  test('do not reach beyond the end that was given, though the buffer goes on', () => {
    const block = hex('00 01 61 02 62 63')
    expect(() => createDecoder().decode(block, 0, 5, [], wideLimits)).toThrow(HpackError)
    const fields: string[] = []
    expect(createDecoder().decode(hex('ffff 82 ffff'), 2, 3, fields, wideLimits)).toBe(true)
    expect(fields).toEqual([':method', 'GET'])
  })

  test('with a Huffman code: padding of up to seven ones is taken', () => {
    const paddings = Array.from({ length: 8 }, (_, at) => {
      const text = 'a'.repeat(at + 1)
      const bits = text.replaceAll('a', '00011')
      const padding = (8 - (bits.length % 8)) % 8
      const bytes = (bits + '1'.repeat(padding)).match(/.{8}/g)?.map((byte) => Number.parseInt(byte, 2)) ?? []
      expect(lastOf(Buffer.from([0, 0x80 | bytes.length, ...bytes, 0]))).toEqual([text, ''])
      return padding
    })
    expect(paddings.sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  })

  // The code of "a" is 00011.
  test('with a Huffman code: padding of more than seven bits is refused', () => {
    expect(() => lastOf(hex('00 82 1fff 00'))).toThrow('padding')
    expect(() => lastOf(hex('00 81 ff 00'))).toThrow('padding')
    expect(() => lastOf(hex('00 82 f8ff 00'))).toThrow('padding')
  })

  test('with a Huffman code: padding that is not all ones is refused', () => {
    expect(() => lastOf(hex('00 81 18 00'))).toThrow('padding')
    expect(() => lastOf(hex('00 81 1e 00'))).toThrow('padding')
    expect(() => lastOf(hex('00 81 1b 00'))).toThrow('padding')
  })

  test('with a Huffman code: the end of string symbol is refused', () => {
    expect(() => lastOf(hex('00 84 ffffffff 00'))).toThrow('end of string')
    expect(() => lastOf(hex('00 84 fffffffc 00'))).toThrow('end of string')
    expect(() => lastOf(hex('00 85 1fffffffff 00'))).toThrow('end of string')
  })
})

describe('representations (RFC 7541, section 6)', () => {
  test('6.1: index 0 is refused', () => {
    expect(() => lastOf(indexed(0))).toThrow('index 0')
  })

  test('6.2.1: a literal with incremental indexing is added, with a name of either table', () => {
    // :path of the static table, then the same name from the dynamic one.
    expect(lastOf(hex('44 02 2f61 7e 02 2f62'), hex('be bf'))).toEqual([':path', '/b', ':path', '/a'])
  })

  test.each([
    { section: '6.2.2', kind: 'without indexing', flags: 0x00 },
    { section: '6.2.3', kind: 'never indexed', flags: 0x10 },
  ])('$section: a literal $kind leaves the table alone', ({ flags }) => {
    const decoder = createDecoder()
    const { version } = decoder
    expect(fieldsOf(decoder, literal(flags, 'a', '1'))).toEqual(['a', '1'])
    expect(fieldsOf(decoder, Buffer.of(flags | 4, 1, 0x2f))).toEqual([':path', '/'])
    expect(() => fieldsOf(decoder, indexed(62))).toThrow(HpackError)
    expect(decoder.version).toBe(version)
  })

  test('6.2: the index of a name beyond the tables is refused', () => {
    for (const flags of ['7e', '0f2f', '1f2f']) expect(() => lastOf(hex(flags, '01 61'))).toThrow('index 62')
  })

  test('6.3: a table of up to what was announced is taken, a larger one is refused', () => {
    const decoder = new HpackDecoder({ tableMaxBytes: 100 })
    fieldsOf(decoder, sizeUpdate(100))
    expect(() => fieldsOf(decoder, sizeUpdate(101))).toThrow(HpackError)
    expect(() => lastOf(hex('3fe21f'))).toThrow(HpackError)
  })

  test('6.3: a table larger than 4,096 bytes has to be asked for by the peer', () => {
    const decoder = new HpackDecoder({ tableMaxBytes: 8_192 })
    const large = Buffer.concat([hex('40 01 61 7f e11e'), Buffer.alloc(4_064, 'v')])
    fieldsOf(decoder, large)
    expect(() => fieldsOf(decoder, indexed(62))).toThrow(HpackError)

    const asked = new HpackDecoder({ tableMaxBytes: 8_192 })
    fieldsOf(asked, Buffer.concat([hex('3fe13f'), large]))
    expect(fieldsOf(asked, indexed(62))).toEqual(['a', 'v'.repeat(4_064)])
  })
})

describe('the version of the table', () => {
  test('changes with an insertion, an eviction and a resize, and with nothing else', () => {
    const decoder = createDecoder()
    const changes = (block: Buffer) => {
      const { version } = decoder
      fieldsOf(decoder, block)
      return decoder.version !== version
    }
    expect(changes(insertion('a', '1'))).toBe(true)
    expect(changes(Buffer.concat([indexed(62), indexed(2), literal(0, 'b', '2')]))).toBe(false)
    expect(changes(sizeUpdate(100))).toBe(true)
    expect(changes(sizeUpdate(100))).toBe(false)
    // Larger than the table: nothing is inserted, but everything is evicted.
    expect(changes(insertion('a', 'v'.repeat(100)))).toBe(true)
    expect(changes(insertion('a', 'v'.repeat(100)))).toBe(false)
  })

  test('changes when an entry is replaced by one that looks the same by number and size', () => {
    const decoder = createDecoder()
    fieldsOf(decoder, Buffer.concat([sizeUpdate(40), insertion('a', '1')]))
    const { version } = decoder
    fieldsOf(decoder, insertion('b', '2'))
    expect(decoder.version).not.toBe(version)
  })
})

describe('limits of a header list (RFC 9113, section 6.5.2)', () => {
  const block = Buffer.concat([insertion('a', '1'), insertion('b', '2'), insertion('c', '3')])

  test.each([
    { limits: { listMaxBytes: 102, listMaxFields: 3 }, within: true, fields: ['a', '1', 'b', '2', 'c', '3'] },
    { limits: { listMaxBytes: 101, listMaxFields: 3 }, within: false, fields: ['a', '1', 'b', '2'] },
    { limits: { listMaxBytes: 102, listMaxFields: 2 }, within: false, fields: ['a', '1', 'b', '2'] },
    { limits: { listMaxBytes: 33, listMaxFields: 3 }, within: false, fields: [] },
  ])('$limits: is it within them? $within', ({ limits, within, fields }) => {
    const decoder = createDecoder()
    const decoded: string[] = []
    expect(decoder.decode(block, 0, block.length, decoded, limits)).toBe(within)
    expect(decoded).toEqual(fields)
    // The table has seen all of it.
    expect(fieldsOf(decoder, hex('bebfc0'))).toEqual(['c', '3', 'b', '2', 'a', '1'])
  })

  test('nothing is appended after the field that was too much, however small the next one is', () => {
    const decoded: string[] = []
    const mixed = Buffer.concat([
      literal(0, 'a', '1'),
      literal(0, 'b', 'v'.repeat(100)),
      literal(0, 'c', '3'),
    ])
    const limits = { listMaxBytes: 100, listMaxFields: 9 }
    expect(createDecoder().decode(mixed, 0, mixed.length, decoded, limits)).toBe(false)
    expect(decoded).toEqual(['a', '1'])
  })

  test('fields are appended to what is there, which does not count', () => {
    const decoded = ['x', 'y']
    expect(createDecoder().decode(indexed(2), 0, 1, decoded, { listMaxBytes: 42, listMaxFields: 1 })).toBe(
      true,
    )
    expect(decoded).toEqual(['x', 'y', ':method', 'GET'])
  })

  test('a block of references to one large entry passes that entry on, and copies nothing', () => {
    const decoder = createDecoder()
    fieldsOf(decoder, Buffer.concat([hex('40 01 61 7f a11e'), Buffer.alloc(4_000, 'v')]))
    const references = Buffer.alloc(100_000, 0xbe)
    const before = process.memoryUsage().heapUsed
    const decoded: string[] = []
    expect(decoder.decode(references, 0, references.length, decoded, wideLimits)).toBe(true)
    expect(decoded).toHaveLength(200_000)
    // Copies would take 400 MB.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(50_000_000)
  })
})
