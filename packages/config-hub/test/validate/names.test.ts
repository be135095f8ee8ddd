import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fileKeyOf, filePath } from '../../src/keys.ts'
import {
  checkFileKey,
  checkGroupKey,
  checkNamespaceName,
  checkTemplateName,
} from '../../src/validate/names.ts'
import { chars, refusal } from './refusal.ts'

const inGroup = (file: unknown): object => ({ namespace: 'n', group: 'g', file })

const plainNames: readonly string[] = ['n', 'Prod-1', 'a.b', 'com.shop:cart', 'a/b', '_', '...a']
const badNames: readonly unknown[] = [
  '',
  '.',
  '..',
  'a b',
  'ä',
  'a\\b',
  'a%b',
  'a\n',
  'a\u0000',
  '名',
  'e\u0301',
  'a\u200b',
  '\u202ea',
  '\ud800',
  '\u0430',
  'a\uff0fb',
  ' a',
  'a ',
  '\u{1f600}',
  5,
  null,
  undefined,
  ['n'],
]

describe('a namespace and a group', () => {
  test.each([...plainNames, chars(64)])('may be called %j', (name) => {
    expect(() => checkNamespaceName(name)).not.toThrow()
    expect(() => checkGroupKey({ namespace: name, group: name })).not.toThrow()
  })

  test.each([...badNames, chars(129)].map((name) => [name]))('may not be called %j', (name) => {
    expect(() => checkNamespaceName(name)).toThrow(refusal('namespace'))
    expect(() => checkGroupKey({ namespace: 'n', group: name })).toThrow(refusal('group'))
  })

  test('have names of different length', () => {
    expect(() => checkNamespaceName(chars(65))).toThrow(refusal('namespace'))
    expect(() => checkGroupKey({ namespace: 'n', group: chars(128) })).not.toThrow()
  })

  test.each([[null], [undefined], ['n/g'], [5]])('are named by a key, not by %j', (key) => {
    expect(() => checkGroupKey(key)).toThrow(refusal('key'))
  })

  test('may be named by something that has more than a name', () => {
    class Release {
      readonly namespace = 'n'
      readonly group = 'g'
      readonly file = 'f'
    }
    expect(() => checkFileKey(new Release())).not.toThrow()
  })
})

