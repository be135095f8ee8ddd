import { describe, test } from 'vitest'
import { type Accepted, expectAccepted, expectRefused, type Refused } from './content-case.ts'

const accepted: readonly Accepted[] = [
  ['nothing', ''],
  ['names and values', 'a=b\nc : d\ne f\n=g\nh'],
  ['an escape', 'a=\\u00e4\\u00C45'],
  ['other escapes', 'a\\ b=\\t\\n\\q\\=\\:\\#'],
  ['a backslash that is escaped', 'a=C:\\\\users'],
  ['a comment', '# C:\\users\\u\n! \\u12\n  \t\f# \\uxyzw\na=b'],
  ['a comment that looks as if it went on', '# a \\\n# \\u\na=b'],
  ['a line that goes on', 'a=b\\\n   c\\\r\n  d\\\re'],
  ['an escape on several lines', 'a=\\u00\\\n   e\\\n4'],
  ['a backslash at the end', 'a=b\\'],
  ['two backslashes at the end of a line', 'a=b\\\\\nu=c'],
]

const refused: readonly Refused[] = [
  ['too few digits', 'a=\\u12', 1, 3],
  ['three digits', 'a=\\u123x', 1, 3],
  ['too few digits on a line', 'a=\\u12\nb=34', 1, 3],
  ['what is no digit', 'a=b\nc=\\u00g0', 2, 3],
  ['no digits in a name', '\\users=a', 1, 1],
  ['a path of Windows', 'a=b\r\nhome=C:\\users', 2, 8],
  ['no digits on a line that goes on', 'a=b\\\n  # \\u', 2, 5],
  ['an escape behind an escaped backslash', 'a=\\\\\\u', 1, 5],
  ['no digits behind lines', 'a=\\u\\\n\\\n\\\nx', 1, 3],
]

describe('properties', () => {
  test.each(accepted)('may be %s', (_, content) => {
    expectAccepted('properties', content)
  })

  test.each(refused)('may not be %s', (_, content, line, column) => {
    expectRefused('properties', content, { line, column })
  })
})
