import type { IncomingHttpHeaders } from 'node:http'
import { invalidRequest } from './failure.ts'

/**
 * A header as text: UTF-8, where Node sees a character in each byte.
 *
 * @throws ConfigError `CONFIG_INVALID`
 */
export function headerText(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name]
  if (typeof value !== 'string' || /^[\x20-\x7e]*$/.test(value)) return value as string | undefined
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(value, 'latin1'))
  } catch {
    throw invalidRequest(`the header ${name} has to be UTF-8`)
  }
}
