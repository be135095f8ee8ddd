import { refuseAt } from './fault.js'
import { illegalChar, matchAt, name, space } from './xml-parts.ts'

// Source of all of it: XML 1.0, fifth edition, sections 2.3, 3.1 and 4.1; of references to characters, production 66 (CharRef).

const startTag = new RegExp(`<(${name})`, 'uy')
const attribute = new RegExp(`${space}+(${name})${space}*=${space}*("[^"<]*"|'[^'<]*')`, 'uy')
const startTagEnd = new RegExp(`${space}*(/?)>`, 'uy')
const endTag = new RegExp(`</(${name})${space}*>`, 'uy')
const reference = new RegExp(`&(?:#([0-9]+)|#x([0-9A-Fa-f]+)|(${name}));`, 'uy')

const predefined: ReadonlySet<string> = new Set(['amp', 'lt', 'gt', 'apos', 'quot'])

/** What is said of a character that XML does not have. */
export const noSuchChar = 'XML has no such character, not even in an escape'

/** The tag that begins an element, and ends it as well if it is empty. */
export interface StartTag {
  readonly name: string
  /** What is behind it. */
  readonly end: number
  readonly isEmpty: boolean
}

/** @throws ContentFault */
export function readStartTag(
  content: string,
  { start, hasDoctype }: { readonly start: number; readonly hasDoctype: boolean },
): StartTag {
  const [opening, element = ''] = matchAt(startTag, content, start) ?? []
  if (opening === undefined) refuseAt(content, start, 'no markup begins so: a < in a text is written &lt;')
  let at = start + opening.length
  const names = new Set<string>()
  for (let match = matchAt(attribute, content, at); match !== null; match = matchAt(attribute, content, at)) {
    const [text, attributeName = '', value = ''] = match
    if (names.has(attributeName)) refuseAt(content, at, 'the tag has an attribute twice')
    names.add(attributeName)
    at += text.length
    checkReferences(content, { start: at - value.length, end: at, hasDoctype })
  }
  const [ending, slash] = matchAt(startTagEnd, content, at) ?? []
  if (ending === undefined) {
    refuseAt(
      content,
      at,
      'the end of the tag is expected, or an attribute with a value in quotes, without < in it',
    )
  }
  return { name: element, end: at + ending.length, isEmpty: slash === '/' }
}

/** @throws ContentFault */
export function readEndTag(content: string, start: number): { readonly name: string; readonly end: number } {
  const [text, element = ''] = matchAt(endTag, content, start) ?? []
  if (text === undefined) refuseAt(content, start, 'an end tag has nothing but a name')
  return { name: element, end: start + text.length }
}

/** A part of a content in which ampersands stand for something. */
export interface ReferencePart {
  readonly start: number
  readonly end: number
  /** Which entities there are besides those that all have, only a DOCTYPE can say. */
  readonly hasDoctype: boolean
}

/** @throws ContentFault */
export function checkReferences(content: string, { start, end, hasDoctype }: ReferencePart): void {
  const text = content.slice(start, end)
  for (let at = text.indexOf('&'); at !== -1; at = text.indexOf('&', at + 1)) {
    const [found, decimal, hexadecimal, entity] = matchAt(reference, text, at) ?? []
    if (found === undefined) refuseAt(content, start + at, 'a lone ampersand is written &amp;')
    if (entity === undefined && !isChar(decimal ?? `0x${hexadecimal}`)) {
      refuseAt(content, start + at, noSuchChar)
    }
    if (entity !== undefined && !hasDoctype && !predefined.has(entity)) {
      refuseAt(content, start + at, 'there is no such entity')
    }
  }
}

/** @param number of a character, decimal or hexadecimal */
function isChar(number: string): boolean {
  const code = Number(number)
  return code <= 0x10ffff && !illegalChar.test(String.fromCodePoint(code))
}
