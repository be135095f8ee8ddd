import { refuseBody } from './refuse.ts'

/** What no XML 1.0 document can hold, not even as a reference; halves of surrogate pairs are among it. */
const forbidden = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u
const textSpecial = /[&<>\r]|[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu
const attributeSpecial = /[&<>"\t\n\r]|[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  // Not needed but in `]]>`, which so needs no rule of its own.
  '>': '&gt;',
  '"': '&quot;',
  // As themselves, readers would turn the first into a line feed, and in attributes all three into spaces.
  '\r': '&#13;',
  '\t': '&#9;',
  '\n': '&#10;',
}

const references: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** Text for an element. What XML cannot hold becomes U+FFFD. */
export function escapeXmlText(text: string): string {
  return text.replace(textSpecial, (character) => escapes[character] ?? '\ufffd')
}

/** Text for an attribute in double quotes. What XML cannot hold becomes U+FFFD. */
export function escapeXmlAttribute(text: string): string {
  return text.replace(attributeSpecial, (character) => escapes[character] ?? '\ufffd')
}

/** Whether `text` has only what XML 1.0 can hold. */
export function isXmlText(text: string): boolean {
  return !forbidden.test(text)
}

/**
 * Text with its references replaced: characters by number, and the five names that XML defines itself. No document
 * can define others here.
 *
 * Source: XML 1.0, sections 4.1 and 4.6.
 *
 * @throws EurekaError `EUREKA_BODY_INVALID`: an ampersand that begins no such reference
 */
export function decodeXmlText(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(/&(?:(#?[\da-zA-Z]{1,16});)?/g, (_, reference: string | undefined) => {
    if (reference === undefined) return refuseBody('xml', 'has an ampersand that is not escaped')
    const named = Object.hasOwn(references, reference) ? references[reference] : undefined
    return named ?? decodeCharacter(reference)
  })
}

function decodeCharacter(reference: string): string {
  const digits = /^#(?:(\d+)|x([\da-fA-F]+))$/.exec(reference)
  if (digits === null) refuseBody('xml', 'has a reference to an entity')
  const [, base10, base16 = ''] = digits
  const code = base10 === undefined ? Number.parseInt(base16, 16) : Number.parseInt(base10, 10)
  const character = code <= 0x10ffff ? String.fromCodePoint(code) : '\0'
  return isXmlText(character)
    ? character
    : refuseBody('xml', 'has a reference to a character that XML does not have')
}

/**
 * Keys that are names in every edition of XML 1.0, with `$`, which is escaped. Later editions have more, but a client whose
 * parser keeps to an earlier one would fail to read every other instance too. No colons: they would make a prefix.
 */
const writableKey =
  /^[A-Za-z_$\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff\u0410-\u044f\u3041-\u3094\u30a1-\u30fa\u4e00-\u9fa5\uac00-\ud7a3][\w$.\-\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff\u0410-\u044f\u3041-\u3094\u30a1-\u30fa\u4e00-\u9fa5\uac00-\ud7a3]*$/

/**
 * A key as the name of an element: `_` is doubled and `$` becomes `_-`, as XStream does in both directions. Undefined
 * when it would be no name, for example with a space, a colon or a digit in front.
 */
export function toXmlName(key: string): string | undefined {
  if (!writableKey.test(key)) return undefined
  return key.includes('_') || key.includes('$') ? key.replaceAll('_', '__').replaceAll('$', '_-') : key
}

/** The reverse of {@link toXmlName}. A single `_`, of a client that does not escape, stays. */
export function fromXmlName(name: string): string {
  return name.includes('_') ? name.replace(/__|_-/g, (escape) => (escape === '__' ? '_' : '$')) : name
}
