// What everything in XML is made of. Source: XML 1.0, fifth edition, productions 2 (Char), 3 (S), 4 (NameStartChar) and 5 (Name).

/** What is no character of XML. */
export const illegalChar = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u

/** Source of a pattern: one character of space. */
export const space = '[ \\t\\r\\n]'

const nameStart =
  ':A-Z_a-z\\u00c0-\\u00d6\\u00d8-\\u00f6\\u00f8-\\u02ff\\u0370-\\u037d\\u037f-\\u1fff\\u200c\\u200d\\u2070-\\u218f' +
  '\\u2c00-\\u2fef\\u3001-\\ud7ff\\uf900-\\ufdcf\\ufdf0-\\ufffd\\u{10000}-\\u{effff}'

/** Source of a pattern: a name. */
export const name = `[${nameStart}][${nameStart}.0-9\\u00b7\\u0300-\\u036f\\u203f\\u2040-]*`

/** What is at a place. @param pattern sticky */
export function matchAt(pattern: RegExp, content: string, offset: number): RegExpExecArray | null {
  pattern.lastIndex = offset
  return pattern.exec(content)
}
