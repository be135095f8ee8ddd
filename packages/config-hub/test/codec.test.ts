import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeContent,
  decodeFile,
  decodeGone,
  decodeGroup,
  decodeTemplate,
  type DraftHead,
  encodeContent,
  encodeFile,
  encodeGone,
  encodeGroup,
  encodePlainContent,
  encodeTemplate,
  type StoredValue,
} from '../src/codec.ts'
import { filePath, groupPath } from '../src/keys.ts'
import {
  type ConfigFile,
  contentFormats,
  type GrayReleaseInfo,
  type Group,
  type Metadata,
  type ReleaseInfo,
  type ReleaseOrigin,
} from '../src/model.ts'
import type { WrappedKey } from '../src/ports.ts'
import { textOf } from '../src/reads/release-of.ts'

/** Any text that can be stored: all that UTF-8 can say. */
const text = fc.string({ unit: 'grapheme', maxLength: 20 })
const time = fc.nat()
const version = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
const metadata: fc.Arbitrary<Metadata> = fc.dictionary(text, text, { maxKeys: 3, noNullPrototype: true })
const format = fc.constantFrom(...contentFormats)
const origins: readonly ReleaseOrigin[] = ['publish', 'gray', 'promote', 'rollback', 'restate']
/** Objects as everybody makes them. */
const own = { noNullPrototype: true }
const maybe = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(values, { nil: undefined })

const infos: fc.Arbitrary<ReleaseInfo> = fc.record(
  {
    version,
    name: text,
    md5: fc.string({ unit: fc.constantFrom('0', '9', 'a', 'f'), minLength: 32, maxLength: 32 }),
    sizeBytes: fc.nat(),
    format,
    tags: metadata,
    comment: text,
    encrypted: fc.boolean(),
    origin: fc.constantFrom(...origins),
    from: maybe(version),
    releasedAtMs: time,
    actor: text,
    reason: text,
  },
  own,
)

const grays: fc.Arbitrary<GrayReleaseInfo> = fc
  .tuple(infos, fc.record({ percent: fc.integer({ min: 0, max: 100 }), addresses: fc.array(text) }, own))
  .map(([info, rule]) => ({ ...info, rule }))

const files: fc.Arbitrary<ConfigFile> = fc.record(
  {
    namespace: text,
    group: text,
    file: text,
    format,
    comment: text,
    tags: metadata,
    encrypted: fc.boolean(),
    hasDraft: fc.boolean(),
    latestVersion: fc.nat(),
    release: maybe(infos),
    gray: maybe(grays),
    createdAtMs: time,
    changedAtMs: time,
    revision: version,
  },
  own,
)

const groups: fc.Arbitrary<Group> = fc.record(
  {
    ...{ namespace: text, group: text, comment: text, business: text, department: text, metadata },
    ...{ createdAtMs: time, changedAtMs: time, revision: version },
  },
  own,
)

const bytes = fc.uint8Array({ maxLength: 40 })
const dataKeys: fc.Arbitrary<WrappedKey | undefined> = maybe(fc.record({ keyId: text, bytes }))

/** A value as the store gives it: UTF-8, in the middle of something else. */
function stored(value: string | Uint8Array, modRevision = 7): StoredValue {
  const whole = Buffer.concat([Buffer.from('before'), Buffer.from(value), Buffer.from('after')])
  return { value: whole.subarray(6, whole.length - 5), modRevision }
}

/** What stands in the store, at the least. */
const storedInfo = {
  ...{ version: 1, name: 'v1', md5: 'x', sizeBytes: 0, format: 'text', tags: {}, comment: '' },
  ...{ encrypted: false, origin: 'publish', releasedAtMs: 5, actor: '', reason: '' },
}
const storedFile = {
  ...{ format: 'text', comment: '', tags: {}, encrypted: false, hasDraft: false, latestVersion: 0 },
  ...{ createdAtMs: 5, changedAtMs: 5 },
}
const storedGroup = {
  ...{ comment: '', business: '', department: '', metadata: {}, createdAtMs: 5, changedAtMs: 5 },
}
const storedTemplate = { format: 'text', comment: '', createdAtMs: 5, changedAtMs: 5 }

function withGray(rule: unknown): object {
  return { ...storedFile, gray: { ...storedInfo, origin: 'gray', rule } }
}

/** Bytes compare as bytes, whatever class they are of. */
function plainKey(key: WrappedKey | undefined): unknown {
  return key && { keyId: key.keyId, bytes: [...key.bytes] }
}

