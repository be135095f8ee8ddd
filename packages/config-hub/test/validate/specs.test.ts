import { describe, expect, test } from 'vitest'
import type { TemplateSpec } from '../../src/config-hub.ts'
import type { Group } from '../../src/model.ts'
import {
  checkImportOptions,
  checkWriteOptions,
  toFileSpec,
  toGrayPublishSpec,
  toGroup,
  toPublishSpec,
  toTemplateSpec,
} from '../../src/validate/specs.ts'
import { chars, entries, refusal } from './refusal.ts'

const key = { namespace: 'n', group: 'g' }
const maxBytes = 1_000

/** What came from JSON has whatever type it likes. */
const strange = (spec: unknown): never => spec as never

/** A template always has one. */
const withContent = (given: object): TemplateSpec =>
  strange(Object.getPrototypeOf(given) === Object.prototype ? { content: 'c', ...given } : given)

type Table = readonly (readonly [field: string, fits: readonly unknown[], refused: readonly unknown[]])[]

const comments = ['comment', ['', chars(1_024)], [chars(1_025), '\ud800', 5, null]] as const
const tagsTable = [
  'tags',
  [{}, entries(64), { [chars(128)]: chars(4_096) }, { a: ' ' }],
  [
    entries(65),
    { '': 'v' },
    { a: '' },
    { [chars(129)]: 'v' },
    { a: chars(4_097) },
    { a: 5 },
    { a: undefined },
    { constructor: 'v' },
    JSON.parse('{"__proto__":"v"}'),
    { a: '\udc00' },
    [],
    null,
    'a=b',
    new Map(),
  ],
] as const

const groupFields: Table = [
  comments,
  ['business', ['', chars(128)], [chars(129), 5]],
  ['department', ['', chars(1_024)], [chars(1_025), false]],
  ['metadata', [{}, { a: '' }, entries(64)], [entries(65), { '': '' }, { a: 5 }, [], null]],
]

const fileFields: Table = [
  ['content', ['', chars(maxBytes)], [chars(maxBytes + 1), '\ud800', 5, null]],
  ['format', ['text', 'json', 'html'], ['JSON', '', 'ini', 5, null, ['json']]],
  comments,
  tagsTable,
  ['encrypted', [true, false], ['true', 1, null]],
]

const publishFields: Table = [
  ...fileFields,
  ['name', ['v 1', 'ä', chars(256)], ['', chars(257), 'a\nb', 'a\u0000', 5, null]],
  ['releaseComment', ['', 'a\nb', chars(1_024)], [chars(1_025), 5]],
]

const templateFields: Table = [
  ['content', ['', chars(maxBytes)], [chars(maxBytes + 1), '\ud800', 5, null, undefined]],
  ['format', ['yaml'], ['YAML', null]],
  comments,
]

const writeFields: Table = [
  ['ifRevision', [0, 1, Number.MAX_SAFE_INTEGER], [-1, 0.5, NaN, '1', null, 2 ** 53]],
  [
    'ifMd5',
    ['', '0123456789abcdef0123456789abcdef'],
    ['0', chars(32), '0123456789ABCDEF0123456789ABCDEF', 5, null],
  ],
  ['actor', ['', 'ann@example.com', chars(128)], [chars(129), 'a\nb', 5, null]],
  ['reason', ['', 'because\nof it', chars(1_024)], [chars(1_025), 5, null]],
]

const specs: readonly (readonly [what: string, check: (given: object) => unknown, table: Table])[] = [
  ['a group', (given) => toGroup(key, strange(given)), groupFields],
  ['a file', (given) => toFileSpec(strange(given), maxBytes), fileFields],
  ['a release', (given) => toPublishSpec(strange(given), maxBytes), publishFields],
  ['a template', (given) => toTemplateSpec(withContent(given), maxBytes), templateFields],
  ['a write', (given) => checkWriteOptions(strange(given)), writeFields],
]

