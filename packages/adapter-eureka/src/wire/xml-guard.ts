import { wireLimits } from './limits.ts'
import { refuseBody, refuseSize } from './refuse.ts'
import { isXmlText } from './xml-text.ts'

const declaration = /^\ufeff?<\?xml\s[^<>]*\?>/

const nameStart =
  ':A-Z_a-z\\u00c0-\\u00d6\\u00d8-\\u00f6\\u00f8-\\u02ff\\u0370-\\u037d\\u037f-\\u1fff\\u200c\\u200d\\u2070-\\u218f' +
  '\\u2c00-\\u2fef\\u3001-\\ud7ff\\uf900-\\ufdcf\\ufdf0-\\ufffd\\u{10000}-\\u{effff}'
const name = `[${nameStart}][${nameStart}\\-.0-9\\u00b7\\u0300-\\u036f\\u203f\\u2040]*`
const space = '[ \\t\\n\\r]'
const attribute = (pattern: string) => `${space}+${pattern}${space}*=${space}*(?:"[^<"]*"|'[^<']*')`

/** A tag: the name of one that closes; or the name, the attributes and the slash of one that opens. */
const tagSource = `<(?:/(${name})|(${name})((?:${attribute(name)})*))${space}*(/?)>`

/**
 * Looks through a document before a parser does, in one pass, and gives it without its XML declaration. The parser checks next
 * to nothing, so this holds a document to the rules, but for the references in it. What is refused here has cost no more
 * than that pass: a document type, with whatever entities it would define or load, processing
 * instructions, characters that XML does not have, tags that do not match, and more text, elements or levels
 * than `wireLimits` allow.
 *
 * Source: XML 1.0, sections 2 and 3.
 *
 * @throws EurekaError `EUREKA_BODY_INVALID`, `EUREKA_BODY_TOO_LARGE`
 */
export function guardXml(document: string): string {
  const { xmlMaxLength } = wireLimits
  if (document.length > xmlMaxLength) {
    refuseSize('xml', `has ${document.length} characters, at most ${xmlMaxLength}`)
  }
  if (!isXmlText(document)) refuseBody('xml', 'has a character that XML does not have')
  const text = document.replace(declaration, '')
  const tag = new RegExp(tagSource, 'uy')
  const elements = new OpenElements()
  let end = 0
  for (let at = text.indexOf('<'); at !== -1; at = text.indexOf('<', end)) {
    elements.text(text.slice(end, at))
    const section = endOfSection(text, at)
    if (section === undefined) {
      tag.lastIndex = at
      elements.tag(tag.exec(text) ?? refuseBody('xml', 'has a tag that is not well-formed'))
      end = tag.lastIndex
    } else {
      if (text.startsWith('<![', at)) elements.text(text.slice(at, section))
      end = section
    }
  }
  elements.text(text.slice(end))
  elements.end()
  return text
}

/** The elements that are open at some place of a document. */
class OpenElements {
  readonly #names: string[] = []
  #count = 0

  text(text: string): void {
    if (this.#names.length === 0 && /[^ \t\n\r]/.test(text)) refuseBody('xml', 'has text around its element')
  }

  tag([, closing, opening, attributes = '', slash]: RegExpExecArray): void {
    if (opening === undefined) {
      if (slash === '/' || closing !== this.#names.pop())
        refuseBody('xml', 'has an element that is not closed')
      return
    }
    if (this.#count > 0 && this.#names.length === 0) refuseBody('xml', 'has a second element')
    const { xmlMaxDepth, xmlMaxElements } = wireLimits
    this.#count += 1
    if (this.#count > xmlMaxElements) refuseSize('xml', `has more than ${xmlMaxElements} elements`)
    if (this.#names.length >= xmlMaxDepth) refuseSize('xml', `has more than ${xmlMaxDepth} levels`)
    if (attributes !== '') refuseDoubles(attributes)
    if (slash !== '/') this.#names.push(opening)
  }

  end(): void {
    if (this.#count === 0) refuseBody('xml', 'has no element')
    if (this.#names.length > 0) refuseBody('xml', 'has an element that is not closed')
  }
}

function refuseDoubles(attributes: string): void {
  const names = Array.from(
    attributes.matchAll(new RegExp(attribute(`(${name})`), 'gu')),
    ([, found]) => found,
  )
  if (new Set(names).size < names.length) refuseBody('xml', 'has an attribute twice')
}

/** Where the comment or CDATA section that begins at `at` ends; undefined when a tag begins there. */
function endOfSection(text: string, at: number): number | undefined {
  if (text.startsWith('<!--', at)) return endAfter(text, '-->', at + '<!--'.length)
  if (text.startsWith('<![CDATA[', at)) return endAfter(text, ']]>', at + '<![CDATA['.length)
  if (text.startsWith('<!', at)) refuseBody('xml', 'has a document type or declares something')
  if (text.startsWith('<?', at)) refuseBody('xml', 'has a processing instruction')
  return undefined
}

function endAfter(text: string, end: string, from: number): number {
  const at = text.indexOf(end, from)
  return at === -1 ? refuseBody('xml', `has no ${end} where one is due`) : at + end.length
}
