import { describe, expect, test } from 'vitest'
import { HpackError } from '../../src/hpack/decoder.ts'
import { HpackEncoder } from '../../src/hpack/encoder.ts'
import { createDecoder, fieldsOf, hex } from './blocks.ts'

/** The kind of each single-field block, by its first bits (RFC 7541, section 6). */
function kindOf(block: Buffer): string {
  const first = block[0] ?? 0
  if (first >= 0x80) return 'indexed'
  if (first >= 0x40) return 'inserted'
  if (first >= 0x20) return 'update'
  return first >= 0x10 ? 'never indexed' : 'not indexed'
}

/** Encodes fields one after the other, in a block each, and tells how. */
function kindsOf(encoder: HpackEncoder, ...fields: readonly (readonly [string, string])[]): string[] {
  return fields.map((field) => kindOf(encoder.encode(field)))
}

describe('what enters the dynamic table', () => {
  test('a field of the static table is its index', () => {
    expect(new HpackEncoder().encode([':status', '200', ':status', '404', ':path', '/'])).toEqual(
      hex('888d84'),
    )
    expect(new HpackEncoder().encode(['accept', ''])).toEqual(hex('93'))
  })

  test.each([
    ['content-type', 'application/grpc'],
    ['grpc-encoding', 'gzip'],
    ['grpc-accept-encoding', 'identity,deflate,gzip'],
    ['grpc-status', '0'],
    ['grpc-message', 'OK'],
  ] as const)('%s: %s, which every response has, is inserted at once, then indexed', (name, value) => {
    expect(kindsOf(new HpackEncoder(), [name, value], [name, value])).toEqual(['inserted', 'indexed'])
  })

  test('responses without metadata of their own are indexes from the second one on', () => {
    const encoder = new HpackEncoder()
    const headers = [':status', '200', 'content-type', 'application/grpc']
    const trailers = ['grpc-status', '0', 'grpc-message', 'OK']
    encoder.encode(headers)
    encoder.encode(trailers)
    const { version } = encoder
    expect(encoder.encode(headers)).toEqual(hex('88c0'))
    expect(encoder.encode(trailers)).toEqual(hex('bfbe'))
    expect(encoder.version).toBe(version)
  })

  test('any other message is not inserted before it is repeated', () => {
    const field = ['grpc-message', 'not found'] as const
    expect(kindsOf(new HpackEncoder(), field, field, field)).toEqual(['not indexed', 'inserted', 'indexed'])
  })

  test('any other field is inserted when its name had the same value the last time', () => {
    const encoder = new HpackEncoder()
    expect(kindsOf(encoder, ['a', '1'], ['a', '2'], ['a', '1'], ['a', '1'], ['a', '1'])).toEqual([
      ...['not indexed', 'not indexed', 'not indexed'],
      ...['inserted', 'indexed'],
    ])
  })

  test('a value that is never the same leaves the table alone', () => {
    const encoder = new HpackEncoder()
    const { version } = encoder
    for (let call = 0; call < 1_000; call += 1) encoder.encode(['trace', `${call}`])
    expect(encoder.version).toBe(version)
  })

  test('a value of more than 256 bytes is not remembered, nor the one before it', () => {
    const long = ['a', 'v'.repeat(257)] as const
    const longest = ['b', 'v'.repeat(256)] as const
    const encoder = new HpackEncoder()
    expect(kindsOf(encoder, long, long, long)).toEqual(['not indexed', 'not indexed', 'not indexed'])
    expect(kindsOf(encoder, longest, longest)).toEqual(['not indexed', 'inserted'])
    expect(kindsOf(encoder, ['a', '1'], long, ['a', '1'])).toEqual([
      'not indexed',
      'not indexed',
      'not indexed',
    ])
  })

  test('a name of more than 256 bytes is not remembered', () => {
    const field = ['n'.repeat(257), '1'] as const
    expect(kindsOf(new HpackEncoder(), field, field)).toEqual(['not indexed', 'not indexed'])
  })

  test('the last values of 64 names are remembered', () => {
    const names = Array.from({ length: 65 }, (_, at) => `n${at}`)
    const few = new HpackEncoder()
    for (const name of names.slice(1)) few.encode([name, '1'])
    expect(kindsOf(few, ['n1', '1'])).toEqual(['inserted'])

    const many = new HpackEncoder()
    for (const name of names) many.encode([name, '1'])
    expect(kindsOf(many, ['n0', '1'], ['n64', '1'])).toEqual(['not indexed', 'inserted'])
  })

  test.each(['authorization', 'cookie', 'set-cookie'])('7.1.3: %s is never indexed', (name) => {
    const encoder = new HpackEncoder()
    const { version } = encoder
    const kinds = kindsOf(encoder, [name, 'secret'], [name, 'secret'], [name, 'secret'], [name, ''])
    expect(kinds).toEqual(Array(4).fill('never indexed'))
    expect(encoder.version).toBe(version)
    expect(fieldsOf(createDecoder(), encoder.encode([name, 'secret']))).toEqual([name, 'secret'])
  })

  test('a field that is larger than the table is not inserted, which would empty it', () => {
    const encoder = new HpackEncoder()
    encoder.encode(['grpc-status', '0'])
    expect(kindsOf(encoder, ['content-type', 'v'.repeat(4_096)], ['grpc-status', '0'])).toEqual([
      'not indexed',
      'indexed',
    ])
  })
})