for (const [what, check, table] of specs) {
  describe(what, () => {
    for (const [field, fits, refused] of table) {
      test.each(fits.map((value) => [value]))(`may have such a ${field}: %#`, (value) => {
        expect(() => check({ [field]: value })).not.toThrow()
      })

      test.each(refused.map((value) => [value]))(`may not have such a ${field}: %#`, (value) => {
        expect(() => check({ [field]: value })).toThrow(refusal(fieldOf(field, value)))
      })
    }

    test.each([[[]], [new Map()], [new Date(0)]])('is not %j', (given) => {
      expect(() => check(strange(given))).toThrow(/^CONFIG_INVALID: \w+: must be an object/)
    })
  })
}

/** What is wrong with one text of several is said of that text. */
function fieldOf(field: string, value: unknown): string {
  if (field !== 'tags' && field !== 'metadata') return field
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return field
  const [entry] = Object.entries(value)
  if (entry === undefined || Object.keys(value).length > 1 || entry[0] === '' || entry[0] === 'constructor')
    return field
  if (entry[0] === '__proto__') return field
  return entry[0].length > 128 ? `key of ${field}` : `${field}.${entry[0]}`
}

describe('a group', () => {
  const current: Group = {
    ...key,
    comment: 'c',
    business: 'b',
    department: 'd',
    metadata: { a: 'b' },
    createdAtMs: 1,
    changedAtMs: 2,
    revision: 3,
  }

  test('is empty where nothing is given', () => {
    const nothing = { ...key, comment: '', business: '', department: '', metadata: {} }
    expect(toGroup(key, {})).toEqual(nothing)
  })

  test('stays as it is where nothing is given', () => {
    const { comment, department } = current
    expect(toGroup(key, { business: 'new', metadata: {} }, current)).toEqual({
      ...key,
      ...{ comment, department, business: 'new', metadata: {} },
    })
  })

  test('keeps a copy of its metadata that nobody changes', () => {
    const metadata: Record<string, string> = { a: 'b' }
    const group = toGroup(key, { metadata })
    metadata['a'] = 'c'
    expect(group.metadata).toEqual({ a: 'b' })
    expect(group.metadata).toSatisfy(Object.isFrozen)
  })
})

describe('a file', () => {
  test('has only what was given and is known', () => {
    expect(toFileSpec(strange({ comment: 'c', format: undefined, colour: 'red' }), maxBytes)).toStrictEqual({
      comment: 'c',
    })
  })
})

describe('a release', () => {
  test('has what a file has, and its own', () => {
    const spec = {
      content: 'c',
      format: 'yaml',
      name: 'first',
      releaseComment: 'r',
      tags: { a: 'b' },
    } as const
    expect(toPublishSpec(spec, maxBytes)).toStrictEqual(spec)
  })

  test('that is gray has a rule', () => {
    const rule = { percent: 10 }
    expect(toGrayPublishSpec({ content: 'c', rule }, maxBytes)).toStrictEqual({ content: 'c', rule })
    expect(() => toGrayPublishSpec(strange({ content: 'c' }), maxBytes)).toThrow(refusal('rule'))
  })
})

test('a template is plain text without a comment where nothing else is given', () => {
  expect(toTemplateSpec({ content: 'c' }, maxBytes)).toStrictEqual({
    content: 'c',
    format: 'text',
    comment: '',
  })
})

test('an import says what becomes of files that exist', () => {
  for (const conflict of ['skip', 'overwrite', 'abort'] as const) {
    expect(() => checkImportOptions({ conflict, namespace: 'n', actor: 'ann' })).not.toThrow()
  }
  expect(() => checkImportOptions(strange({}))).toThrow(refusal('conflict'))
  expect(() => checkImportOptions(strange({ conflict: 'merge' }))).toThrow(refusal('conflict'))
  expect(() => checkImportOptions({ conflict: 'skip', namespace: 'a b' })).toThrow(refusal('namespace'))
  expect(() => checkImportOptions(strange({ conflict: 'skip', actor: 5 }))).toThrow(refusal('actor'))
})
