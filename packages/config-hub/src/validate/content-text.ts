import type { ContentFormat } from '../model.ts'
import { kindOf, refuse } from './fields.ts'

/** Lone surrogates: no UTF-8 stands for them, so that another content would come back. */
const illFormed = /\p{Surrogate}/u

/**
 * Whether it can be stored at all. Whether it is of its format is another question, which is asked when it is released.
 *
 * @param maxBytes as UTF-8
 * @throws ConfigError `CONFIG_INVALID`
 */
export function checkContentText(content: unknown, maxBytes: number): asserts content is string {
  if (typeof content !== 'string') refuse('content', `must be a string, got ${kindOf(content)}`)
  // Each code unit takes one byte to three: what is far too long, or short enough, is not gone through.
  const { length } = content
  const isSure = length > maxBytes || length * 3 <= maxBytes
  const bytes = isSure ? length : Buffer.byteLength(content)
  if (bytes > maxBytes)
    refuse('content', `must take at most ${maxBytes} bytes as UTF-8, got at least ${bytes}`)
  if (illFormed.test(content)) refuse('content', 'must be well-formed Unicode, got half of a surrogate pair')
}

const formatsByEnding: ReadonlyMap<string, ContentFormat> = new Map([
  ['json', 'json'],
  ['yaml', 'yaml'],
  ['yml', 'yaml'],
  ['xml', 'xml'],
  ['properties', 'properties'],
  ['toml', 'toml'],
  ['html', 'html'],
])

/** What the content of a file is, by the ending of its name, in whatever case; `text` if that says nothing. */
export function defaultFormat(file: string): ContentFormat {
  const dot = file.lastIndexOf('.')
  const ending = dot === -1 ? '' : file.slice(dot + 1).toLowerCase()
  return formatsByEnding.get(ending) ?? 'text'
}
