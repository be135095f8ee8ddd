import { deflateRawSync } from 'node:zlib'
import { hasCode } from '@orrery/environment'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readArchive } from '../../src/archive/read-archive.ts'
import { md5Of, writeArchive } from '../../src/archive/write-archive.ts'
import { extraField, type Made, makeZip, zip64End } from './zip-maker.ts'

const limits = { maxFiles: 10, maxBytes: 10_000, contentMaxBytes: 4_000 }
const good: Made = { name: 'n/g/good.txt', content: 'good' }
const named = (name: string | Buffer, rest: Omit<Made, 'name'> = {}): Buffer =>
  makeZip([good, { name, content: 'x', ...rest }])
const unix = (mode: number): Omit<Made, 'name'> => ({ madeBy: (3 << 8) | 20, attributes: mode << 16 })
const goodLength = makeZip([good]).length

function withMeta(meta: unknown, entries: readonly Made[] = [good]): Buffer {
  const content = typeof meta === 'string' ? meta : JSON.stringify(meta)
  return makeZip([{ name: 'META.json', content }, ...entries])
}
const listed = { namespace: 'n', group: 'g', file: 'good.txt' }

/** What stands in a message is what is wrong, and with which entry. */
const table: readonly (readonly [string, Buffer, RegExp])[] = [
  // No archive, or not all of one.
  ['nothing', Buffer.alloc(0), /no part of a zip/],
  ['garbage', Buffer.from('garbage '.repeat(100)), /no part of a zip/],
  ['an archive that is cut off at its end', makeZip([good]).subarray(0, -5), /no part of a zip/],
  ['an archive that is cut off at its beginning', makeZip([good]).subarray(40), /./],
  [
    'an archive with more at its end',
    Buffer.concat([makeZip([good]), Buffer.from('more')]),
    /no part of a zip/,
  ],
  ['a directory that begins elsewhere', makeZip([good], { directoryOffset: 3 }), /signature/],
  ['a directory that begins beyond the end', makeZip([good], { directoryOffset: 0xffff_fff0 }), /EOF/],
  ['a part of an archive of several disks', makeZip([good], { disk: 1 }), /multi-disk/],
  ['more entries than there are', makeZip([good], { count: 2 }), /"n\/g\/good.txt"/],
  [
    'fewer entries than there are',
    makeZip([good, { name: 'n/g/b', content: 'b' }], { count: 1 }),
    /more entries/,
  ],

  // Names.
  ['a path that leaves', named('n/g/../../etc/passwd'), /"n\/g\/\.\.\/\.\.\/etc\/passwd" has an empty part/],
  ['a path that begins with ..', named('../n/g/a'), /"\.\.\/n\/g\/a"/],
  ['an absolute path', named('/n/g/a'), /absolute/],
  ['a drive', named('C:/g/a'), /absolute/],
  ['a backslash', named('n\\g\\a'), /backslash/],
  ['a path that leaves by backslashes', named('n/g/..\\..\\a'), /backslash/],
  ['a NUL', named('n/g/a\0.txt'), /NUL/],
  ['a control', named('n/g/a\u001b[2J'), /name that no file may have/],
  ['a dot as a part', named('n/./g/a'), /"n\/\.\/g\/a"/],
  ['an empty part', named('n//g/a'), /"n\/\/g\/a"/],
  ['no name', named(''), /no name/],
  ['a file outside of groups', named('n/a'), /no file in a group/],
  ['a file outside of everything', named('a'), /no file in a group/],
  ['a name that is no UTF-8', named(Buffer.from([0x6e, 0x2f, 0x67, 0x2f, 0xff])), /no UTF-8/],
  [
    'a name that is no UTF-8 and does not say so',
    named(Buffer.from([0x6e, 0x2f, 0x67, 0x2f, 0x81]), { flags: 0 }),
    /no UTF-8/,
  ],
  ['a percent sign that escapes nothing', named('n%/g/a'), /percent/],
  ['a namespace that no one may have', named('n n/g/a'), /name that no file may have/],
  ['a name that is too long', named(`n/g/${'a'.repeat(257)}`), /at most 256/],
  ['the same name twice', makeZip([good, good]), /"n\/g\/good.txt" is there twice/],
  [
    'the same name twice, composed and decomposed',
    makeZip([{ name: 'n/g/\u00e9' }, { name: 'n/g/e\u0301' }]),
    /twice/,
  ],
  [
    'the same file twice, under names that are escaped otherwise',
    named('n/%67/good.txt'),
    /"n\/%67\/good.txt" is the same file as another entry/,
  ],
  ['another name in the local header', named('n/g/a', { local: { name: 'n/g/b' } }), /two names/],
  [
    'another name in an extra field',
    named('n/g/a', { extra: extraField(0x7075, Buffer.from('\u0001....n/g/../../b')) }),
    /another name besides/,
  ],

  // Kinds.
  ['a symbolic link', named('n/g/a', unix(0o120777)), /"n\/g\/a" is no plain file/],
  ['a device', named('n/g/a', unix(0o020666)), /no plain file/],
  ['a pipe', named('n/g/a', unix(0o010666)), /no plain file/],
  ['a folder by the name of a file', named('n/g/a', unix(0o040755)), /no plain file/],
  ['a file by the name of a folder', named('n/g/a/', unix(0o100644)), /no plain file/],
  ['a folder with a content', named('n/g/a/'), /folder with a content/],
  ['an encrypted entry', named('n/g/a', { flags: 0x801 }), /"n\/g\/a" is encrypted/],
  ['a strongly encrypted entry', named('n/g/a', { flags: 0x841 }), /encrypt/],
  ['an encrypted directory', named('n/g/a', { flags: 0x2800 }), /encrypted/],
  ['a patch', named('n/g/a', { flags: 0x820 }), /patch/],
  ['another method', named('n/g/a', { method: 12, packed: Buffer.from('x') }), /method 12/],

  // Sizes.
  [
    'a content that is too large',
    named('n/g/a', { content: 'a'.repeat(4_001) }),
    /"n\/g\/a" has more than 4000/,
  ],
  [
    'contents that are too large together',
    makeZip(['a', 'b', 'c'].map((name) => ({ name: `n/g/${name}`, content: 'a'.repeat(3_500) }))),
    /more than 10000 bytes/,
  ],
  ['a bomb that says what it is', named('n/g/a', { content: Buffer.alloc(50_000_000) }), /more than 4000/],
  [
    'a bomb that says it is small',
    named('n/g/a', { content: Buffer.alloc(50_000_000), size: 10 }),
    /"n\/g\/a" is longer/,
  ],
  [
    'a bomb that says it is empty',
    named('n/g/a', { content: Buffer.alloc(50_000_000), size: 0 }),
    /longer|not as long/,
  ],
  ['a content that is shorter than it says', named('n/g/a', { content: 'abc', size: 10 }), /not as long/],
  ['a stored content with two sizes', named('n/g/a', { content: 'abc', method: 0, size: 10 }), /two sizes/],
  ['another size in the local header', named('n/g/a', { local: { size: 7 } }), /two sizes/],
  ['another method in the local header', named('n/g/a', { local: { method: 0 } }), /two methods/],
  ['other flags in the local header', named('n/g/a', { local: { flags: 0x801 } }), /two sets of flags/],
  ['another checksum', named('n/g/a', { crc: 1 }), /"n\/g\/a" has another checksum/],
  ['data that do not unpack', named('n/g/a', { packed: Buffer.from('\u0007garbage') }), /does not unpack/],
  ['data that are cut off', named('n/g/a', { packed: Buffer.from([0x4b]) }), /does not unpack/],
  [
    'something behind the data',
    named('n/g/a', { packed: Buffer.concat([deflateRawSync('x'), Buffer.from('more')]) }),
    /something behind/,
  ],
  ['data beyond the end', named('n/g/a', { packedSize: 100_000 }), /"n\/g\/a" has no header of its own/],
  [
    'data that reach into the directory',
    named('n/g/a', { method: 0, packedSize: 40, size: 40 }),
    /belong to the directory/,
  ],
  ['no local header', named('n/g/a', { offset: 5 }), /no header of its own/],
  ['a local header beyond the end', named('n/g/a', { offset: 1_000_000 }), /no header of its own/],
  [
    'entries that share their data',
    makeZip([good, { ...good, name: 'n/g/good.txt', offset: 0, absent: true }]),
    /twice|belong/,
  ],
  [
    'an entry within another one',
    makeZip([
      { name: 'n/g/outer', method: 0, content: makeZip([{ name: 'n/g/inner', content: 'x' }]) },
      { name: 'n/g/inner', content: 'x', offset: 30 + 'n/g/outer'.length, absent: true },
    ]),
    /"n\/g\/inner" has bytes that belong to another entry/,
  ],
  [
    'too many files',
    makeZip(Array.from({ length: 11 }, (_, index) => ({ name: `n/g/${index}` }))),
    /more than 10 files/,
  ],
  [
    'too many folders',
    makeZip(Array.from({ length: 45 }, (_, index) => ({ name: `n/${index}/` }))),
    /more than 44 entries/,
  ],
  [
    'more entries than numbers, by zip64',
    makeZip([good], {
      count: 0xffff,
      before: zip64End({ count: 2n ** 60n, directoryOffset: 0n, at: goodLength - 22 }),
    }),
    /entries/,
  ],
  [
    'a directory beyond all measure, by zip64',
    makeZip([good], {
      before: zip64End({ count: 1n, directoryOffset: 2n ** 63n, at: goodLength - 22 }),
    }),
    /EOF/,
  ],
  [
    'zip64 without its record',
    makeZip([good], { before: zip64End({ count: 1n, directoryOffset: 0n, at: 3 }) }),
    /zip64/,
  ],
  [
    'a size beyond all measure, by zip64',
    named('n/g/a', { size: 0xffff_ffff, extra: extraField(1, Buffer.alloc(8, 0xff)) }),
    /beyond all measure/,
  ],
  [
    'zip64 without its sizes',
    named('n/g/a', { size: 0xffff_ffff, extra: extraField(1, Buffer.alloc(2)) }),
    /zip64/,
  ],
  [
    'an extra field that is cut off',
    named('n/g/a', { extra: Buffer.from([1, 0, 200, 0, 0]) }),
    /extra field/,
  ],

  // Contents.
  [
    'a content that is no UTF-8',
    named('n/g/a', { content: Buffer.from([0xff, 0xfe]) }),
    /"n\/g\/a" is no UTF-8/,
  ],
  [
    'a content with half of a surrogate pair',
    named('n/g/a', { content: Buffer.from([0xed, 0xa0, 0x80]) }),
    /no UTF-8/,
  ],

  // META.json.
  ['a META that is no JSON', withMeta('{'), /META.json is no JSON/],
  ['a META that is a list', withMeta([]), /META.json/],
  ['a META of another layout', withMeta({ layout: 2, files: [listed] }), /layout must be 1/],
  ['a META without files', withMeta({ layout: 1 }), /files/],
  [
    'a META that is no UTF-8',
    makeZip([{ name: 'META.json', content: Buffer.of(0xff) }]),
    /"META.json" is no UTF-8/,
  ],
  [
    'a META that lists what is not there',
    withMeta({ layout: 1, files: [listed, { ...listed, file: 'b' }] }),
    /"n\/g\/b" is listed/,
  ],
  [
    'a META that does not list what is there',
    withMeta({ layout: 1, files: [] }),
    /"n\/g\/good.txt" is not listed/,
  ],
  ['a META that lists a file twice', withMeta({ layout: 1, files: [listed, listed] }), /twice/],
  [
    'a META that says another content',
    withMeta({ layout: 1, files: [{ ...listed, md5: md5Of(Buffer.from('x')) }] }),
    /another content/,
  ],
  [
    'a META with a name that leaves',
    withMeta({ layout: 1, files: [{ ...listed, file: '../x' }] }),
    /name that no file may have/,
  ],
  [
    'a META with another kind of format',
    withMeta({ layout: 1, files: [{ ...listed, format: 'exe' }] }),
    /format/,
  ],
  ['a META with tags that are none', withMeta({ layout: 1, files: [{ ...listed, tags: { a: 1 } }] }), /tags/],
  [
    'a META with a comment that is too long',
    withMeta({ layout: 1, files: [{ ...listed, comment: 'a'.repeat(1_025) }] }),
    /comment/,
  ],
  ['a META with something for md5', withMeta({ layout: 1, files: [{ ...listed, md5: 'x' }] }), /md5/],
  [
    'a META that is too large',
    withMeta(JSON.stringify({ layout: 1, files: [listed], more: 'a'.repeat(10_000) })),
    /more than 10000 bytes/,
  ],
]

