import { refuseAt } from './fault.js'

/**
 * Properties of Java. Nearly everything is one: only `\u` without four hexadecimal digits is not, anywhere but in a comment. Source: the
 * documentation of `java.util.Properties.load`.
 *
 * @throws ContentFault
 */
export function checkProperties(content: string): void {
  // Without a backslash there is no escape, and most have none.
  if (!content.includes('\\')) return
  let offset = 0
  while (offset < content.length) offset = checkLine(content, offset)
}

/** Spaces that may stand before something. */
const blank = /[ \t\f]*/y
/** To the end of the line, which a backslash before it does not make longer. */
const comment = /[#!][^\r\n]*(?:\r\n|\n|\r)?/y
/** What makes one line of two, with the spaces that the second one begins with. */
const join = /\\(?:\r\n|\n|\r)[ \t\f]*/y
/** What has no backslash in it, and the end of the line after it. */
const plain = /[^\\\r\n]+/y
const lineEnd = /\r\n|\n|\r/y

/** @returns where the next line begins that none before has joined */
function checkLine(content: string, start: number): number {
  let offset = skip(blank, content, start)
  const afterComment = skip(comment, content, offset)
  if (afterComment > offset) return afterComment
  while (offset < content.length) {
    const afterEnd = skip(lineEnd, content, offset)
    if (afterEnd > offset) return afterEnd
    const afterText = Math.max(skip(plain, content, offset), skip(join, content, offset))
    offset = afterText > offset ? afterText : checkEscape(content, offset)
  }
  return offset
}

const hexDigit = /^[\da-f]$/i

/** @returns what follows the escape */
function checkEscape(content: string, start: number): number {
  let offset = start + 2
  if (content[start + 1] !== 'u') return offset
  for (let digits = 0; digits < 4; digits++) {
    // Lines are joined first: even the digits of an escape may stand on several.
    while (skip(join, content, offset) > offset) offset = skip(join, content, offset)
    if (!hexDigit.test(content[offset] ?? '')) refuseAt(content, start, '\\u needs four hexadecimal digits')
    offset++
  }
  return offset
}

function skip(pattern: RegExp, content: string, offset: number): number {
  pattern.lastIndex = offset
  return pattern.test(content) ? pattern.lastIndex : offset
}