describe('the codec', () => {
  test('gives groups back as they were', () => {
    fc.assert(
      fc.property(groups, (group) => {
        expect(decodeGroup(groupPath(group), stored(encodeGroup(group), group.revision))).toStrictEqual(group)
      }),
    )
  })

  test('gives files back as they were, with their data keys', () => {
    fc.assert(
      fc.property(files, dataKeys, (file, dataKey) => {
        const path = filePath(file)
        const decoded = decodeFile(path, stored(encodeFile({ file, dataKey }), file.revision))
        expect(decoded.file).toStrictEqual(file)
        expect(decoded.path).toBe(path)
        expect(plainKey(decoded.dataKey)).toEqual(plainKey(dataKey))
      }),
    )
  })

  test('gives files that nobody can change', () => {
    fc.assert(
      fc.property(files, (file) => {
        const decoded = decodeFile(filePath(file), stored(encodeFile({ file, dataKey: undefined }))).file
        for (const part of [decoded, decoded.release, decoded.gray]) expect(Object.isFrozen(part)).toBe(true)
      }),
    )
  })

  test('gives releases and their contents back as they were, whatever bytes they are of', () => {
    fc.assert(
      fc.property(infos, dataKeys, bytes, (head, dataKey, content) => {
        const decoded = decodeContent<ReleaseInfo>(stored(encodeContent({ head, dataKey, content })).value)
        expect(decoded.head).toEqual(head)
        expect(Object.keys(decoded.head)).not.toContain('dataKey')
        expect(plainKey(decoded.dataKey)).toEqual(plainKey(dataKey))
        expect([...decoded.content]).toEqual([...content])
      }),
    )
  })

  test('stores a plain content in the same way, whether it is text or bytes', () => {
    fc.assert(
      fc.property(infos, fc.oneof(text, fc.constant('\ufeffa\n\nb\r\n')), (head, content) => {
        const value = Buffer.from(encodePlainContent(head, content))
        const asBytes = encodeContent({ head, dataKey: undefined, content: Buffer.from(content) })
        expect(value.equals(asBytes)).toBe(true)
        expect(textOf(decodeContent<ReleaseInfo>(stored(value).value).content)).toBe(content)
      }),
    )
  })

  test('gives drafts, templates and what is left of files back as they were', () => {
    fc.assert(
      fc.property(
        text,
        text,
        fc.record({ format, createdAtMs: time, changedAtMs: time }),
        (content, comment, rest) => {
          const draft = decodeContent<DraftHead>(stored(encodePlainContent({ md5: 'x' }, content)).value)
          expect([draft.head, textOf(draft.content)]).toEqual([{ md5: 'x' }, content])
          const template = { content, comment, ...rest }
          expect(decodeTemplate('name', stored(encodeTemplate(template)))).toStrictEqual({
            ...{ name: 'name', revision: 7 },
            ...template,
          })
        },
      ),
    )
    fc.assert(
      fc.property(version, fc.nat(), (latestVersion, deletedAtMs) => {
        const gone = { latestVersion, deletedAtMs }
        expect(decodeGone(stored(encodeGone(gone)).value)).toEqual(gone)
      }),
    )
  })

  test('leaves out what a later version says', () => {
    const plain = { ...storedFile, newer: 1, release: { ...storedInfo, newer: 2 } }
    const { file } = decodeFile('a/b/c', stored(JSON.stringify(plain)))
    expect(file).not.toHaveProperty('newer')
    expect(file.release).not.toHaveProperty('newer')
    const group = decodeGroup('a/b', stored(JSON.stringify({ ...storedGroup, newer: 1 })))
    expect(group).not.toHaveProperty('newer')
    expect(decodeGone(stored('{"latestVersion":3,"deletedAtMs":5,"newer":1}').value)).toEqual({
      latestVersion: 3,
      deletedAtMs: 5,
    })
    const head = JSON.stringify({ ...storedInfo, newer: 1 })
    expect(decodeContent<ReleaseInfo>(stored(`${head}\nx`).value).head.version).toBe(1)
    const template = decodeTemplate('t', stored(`${JSON.stringify({ ...storedTemplate, newer: 1 })}\nx`))
    expect(template).not.toHaveProperty('newer')
  })

  test.each<readonly [what: string, rule: object]>([
    ['says more', { percent: 5, until: { ms: 5 } }],
    ['has parts of another shape', { labels: { any: [] }, addresses: '10.0.0.0/8', percent: '5' }],
  ])('takes a rule of a later version that %s', (_, rule) => {
    const { file } = decodeFile('a/b/c', stored(JSON.stringify(withGray(rule))))
    expect(file.gray?.rule).toEqual(rule)
  })

  test('takes times with fractions, as the clock of a host may tell them', () => {
    const { file } = decodeFile('a/b/c', stored(JSON.stringify({ ...storedFile, changedAtMs: 5.5 })))
    expect(file.changedAtMs).toBe(5.5)
  })

  test('refuses what is none of it', () => {
    expect(() => decodeFile('a/b/c', stored('nonsense'))).toThrow(SyntaxError)
    expect(() => decodeContent(stored('{}').value)).toThrow('a content has a line before it')
    expect(() => decodeContent(stored('{\n').value)).toThrow(SyntaxError)
    for (const json of ['5', 'null', '"text"', 'true', '[]', '{}', '[{}]']) {
      const value = stored(json)
      const withContent = stored(`${json}\nx`)
      expect(() => decodeFile('a/b/c', value)).toThrow('the value is no file')
      expect(() => decodeGroup('a/b', value)).toThrow('the value is no group')
      expect(() => decodeGone(value.value)).toThrow('the value is no version')
      expect(() => decodeContent(withContent.value)).toThrow('the value is no content')
      expect(() => decodeTemplate('t', withContent)).toThrow('the value is no template')
    }
  })

  test.each<readonly [what: string, change: object]>([
    ['no format', { format: undefined }],
    ['a comment that is none', { comment: 5 }],
    ['no tags', { tags: undefined }],
    ['tags that are null', { tags: null }],
    ['tags that are a list', { tags: [] }],
    ['a tag that is no text', { tags: { a: 1 } }],
    ['encryption that is no yes or no', { encrypted: 1 }],
    ['no word of a draft', { hasDraft: undefined }],
    ['a version in quotes', { latestVersion: '7' }],
    ['a version below all', { latestVersion: -1 }],
    ['half a version', { latestVersion: 1.5 }],
    ['no time', { createdAtMs: undefined }],
    ['a time in quotes', { changedAtMs: '5' }],
    ['a time before all', { changedAtMs: -1 }],
    ['a time that no trail can tell', { changedAtMs: 10 ** 14 }],
    ['a release that is none', { release: {} }],
    ['a release that is null', { release: null }],
    ['a release of version 0', { release: { ...storedInfo, version: 0 } }],
    ['a release without an MD5', { release: { ...storedInfo, md5: undefined } }],
    ['a release without tags', { release: { ...storedInfo, tags: undefined } }],
    ['a release of an older one that is none', { release: { ...storedInfo, from: '1' } }],
    ['a gray release without a rule', { gray: storedInfo }],
    ['a rule that is a text', withGray('all')],
    ['a rule that is null', withGray(null)],
    ['a data key without an id', { dataKey: { bytes: '' } }],
    ['a data key without bytes', { dataKey: { keyId: 'a' } }],
    ['a data key that is null', { dataKey: null }],
  ])('takes nothing for a file that has %s', (_, change) => {
    expect(() => decodeFile('a/b/c', stored(JSON.stringify(storedFile)))).not.toThrow()
    const value = stored(JSON.stringify({ ...storedFile, ...change }))
    expect(() => decodeFile('a/b/c', value)).toThrow('the value is no file')
  })

  test.each<readonly [what: string, change: object]>([
    ['no comment', { comment: undefined }],
    ['a business that is none', { business: 1 }],
    ['no department', { department: undefined }],
    ['metadata that is no text', { metadata: { a: {} } }],
    ['no time', { changedAtMs: undefined }],
  ])('takes nothing for a group that has %s', (_, change) => {
    expect(() => decodeGroup('a/b', stored(JSON.stringify(storedGroup)))).not.toThrow()
    const value = stored(JSON.stringify({ ...storedGroup, ...change }))
    expect(() => decodeGroup('a/b', value)).toThrow('the value is no group')
  })

  test.each<readonly [what: string, head: object]>([
    ['no MD5', { ...storedInfo, md5: undefined }],
    ['a version and nothing else', { version: 1, md5: 'x' }],
    ['a version in quotes', { ...storedInfo, version: '1' }],
    ['a data key that is none', { md5: 'x', dataKey: 'secret' }],
  ])('takes nothing for a content that has %s', (_, head) => {
    const value = stored(`${JSON.stringify(head)}\nx`)
    expect(() => decodeContent(value.value)).toThrow('the value is no content')
  })
})
