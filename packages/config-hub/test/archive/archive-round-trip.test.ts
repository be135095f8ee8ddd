import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ArchivedFile } from '../../src/archive/archived-file.ts'
import { entryNameOf, fileKeyOfEntry } from '../../src/archive/entry-name.ts'
import { readArchive } from '../../src/archive/read-archive.ts'
import { writeArchive } from '../../src/archive/write-archive.ts'
import { contentFormats } from '../../src/model.ts'
import { makeZip } from './zip-maker.ts'

const plainName = fc.constantFrom('a', 'default', 'a.b', 'a/b', 'a/../b', 'C:', '-', '__MACOSX', 'META.json')
const part = fc.constantFrom(
  'a',
  'application.yaml',
  'é',
  '服务',
  'a b',
  '100%',
  '%2F',
  ':x',
  '.DS_Store',
  '...',
  "it's",
)
const key = fc.record({
  namespace: plainName,
  group: plainName,
  file: fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/')),
})
const tags = fc.dictionary(
  fc.constantFrom('a', 'env', 'é'),
  fc.string({ minLength: 1, maxLength: 9, unit: 'grapheme' }),
)
const file: fc.Arbitrary<ArchivedFile> = fc.record({
  key,
  content: fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 200 }),
    fc.constantFrom('\u{feff}bom', '\r\n\0', ''),
  ),
  format: fc.constantFrom(...contentFormats),
  comment: fc.string({ maxLength: 20, unit: 'grapheme' }),
  tags,
  encrypted: fc.boolean(),
})
const files = fc.uniqueArray(file, { selector: (each) => entryNameOf(each.key), maxLength: 8 })

describe('an archive', () => {
  test('gives back what was put into it, in its order', async () => {
    await fc.assert(
      fc.asyncProperty(files, async (given) => {
        expect(await readArchive(await writeArchive(given))).toEqual(given)
      }),
    )
  })

  test('is the same for the same files', async () => {
    await fc.assert(
      fc.asyncProperty(files, async (given) => {
        expect(await writeArchive(given)).toEqual(await writeArchive(given))
      }),
      { numRuns: 20 },
    )
  })

  test('names entries so that each name is one file', () => {
    fc.assert(
      fc.property(key, (given) => {
        expect(fileKeyOfEntry(entryNameOf(given))).toEqual(given)
      }),
    )
    expect(entryNameOf({ namespace: 'a/b', group: 'C:', file: 'x/y' })).toBe('a%2Fb/C%3A/x/y')
  })

  test('holds thousands of files, and no more than it may', async () => {
    const many = Array.from({ length: 2_000 }, (_, index) => ({
      key: { namespace: 'n', group: 'g', file: `${index}` },
      content: `${index}`,
    }))
    const archive = await writeArchive(many)
    expect(await readArchive(archive)).toMatchObject(many)
    const limits = { maxFiles: many.length - 1, maxBytes: 1_000_000, contentMaxBytes: 1_000 }
    await expect(writeArchive(many, limits)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    await expect(readArchive(archive, limits)).rejects.toMatchObject({ code: 'CONFIG_ARCHIVE_INVALID' })
  })

  test('is not written when its contents are too large', async () => {
    const large = { key: { namespace: 'n', group: 'g', file: 'x' }, content: 'é'.repeat(600) }
    const limits = { maxFiles: 10, maxBytes: 100_000, contentMaxBytes: 1_199 }
    await expect(writeArchive([large], limits)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    await expect(
      writeArchive([large], { ...limits, maxBytes: 1_300, contentMaxBytes: 1_200 }),
    ).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    })
    await expect(writeArchive([large], { ...limits, contentMaxBytes: 1_200 })).resolves.toBeInstanceOf(
      Uint8Array,
    )
  })

  test('keeps its contents compressed', async () => {
    const content = 'a: b\n'.repeat(100_000)
    const archive = await writeArchive([{ key: { namespace: 'n', group: 'g', file: 'x' }, content }])
    expect(archive.length).toBeLessThan(content.length / 50)
  })
})

describe('an archive of an ordinary tool', () => {
  const unixFolder = { madeBy: (3 << 8) | 30, attributes: 0o040755 << 16 }
  const unixFile = { madeBy: (3 << 8) | 30, attributes: 0o100644 << 16 }
  const dosFolder = { attributes: 0x10 }

  test('with folders is read, and folders are nothing', async () => {
    const archive = makeZip([
      { name: 'default/', method: 0, flags: 0, ...unixFolder },
      { name: 'default/app/', method: 0, flags: 0, ...dosFolder },
      { name: 'default/app/a.yaml', content: 'a: 1', flags: 0, ...unixFile },
      { name: 'default/app/b/c.txt', content: 'c', method: 0, flags: 0 },
    ])
    expect(await readArchive(archive)).toEqual([
      { key: { namespace: 'default', group: 'app', file: 'a.yaml' }, content: 'a: 1' },
      { key: { namespace: 'default', group: 'app', file: 'b/c.txt' }, content: 'c' },
    ])
  })

  test('is read without what its system added by itself', async () => {
    const archive = makeZip([
      { name: 'n/g/a', content: 'a', ...unixFile },
      { name: '__MACOSX/n/g/._a', content: Buffer.of(0, 5, 0x16, 7, 0xff) },
      { name: 'n/g/.DS_Store', content: Buffer.of(0xff) },
      { name: 'n/Thumbs.db', content: Buffer.of(0xff) },
    ])
    expect((await readArchive(archive)).map(({ key: { file: name } }) => name)).toEqual(['a'])
  })

  test('whose names are decomposed, as macOS makes them, is read with composed ones', async () => {
    const [read] = await readArchive(makeZip([{ name: 'n/g/e\u0301', content: 'x', flags: 0 }]))
    expect(read?.key.file).toBe('\u00e9')
  })

  test('that says sizes behind the data, as Java does, is read', async () => {
    const archive = makeZip([{ name: 'n/g/a', content: 'x', flags: 0x808, local: { size: 0 } }])
    expect(await readArchive(archive)).toMatchObject([{ content: 'x' }])
  })

  test('with a comment, with nothing in it, or with a content that was edited, is read', async () => {
    const comment = Buffer.from('made by hand')
    expect(await readArchive(makeZip([], { comment }))).toEqual([])
    const [meta] = [{ layout: 1, files: [{ namespace: 'n', group: 'g', file: 'a', format: 'toml' }] }]
    const edited = makeZip([
      { name: 'n/g/a', content: 'edited' },
      { name: 'META.json', content: JSON.stringify(meta) },
    ])
    expect(await readArchive(edited)).toMatchObject([{ content: 'edited', format: 'toml' }])
  })
})