describe('names and strings', () => {
  test('6.2: a literal has the index of its name, in the static table if it is there', () => {
    // content-type has index 31; without indexing four bits are for the index.
    expect(new HpackEncoder().encode(['content-type', '\xff'])).toEqual(hex('5f 01 ff'))
    expect(new HpackEncoder().encode(['content-length', '\xff'])).toEqual(hex('0f0d 01 ff'))
    expect(new HpackEncoder().encode([':status', '\xff'])).toEqual(hex('08 01 ff'))
  })

  test('6.2: a literal has the index of its name in the dynamic table', () => {
    const encoder = new HpackEncoder()
    encoder.encode(['grpc-status', '0'])
    encoder.encode(['grpc-encoding', 'gzip'])
    expect(encoder.encode(['grpc-status', '\xff'])).toEqual(hex('7f00 01 ff'))
    expect(encoder.encode(['grpc-status', '0'])).toEqual(hex('c0'))
  })

  test('5.2: a string is Huffman coded when that is shorter', () => {
    // "a" is as long as its code, "aa" is longer than ten bits are.
    expect(new HpackEncoder().encode(['\xff', 'aaa'])).toEqual(hex('00 01 ff 82 18c7'))
    expect(new HpackEncoder().encode(['\xff', 'a'])).toEqual(hex('00 01 ff 01 61'))
    expect(new HpackEncoder().encode(['\xff', '{{{'])).toEqual(hex('00 01 ff 03 7b7b7b'))
  })

  test('5.2: an empty string is one byte', () => {
    expect(new HpackEncoder().encode(['', ''])).toEqual(hex('00 00 00'))
  })

  test('5.2: only the lowest eight bits of a character count', () => {
    expect(new HpackEncoder().encode(['\xff', '\u01ff'])).toEqual(hex('00 01 ff 01 ff'))
  })

  test('what was encoded before is not overwritten by what follows', () => {
    const encoder = new HpackEncoder()
    const first = encoder.encode(['a', '\xff'])
    const copy = Buffer.from(first)
    encoder.encode(['b', '\xfe\xfe\xfe\xfe'])
    expect(first).toEqual(copy)
  })

  test('a block may be longer than most', () => {
    const fields = ['a', '\xff'.repeat(100_000), 'b', 'v'.repeat(100_000)]
    expect(fieldsOf(createDecoder(), new HpackEncoder().encode(fields))).toEqual(fields)
  })
})

describe('the size of the table (RFC 7541, sections 4.2 and 6.3)', () => {
  const status = [':status', '200']

  test('an entry is found as long as it is there, though an older one of its name has left', () => {
    const encoder = new HpackEncoder()
    encoder.setTableMaxBytes(100)
    // 44 bytes each.
    for (const status of ['0', '1', '2']) encoder.encode(['grpc-status', status])
    expect(kindsOf(encoder, ['grpc-status', '1'], ['grpc-status', '2'])).toEqual(['indexed', 'indexed'])
    expect(kindsOf(encoder, ['grpc-status', '0'])).toEqual(['inserted'])
  })

  test('nothing is announced of the size that both sides start with, nor of a larger one', () => {
    const encoder = new HpackEncoder()
    const { version } = encoder
    encoder.setTableMaxBytes(4_096)
    encoder.setTableMaxBytes(2 ** 32 - 1)
    expect(encoder.encode(status)).toEqual(hex('88'))
    expect(encoder.version).toBe(version)
  })

  test('a smaller table is announced at the begin of the next block, once', () => {
    const encoder = new HpackEncoder()
    encoder.setTableMaxBytes(0)
    expect(encoder.encode(status)).toEqual(hex('20 88'))
    expect(encoder.encode(status)).toEqual(hex('88'))
  })

  test('a table that was smaller in between is announced by two updates', () => {
    const encoder = new HpackEncoder()
    encoder.setTableMaxBytes(20)
    encoder.setTableMaxBytes(10)
    encoder.setTableMaxBytes(4_096)
    expect(encoder.encode(status)).toEqual(hex('2a 3fe11f 88'))
    expect(encoder.encode(status)).toEqual(hex('88'))
  })

  test('a smaller table evicts, so that nothing refers to what the peer has forgotten', () => {
    const encoder = new HpackEncoder()
    const decoder = createDecoder()
    const fields = ['grpc-status', '0', 'content-type', 'application/grpc']
    fieldsOf(decoder, encoder.encode(fields))
    encoder.setTableMaxBytes(60)
    expect(fieldsOf(decoder, encoder.encode(fields))).toEqual(fields)
    encoder.setTableMaxBytes(30)
    expect(fieldsOf(decoder, encoder.encode(fields))).toEqual(fields)
    expect(kindsOf(encoder, ['grpc-status', '0'])).toEqual(['not indexed'])
    // And the decoder has nothing, either.
    expect(() => fieldsOf(decoder, hex('be'))).toThrow(HpackError)
  })

  test('the version changes while an announcement waits and when it is made', () => {
    const encoder = new HpackEncoder()
    const atFirst = encoder.version
    encoder.setTableMaxBytes(100)
    const waiting = encoder.version
    encoder.encode(status)
    const announced = encoder.version
    encoder.encode(status)
    expect(new Set([atFirst, waiting, announced]).size).toBe(3)
    expect(encoder.version).toBe(announced)
  })
})
