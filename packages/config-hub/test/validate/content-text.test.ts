import { describe, expect, test } from 'vitest'
import { checkContentText, defaultFormat } from '../../src/validate/content-text.ts'
import { refusal } from './refusal.ts'

describe('the text of a content', () => {
  test.each([
    ['nothing', '', 1],
    ['as many bytes as it may have', 'abc', 3],
    ['as many bytes of longer characters', 'äö', 4],
    ['a pair of surrogates', '😀', 4],
    ['controls and a byte order mark', '\ufeff\u0000', 10],
  ])('may be %s', (_, content, maxBytes) => {
    expect(() => checkContentText(content, maxBytes)).not.toThrow()
  })

  test.each([
    ['a byte too long', 'abcd', 3],
    ['short in characters, too long in bytes', 'äö', 3],
    ['a character too long', '€', 2],
    ['one with half of a pair', 'a\ud83d', 100],
    ['a number', 5, 100],
    ['null', null, 100],
    ['bytes', new Uint8Array(3), 100],
  ])('may not be %s', (_, content, maxBytes) => {
    expect(() => checkContentText(content, maxBytes)).toThrow(refusal('content'))
  })
})

test.each([
  ['a.json', 'json'],
  ['a/b.yaml', 'yaml'],
  ['a.yml', 'yaml'],
  ['A.YML', 'yaml'],
  ['pom.xml', 'xml'],
  ['a.b.properties', 'properties'],
  ['a.toml', 'toml'],
  ['index.html', 'html'],
  ['.json', 'json'],
  ['json', 'text'],
  ['a.json/b', 'text'],
  ['a.txt', 'text'],
  ['a.', 'text'],
  ['a', 'text'],
  ['a.constructor', 'text'],
])('a file called %s has by default the format %s', (file, format) => {
  expect(defaultFormat(file)).toBe(format)
})
