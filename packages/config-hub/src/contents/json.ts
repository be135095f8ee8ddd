import { printParseErrorCode, visit } from 'jsonc-parser'
import { contentMaxDepth } from './content-limits.js'
import { refuseAt, tooDeep } from './fault.js'

/** What `JSON.parse` takes, a name twice in an object included. Source: RFC 8259. @throws ContentFault */
export function checkJson(content: string): void {
  checkDepth(content)
  try {
    JSON.parse(content)
  } catch {
    // The engine's message says where in some versions only, and quotes the content.
    refusePlace(content)
  }
}

/** Before anything that goes into the depth itself, such as the search for the place of an error. */
function checkDepth(content: string): void {
  let [depth, inString] = [0, false]
  for (let at = 0; at < content.length; at++) {
    const code = content.charCodeAt(at)
    if (code === codes.quote) inString = !inString
    else if (inString) {
      if (code === codes.escape) at++
    } else if (code === codes.openArray || code === codes.openObject) {
      depth++
      if (depth > contentMaxDepth) refuseAt(content, at, tooDeep)
    } else if (code === codes.closeArray || code === codes.closeObject) depth--
  }
}

const codes = {
  quote: 34,
  openArray: 91,
  escape: 92,
  closeArray: 93,
  openObject: 123,
  closeObject: 125,
} as const

/** In the words of whoever reads the message, by what the parser calls it. */
const reasons: Readonly<Record<string, string>> = {
  InvalidSymbol: 'no value begins so',
  InvalidNumberFormat: 'is no number',
  PropertyNameExpected: 'a name in double quotes is expected',
  ValueExpected: 'a value is expected',
  ColonExpected: 'a colon is expected',
  CommaExpected: 'a comma is expected',
  CloseBraceExpected: 'a closing brace is expected',
  CloseBracketExpected: 'a closing bracket is expected',
  EndOfFileExpected: 'nothing more is expected',
  InvalidCommentToken: 'JSON has no comments',
  UnexpectedEndOfComment: 'JSON has no comments',
  UnexpectedEndOfString: 'the string does not end',
  UnexpectedEndOfNumber: 'the number does not end',
  InvalidUnicode: '\\u needs four hexadecimal digits',
  InvalidEscapeCharacter: 'there is no such escape',
  InvalidCharacter: 'a string has no control characters',
}

function refusePlace(content: string): never {
  visit(
    content,
    {
      onError: (code, offset) =>
        refuseAt(content, offset, reasons[printParseErrorCode(code)] ?? 'is not JSON'),
    },
    { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false },
  )
  return refuseAt(content, content.length, 'is not JSON')
}