describe('an archive that is none, or holds what it may not, is refused', () => {
  test.each(table)('%s', async (_, archive, message) => {
    const error: unknown = await readArchive(archive, limits).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'CONFIG_ARCHIVE_INVALID' })
    expect(String(error)).toMatch(message)
  })

  test('though the archive that the others were made from is not', async () => {
    expect(await readArchive(makeZip([good]), limits)).toMatchObject([{ key: listed, content: 'good' }])
    expect(await readArchive(withMeta({ layout: 1, files: [listed] }), limits)).toHaveLength(1)
  })

  test('whatever bytes of an archive are changed, inserted or lost: it is refused or read, and nothing else happens', async () => {
    const archive = await writeArchive(
      ['a.json', 'b/c.yaml'].map((file) => ({
        key: { namespace: 'n', group: 'g', file },
        content: file.repeat(9),
      })),
    )
    const plain = makeZip([good, { name: 'n/g/stored', content: 'stored', method: 0 }])
    const edit = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      remove: fc.nat({ max: 4 }),
      insert: fc.oneof(
        fc.uint8Array({ maxLength: 4 }),
        fc.constantFrom(Buffer.from('PK\u0005\u0006'), Buffer.alloc(4, 0xff)),
      ),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(archive, plain),
        fc.array(edit, { minLength: 1, maxLength: 3 }),
        async (base, edits) => {
          let bytes = Buffer.from(base)
          for (const { at, remove, insert } of edits) {
            const index = Math.floor(at * bytes.length)
            bytes = Buffer.concat([bytes.subarray(0, index), insert, bytes.subarray(index + remove)])
          }
          const outcome: unknown = await readArchive(bytes, limits).catch((reason: unknown) => reason)
          expect(Array.isArray(outcome) || hasCode(outcome, 'CONFIG_ARCHIVE_INVALID')).toBe(true)
        },
      ),
      { numRuns: 2_000 },
    )
  })
})
