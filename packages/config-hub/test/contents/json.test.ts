import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkContent } from '../../src/contents/check-content.ts'
import { ContentError } from '../../src/errors.ts'
import { type Accepted, expectAccepted, expectRefused, type Refused } from './content-case.ts'

const accepted: readonly Accepted[] = [
  ['an object', '{"a": [1, 2.5e-3, true, null]}'],
  ['a text alone', '"a"'],
  ['a number alone', ' -0 '],
  ['a name twice', '{"a": 1, "a": 2}'],
  ['brackets and escaped quotes in a text', `"${'[{\\"'.repeat(200)}"`],
  ['128 levels', '['.repeat(128) + ']'.repeat(128)],
]

const refused: readonly Refused[] = [
  ['nothing', '', 1, 1],
  ['spaces', ' \n ', 2, 2],
  ['a comment', '{\n  // why\n}', 2, 3],
  ['a comma too much', '{"a": 1,\n}', 2, 1],
  ['a comma too much in an array', '[1,]', 1, 4],
  ['no comma', '{"a": 1\n "b": 2}', 2, 2],
  ['no colon', '{"a" 1}', 1, 6],
  ['no value', '{"a": }', 1, 7],
  ['single quotes', "{'a': 1}", 1, 2],
  ['no quotes', '{a: 1}', 1, 2],
  ['no end', '{"a": [1, 2', 1, 12],
  ['a text without an end', '["a\n"]', 1, 2],
  ['a tab in a text', '"a\tb"', 1, 1],
  ['an unknown escape', '["\\x41"]', 1, 2],
  ['half an escape', '"\\u12"', 1, 1],
  ['a zero before a number', '[01]', 1, 3],
  ['a number without an end', '[1.]', 1, 2],
  ['what is no number', '[NaN]', 1, 2],
  ['another thing behind it', '{}\r\n{}', 2, 1],
  ['a byte order mark', '\ufeff{}', 1, 1],
  ['a no-break space', '[1,\u00a02]', 1, 4],
  ['129 levels', '['.repeat(129), 1, 129],
  ['129 levels that do not end alike', `\n${'{"a":['.repeat(65)}`, 2, 385],
]

describe('JSON', () => {
  test.each(accepted)('may be %s', (_, content) => {
    expectAccepted('json', content)
  })

  test.each(refused)('may not be %s', (_, content, line, column) => {
    expectRefused('json', content, { line, column })
  })

  test('says what is wrong without quoting it', () => {
    expect(() => checkContent('{"password": "secret" "more": 1}', 'json')).toThrow(
      'CONFIG_CONTENT_INVALID: a comma is expected (line 1, column 23)',
    )
  })

  test('is what the engine parses, and where it does not, there is a place', () => {
    const parts = '{ } [ ] " : , \\ "a" 1 - . e true nul /'.split(' ')
    const part = fc.constantFrom(...parts, ' ', '\n', '\t', '\u2028')
    const property = fc.property(fc.array(part, { maxLength: 8 }), (chosen) => {
      const content = chosen.join('')
      const error = errorOf(content)
      expect(error === undefined).toBe(isParsed(content))
      if (error !== undefined) expect(error.message).not.toContain('is not JSON')
    })
    fc.assert(property, { numRuns: 5_000 })
  })
})

function isParsed(content: string): boolean {
  try {
    JSON.parse(content)
    return true
  } catch {
    return false
  }
}

function errorOf(content: string): ContentError | undefined {
  try {
    checkContent(content, 'json')
    return undefined
  } catch (error) {
    if (error instanceof ContentError) return error
    throw error
  }
}
