import { configLimits } from '../limits.ts'
import type { FileKey, GroupKey } from '../model.ts'
import { fieldsOf, refuse, someTextOf } from './fields.ts'

/** What names of namespaces and groups are made of: what stands in URLs and labels of metrics without much ado. */
const nameChars = /^[\w\-./:]*$/

/** `.` and `..` mean something else in paths, and are lost on their way through a client's URL. */
const onlyDots = /^\.+$/

/** Controls, and what ends a line. */
const unprintable = /[\p{Control}\p{Line_Separator}\p{Paragraph_Separator}]/u

/**
 * What nobody sees, or what makes others see something else: marks of direction, joiners and spaces without width, fillers that look like
 * nothing, tags, and what chooses among the looks of a character. Two names that look alike shall be the same.
 *
 * Unicode has no property for those that are named here: joiners of Tifinagh and Brahmi, the blank of braille, blanks of hieroglyphs, the
 * filler of Khitan, and a note without a head.
 */
const invisible =
  /[\p{Format}\p{Default_Ignorable_Code_Point}\u2d7f\u{1107f}\u2800\u{13441}\u{13442}\u{16fe4}\u{1d159}]/u

/**
 * What means nothing anywhere, or only to those who agreed on it. Characters that are not assigned yet may be in a later version of Unicode:
 * whether they are depends on the member's.
 */
const meaningless = /[\p{Noncharacter_Code_Point}\p{Private_Use}]/u

/** All spaces but the usual one: they look like it. */
const oddSpace = /[^\P{Space_Separator} ]/u

/** @throws ConfigError `CONFIG_INVALID` */
export function checkNamespaceName(name: unknown): asserts name is string {
  checkName(name, 'namespace', configLimits.namespaceMaxChars)
}

/** @throws ConfigError `CONFIG_INVALID` */
export function checkGroupKey(key: unknown): asserts key is GroupKey {
  const { namespace, group } = fieldsOf(key, 'key')
  checkNamespaceName(namespace)
  checkName(group, 'group', configLimits.groupMaxChars)
}

/**
 * A file's name is what people choose, in whatever script: slashes make folders of it, for them. It is refused where two names would
 * look the same, or where a path, an archive or a terminal would take it for something else.
 *
 * @throws ConfigError `CONFIG_INVALID`
 */
export function checkFileKey(key: unknown): asserts key is FileKey {
  checkGroupKey(key)
  checkPath(fieldsOf(key, 'key')['file'], 'file', configLimits.fileMaxChars)
}

/** As names of files are. @throws ConfigError `CONFIG_INVALID` */
export function checkTemplateName(name: unknown): asserts name is string {
  checkPath(name, 'name', configLimits.templateNameMaxChars)
}

/** A text of at least one character on one line. @throws ConfigError `CONFIG_INVALID` */
export function printableOf(value: unknown, field: string, maxChars: number): string {
  const text = someTextOf(value, field, maxChars)
  if (unprintable.test(text)) refuse(field, 'must have no control characters or line ends')
  return text
}

function checkName(name: unknown, field: string, maxChars: number): asserts name is string {
  const text = someTextOf(name, field, maxChars)
  if (!nameChars.test(text)) {
    refuse(field, 'must have only letters, digits and - . / : _, got another character')
  }
  if (onlyDots.test(text)) refuse(field, 'must not be only dots')
}

function checkPath(name: unknown, field: string, maxChars: number): asserts name is string {
  const text = printableOf(name, field, maxChars)
  if (invisible.test(text)) refuse(field, 'must have no characters that are not seen')
  if (meaningless.test(text)) refuse(field, 'must have no characters without a meaning')
  if (oddSpace.test(text)) refuse(field, 'must have no spaces but the usual one')
  if (text.includes('\\')) refuse(field, 'must have no backslash; folders end with /')
  if (text !== text.normalize('NFC')) refuse(field, 'must be in Unicode normalization form C')
  for (const segment of text.split('/')) {
    if (segment.length === 0) refuse(field, 'must not begin or end with /, or have two of them in a row')
    if (segment === '.' || segment === '..') refuse(field, 'must not have . or .. between slashes')
    if (segment !== segment.trim()) refuse(field, 'must not have spaces at the begin or end of a part')
  }
}
