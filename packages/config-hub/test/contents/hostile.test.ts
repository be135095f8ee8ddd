import { describe, expect, test } from 'vitest'
import { checkContent } from '../../src/contents/check-content.ts'
import { ContentError } from '../../src/errors.ts'
import { configLimits } from '../../src/limits.ts'
import type { ContentFormat } from '../../src/model.ts'

const size = configLimits.contentMaxBytes

/** As often as it fits. */
const fill = (begin: string, part: string, end = ''): string =>
  begin + part.repeat(Math.floor((size - begin.length - end.length) / part.length)) + end

/** Parts that differ, as many as fit. */
function series(begin: string, part: (nth: number) => string, end = ''): string {
  const parts = [begin]
  let length = begin.length + end.length
  for (let nth = 0; ; nth++) {
    const next = part(nth)
    length += next.length
    if (length > size) return parts.join('') + end
    parts.push(next)
  }
}

type Hostile = readonly [what: string, content: string, isValid: boolean]

/** As large as contents may be, and of what takes careless readers long: depth, repeats, errors without end, what is looked up. */
const hostile: Readonly<Partial<Record<ContentFormat, readonly Hostile[]>>> = {
  json: [
    ['open arrays', fill('', '['), false],
    ['open objects', fill('', '{"a":'), false],
    ['arrays that close', fill('', '[]'), false],
    ['empty arrays', fill('[', '[],', '[]]'), true],
    ['arrays full of arrays', fill('[', `${'['.repeat(100)}${']'.repeat(100)},`, '1]'), true],
    ['one text', fill('"', 'a', '"'), true],
    ['one text without an end', fill('"', 'a'), false],
    ['escapes', fill('"', '\\\\', '"'), true],
    ['one number', fill('', '1'), true],
    ['spaces', fill('', ' '), false],
    ['errors', fill('', 'x '), false],
    ['commas', fill('[', ','), false],
    ['names', series('{', (nth) => `"k${nth}":1,`, '"":1}'), true],
    ['comments', fill('', '/*'), false],
    ['an error on the last line', fill('', '\n', 'x'), false],
  ],
  yaml: [
    ['open sequences', fill('', '['), false],
    ['open mappings', fill('', '{'), false],
    ['sequences in sequences', fill('', '- '), false],
    ['names in names', fill('', '? '), false],
    ['mappings on a line', fill('', 'a: '), false],
    ['indents that grow', series('', (nth) => `${' '.repeat(nth)}a:\n`), false],
    ['indents that grow and shrink', series('', (nth) => `${' '.repeat(nth % 100)}k${nth}:\n`), true],
    ['names', series('', (nth) => `name-${nth}: value of it\n`), true],
    ['names in brackets', series('{', (nth) => `name-${nth}: value of it,\n`, '}'), true],
    ['names in an ordered mapping', series('!!omap [', (nth) => `name-${nth}: value of it, `, ']'), true],
    ['one text', fill('', 'a'), true],
    ['one text of words', fill('', 'a '), true],
    ['one text in quotes', fill('"', '\\n', '"'), true],
    ['one text in quotes, without an end', fill('"', 'a\n'), false],
    ['one text of many lines', fill('|\n', ' a\n'), true],
    ['one folded text of empty lines', fill('>\n', ' a\n\n'), true],
    ['commas', fill('[', ','), false],
    ['colons', fill('', ':'), false],
    ['brackets that close', fill('', ']'), false],
    ['anchors', fill('', '&a '), false],
    ['tags', fill('', '!a '), false],
    ['one tag', fill('', '!'), false],
    ['aliases', fill('', '*a '), false],
    ['aliases of one text', fill('- &a x\n', '- *a\n'), false],
    ['comments', fill('', `#${'c'.repeat(30)}\n`), true],
    ['directives', fill('', '%YAML 1.2\n'), false],
    ['documents', fill('', '--- abcdefghijklm\n'), true],
    ['more tokens than may be', fill('', '-\n'), false],
  ],
  xml: [
    ['open elements', fill('', '<a>'), false],
    ['elements in elements', fill('<r>', `${'<a>'.repeat(100)}${'</a>'.repeat(100)}`, '</r>'), true],
    ['beginnings', fill('', '<'), false],
    ['spaces in a tag', fill('<a', ' ', '/>'), true],
    ['spaces in a tag without an end', fill('<a', ' '), false],
    ['attributes', series('<a', (nth) => ` a${nth}=""`, '/>'), true],
    ['attributes without values', series('<a', (nth) => ` a${nth}`, '/>'), false],
    ['one name', fill('<', 'a'), false],
    ['one value without an end', fill('<a b="', 'c'), false],
    ['ampersands', fill('<a>', '&', '</a>'), false],
    ['one reference without an end', fill('<a>&', 'a', '</a>'), false],
    ['references', fill('<a>', '&amp;', '</a>'), true],
    ['comments', fill('<a>', '<!---->', '</a>'), true],
    ['comments without an end', fill('', '<!--'), false],
    ['instructions without an end', fill('', '<?a '), false],
    ['a declaration of spaces', fill('<?xml version="1.0"', ' ', '?><a/>'), true],
    ['a declaration of spaces that goes wrong', fill('<?xml version="1.0"', ' ', 'b?><a/>'), false],
    ['a target without an end', fill('<?', 'a', '/?><a/>'), false],
    ['references to large numbers', fill('<a>&#', '9', ';</a>'), false],
    ['a DOCTYPE of spaces', fill('<!DOCTYPE a', ' ', 'b><a/>'), false],
    ['a DOCTYPE of one name', fill('<!DOCTYPE ', 'a', '"><a/>'), false],
    ['a DOCTYPE of a public name', fill('<!DOCTYPE a PUBLIC ""', ' ', '><a/>'), false],
    ['a DOCTYPE of quotes', fill('<!DOCTYPE a ', '"'), false],
    ['a DOCTYPE of brackets', fill('<!DOCTYPE a ', '['), false],
    ['a DOCTYPE of quotes in brackets', fill('<!DOCTYPE a [', '"'), false],
    ['brackets', fill('<a>', ']', '</a>'), true],
  ],
  properties: [
    ['backslashes', fill('', '\\'), true],
    ['lines that go on', fill('a=', '\\\n'), true],
    ['an escape that goes on', fill('a=\\u', '\\\n    '), false],
    ['escapes', fill('', '\\u0041'), true],
    ['comments', fill('', '#\n'), true],
    ['one line', fill('', 'a'), true],
    ['spaces', fill('', ' '), true],
    ['an error on the last line', fill('', '\n', '\\u'), false],
  ],
  toml: [
    ['open arrays', fill('a=', '['), false],
    ['open tables', fill('a=', '{a='), false],
    ['arrays in arrays', fill('a=[', `${'['.repeat(100)}${']'.repeat(100)},`, ']'), true],
    ['dots', fill('', 'a.', 'a=1'), false],
    ['dots in a header', fill('[', 'a.', 'a]'), false],
    ['names', series('', (nth) => `k${nth}=1\n`), true],
    ['tables', series('', (nth) => `[a.b.c${nth}]\n`), true],
    ['tables of an array', fill('', '[[a]]\n'), true],
    ['one table in a line', series('a={', (nth) => `k${nth}=1,`, 'k=1}'), true],
    ['one text', fill('a="', '\\n', '"'), true],
    ['one text of quotes', fill('a="""', '""\n'), false],
    ['one text of empty lines', fill('a="""', '\\\n', '"""'), true],
    ['one number', fill('a=', '1'), true],
    ['one number with errors', fill('a=', '1_'), false],
    ['days that there are, and are not', fill('a=[', '2020-02-29,"2021-02-29",', ']'), true],
    ['large numbers', fill('a=[', '9007199254740993,', ']'), true],
    ['a name again and again', fill('', 'a=1\n'), false],
    ['an error on the last line', fill('', '\n', '='), false],
  ],
}

describe.each(Object.entries(hostile) as readonly [ContentFormat, readonly Hostile[]][])(
  'a large content of %s',
  (format, cases) => {
    test.each(cases)('of %s is decided', (_, content, isValid) => {
      expect(content.length).toBeLessThanOrEqual(size)
      expect(outcomeOf(content, format)).toBe(isValid)
    })
  },
)

function outcomeOf(content: string, format: ContentFormat): boolean {
  try {
    checkContent(content, format)
    return true
  } catch (error) {
    if (error instanceof ContentError && error.message.length < 400) return false
    throw error
  }
}