describe('a file', () => {
  test.each([
    'a',
    'application.yaml',
    'a/b/c.json',
    '.env',
    '..a',
    'a..b/...',
    'with space.txt',
    'quote\'s "and" more: *?<>|%2F',
    'größe/名前/ключ.toml',
    '日本語のファイル.yaml',
    '😀/🚀.json',
    chars(256),
    // Each of two code units.
    '😀'.repeat(128),
    '世'.repeat(256),
  ])('may be called %j', (file) => {
    expect(() => checkFileKey(inGroup(file))).not.toThrow()
    expect(fileKeyOf(filePath({ namespace: 'n', group: 'g', file }))).toEqual(inGroup(file))
  })

  test.each([
    ['nothing', ''],
    ['too much', chars(257)],
    ['too much of what takes three bytes each', '世'.repeat(257)],
    ['too much of what takes two code units each', '😀'.repeat(129)],
    ['half of a surrogate pair, first', 'a\ud83d'],
    ['half of a surrogate pair, second', '\ude00a'],
    ['a pair the wrong way round', '\ude00\ud83d'],
    ['a control character', 'a\u0000b'],
    ['the escape of terminals', 'a\u001b[31mb'],
    ['delete', 'a\u007f'],
    ['a control character of ISO 8859', 'a\u0085b'],
    ['a line end', 'a\nb'],
    ['a tab', 'a\tb'],
    ['a line separator', 'a\u2028b'],
    ['a paragraph separator', 'a\u2029b'],
    ['an override of direction', 'a\u202eb'],
    ['an isolate', 'a\u2066b'],
    ['a mark of direction', 'a\u200fb'],
    ['the Arabic letter mark', 'a\u061cb'],
    ['a space without width', 'a\u200bb'],
    ['a joiner', 'a\u200db'],
    ['a non-joiner', 'a\u200cb'],
    ['a word joiner', 'a\u2060b'],
    ['a byte order mark', '\ufeffa'],
    ['a soft hyphen', 'a\u00adb'],
    ['a filler', 'a\u3164b'],
    ['a grapheme joiner', 'a\u034fb'],
    ['a vowel separator', 'a\u180eb'],
    ['an invisible separator', 'a\u2063b'],
    ['an embedding of direction', 'a\u202ab'],
    ['the end of an isolate', 'a\u2069'],
    ['several emoji that are joined to one', '\u{1f469}\u200d\u{1f467}'],
    ['a flag that is made of tags', '\u{1f3f4}\u{e0067}\u{e007f}'],
    ['a variation selector', '❤\ufe0f'],
    ['a tag character', 'a\u{e0061}'],
    ['a no-break space', 'a\u00a0b'],
    ['an ideographic space', 'a\u3000b'],
    ['a character that is none', 'a\uffff'],
    ['a private character', 'a\ue000'],
    ['a letter with its accent apart', 'e\u0301'],
    ['another form of a letter', '\u212b'],
    ['Hangul in parts', '\u1112\u1161\u11ab'],
    ['a space before', ' a'],
    ['a space behind', 'a '],
    ['a space before a slash', 'a /b'],
    ['a space behind a slash', 'a/ b'],
    ['a backslash', 'a\\b'],
    ['a slash before', '/a'],
    ['a slash behind', 'a/'],
    ['two slashes', 'a//b'],
    ['a slash alone', '/'],
    ['the folder itself', '.'],
    ['the folder above', '..'],
    ['a way up', 'a/../b'],
    ['a way up to begin with', '../a'],
    ['a way nowhere', 'a/./b'],
    ['a number', 5],
    ['null', null],
    ['undefined', undefined],
    ['an array', ['a']],
  ])('may not be called by %s', (_, file) => {
    expect(() => checkFileKey(inGroup(file))).toThrow(refusal('file'))
  })

  test.each<readonly [what: string, first: number, last: number]>([
    ['a grapheme joiner', 0x034f, 0x034f],
    ['fillers of Hangul', 0x115f, 0x1160],
    ['vowels of Khmer that are not written', 0x17b4, 0x17b5],
    ['selectors of Mongolian, and a vowel separator', 0x180b, 0x180f],
    ['operators that are not seen', 0x2060, 0x206f],
    ['the blank of braille', 0x2800, 0x2800],
    ['a joiner of Tifinagh', 0x2d7f, 0x2d7f],
    ['a filler of Hangul', 0x3164, 0x3164],
    ['variation selectors', 0xfe00, 0xfe0f],
    ['a filler of Hangul of half width', 0xffa0, 0xffa0],
    ['marks between lines', 0xfff0, 0xfffb],
    ['a joiner of Brahmi', 0x1107f, 0x1107f],
    ['controls of hieroglyphs', 0x13430, 0x1343f],
    ['blanks of hieroglyphs', 0x13441, 0x13442],
    ['the filler of Khitan', 0x16fe4, 0x16fe4],
    ['controls of shorthand', 0x1bca0, 0x1bca3],
    ['a note without a head', 0x1d159, 0x1d159],
    ['beams and slurs', 0x1d173, 0x1d17a],
    ['tags', 0xe0000, 0xe007f],
    ['more variation selectors', 0xe0100, 0xe01ef],
  ])('may not be called by what nobody sees: %s', (_, first, last) => {
    for (let code = first; code <= last; code++) {
      const file = `a${String.fromCodePoint(code)}b`
      expect(() => checkFileKey(inGroup(file)), code.toString(16)).toThrow('characters that are not seen')
    }
  })

  // What looks a little like it.
  test.each(['2422', '2801', '2d65', '3163', '1107e', '13440', '16b00', '1d158'])(
    'may be called by what is seen: U+%s',
    (code) => {
      const file = `a${String.fromCodePoint(Number.parseInt(code, 16))}b`
      expect(() => checkFileKey(inGroup(file))).not.toThrow()
    },
  )

  // Confusable letters cannot be told from each other without knowing what people mean; nothing takes them for one another here.
  test.each([
    ['a slash of full width', '\uff0f', '/'],
    ['a slash of fractions', '\u2044', '/'],
    ['a slash of division', '\u2215', '/'],
    ['a full stop of full width', '\uff0e', '.'],
    ['a leader of two dots', '\u2025', '..'],
    ['a backslash of full width', '\uff3c', '\\'],
    ['a percent sign of full width', '\uff05', '%'],
    ['a letter of full width', '\uff41', 'a'],
    ['a Cyrillic letter', '\u0430', 'a'],
    ['a Greek letter', '\u03bf', 'o'],
    ['a ligature', '\ufb01', 'fi'],
    ['a superscript', '\u00b2', '2'],
    ['another case', 'A', 'a'],
    ['a dotless i', '\u0131', 'i'],
  ])('may be called by %s, which is another name, and separates nothing', (_, like, plain) => {
    const file = `x${like}${like}x`
    expect(() => checkFileKey(inGroup(file))).not.toThrow()
    const path = filePath({ namespace: 'n', group: 'g', file })
    expect(path).toMatch(/^n\/g\/[\w.:%-]+$/)
    expect(path).not.toBe(filePath({ namespace: 'n', group: 'g', file: `x${plain}${plain}x` }))
    expect(fileKeyOf(path)).toEqual(inGroup(file))
  })

  test.each([
    ['a letter and its accent', 'caf\u00e9', 'cafe\u0301'],
    ['a letter with two marks', '\u1e69', 's\u0307\u0323'],
    ['a syllable', '\ud55c', '\u1112\u1161\u11ab'],
    ['the sign of another letter', '\u03a9', '\u2126'],
    ['an ideograph', '\u8c48', '\uf900'],
  ])('of two ways to write %s may have only the composed one', (_, composed, other) => {
    expect(composed.normalize('NFC')).toBe(other.normalize('NFC'))
    expect(() => checkFileKey(inGroup(composed))).not.toThrow()
    expect(() => checkFileKey(inGroup(other))).toThrow(refusal('file'))
  })

  test('has a group', () => {
    expect(() => checkFileKey({ namespace: 'n', file: 'f' })).toThrow(refusal('group'))
  })

  test('has a name that is the same after its way through a path, whatever is allowed', () => {
    const isAllowed = (file: string): boolean => {
      try {
        checkFileKey(inGroup(file))
        return true
      } catch {
        return false
      }
    }
    const property = fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 6 }), (file) => {
      fc.pre(isAllowed(file))
      const path = filePath({ namespace: 'n', group: 'g', file })
      expect(path.split('/')).toHaveLength(3)
      expect(fileKeyOf(path)).toEqual(inGroup(file))
    })
    fc.assert(property, { numRuns: 500 })
  })
})

test('a template is called as a file is', () => {
  expect(() => checkTemplateName('spring/größe.yaml')).not.toThrow()
  expect(() => checkTemplateName(chars(128))).not.toThrow()
  for (const name of ['', 'a/../b', 'a\u202eb', chars(129), 5]) {
    expect(() => checkTemplateName(name)).toThrow(refusal('name'))
  }
})
