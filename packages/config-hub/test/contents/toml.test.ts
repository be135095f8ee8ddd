import { describe, expect, test } from 'vitest'
import { checkContent } from '../../src/contents/check-content.ts'
import { type Accepted, expectAccepted, expectRefused, type Refused } from './content-case.ts'

const accepted: readonly Accepted[] = [
  ['nothing', ''],
  ['a document', 'a = 1\n[b.c]\nd = [1.5, "e", 2020-01-01T00:00:00Z]\n[[f]]\ng = { h = true }\n'],
  ['integers of 64 bits', 'a = 9223372036854775807\nb = -9223372036854775808\n'],
  [
    'days at the end of a month',
    'a = [2020-02-29, 2000-02-29, 0000-02-29, 2021-04-30, 2021-12-31T00:00:00Z]\n',
  ],
  [
    'days that there are not, where they are no days',
    '2021-02-30 = "2021-02-30" # 2021-02-30\n2021-02-90 = 1\n',
  ],
  ['texts of several lines', 'a = \'\'\'\n\\u\n\'\'\'\nb = """c\\\n  d"""\n'],
  ['names that others fear', '__proto__ = 1\nconstructor.prototype = 2\n'],
  ['128 levels of names', `${'a.'.repeat(128)}a = 1\n`],
  ['128 levels of arrays', `a = ${'['.repeat(128)}${']'.repeat(128)}\n`],
]

const refused: readonly Refused[] = [
  ['no value', 'a = 1\nb =\n', 2, 4],
  ['no quotes', 'a = b\n', 1, 5],
  ['no equals sign', 'a\n', 1, 2],
  ['a name twice', 'a = 1\na = 2\n', 2, 1],
  ['a table twice', '[a]\n[b]\n[a]\n', 3, 2],
  ['a text without an end', 'a = "b\n', 1, 7],
  ['an unknown escape', 'a = "\\q"\n', 1, 7],
  ['a zero before a number', 'a = 01\n', 1, 5],
  ['a day that there is not', 'a = 2020-13-01\n', 1, 5],
  ['a day that February has not', 'a = 2021-02-30\n', 1, 5],
  ['a day that February has not this year', 'a = 1\nb = [2020-02-29, 2021-02-29]\n', 2, 18],
  ['a day that February has not in a year of a century', 'a = { b = 1900-02-29 }\n', 1, 11],
  ['a day that April has not, with a time', 'a = "2021-04-31"\nb = 2021-04-31T00:00:00Z\n', 2, 5],
  ['a day that November has not, with a local time', '2021-02-30 = 2021-11-31 07:32:00\n', 1, 14],
  ['two on a line', 'a = 1 b = 2\n', 1, 7],
  ['129 levels of arrays', `a = ${'['.repeat(129)}`, 1, 133],
  ['129 levels of names', `\n${'ab.'.repeat(129)}c = 1\n`, 2, 385],
  ['129 levels of tables and names', `[${'a.'.repeat(99)}b]\n${'c.'.repeat(29)}d = 1\n`, 2, 57],
]

describe('TOML', () => {
  test.each(accepted)('may be %s', (_, content) => {
    expectAccepted('toml', content)
  })

  test.each(refused)('may not be %s', (_, content, line, column) => {
    expectRefused('toml', content, { line, column })
  })

  test('says what is wrong without quoting it', () => {
    expect(() => checkContent('a = secret\n', 'toml')).toThrow(
      /^CONFIG_CONTENT_INVALID: invalid value \(line 1, column 5\)$/,
    )
  })
})
