/** Parameters of a query string; a parameter that is repeated has all of its values. */
export type QueryParameters = Record<string, string | string[]>

/** Makes the error for a request that is no such request. */
export type Invalid = (message: string) => Error

/** How a query string is read. */
export interface QueryStringRules {
  /** Parameters that are true or false. */
  readonly flags: ReadonlySet<string>
  readonly invalid: Invalid
}

/**
 * Makes objects in which no name means anything before it is set: names come from outside. One that `Object.create(null)` makes is a
 * table from the beginning, which takes 180 bytes; thousands of requests that have no parameters may be pending at a time.
 */
const Parameters = function () {} as unknown as new () => QueryParameters
Parameters.prototype = Object.freeze(Object.create(null) as QueryParameters)

/**
 * Parses what follows the `?`. Unlike Fastify's parser, which a host may replace besides, it refuses escapes that are
 * none: otherwise a filter would quietly look for something else. A parameter without value is `true` if it is a flag.
 *
 * @throws what `invalid` makes
 */
export function parseQueryString(url: string, { flags, invalid }: QueryStringRules): QueryParameters {
  const parameters = new Parameters()
  const begin = url.indexOf('?')
  if (begin === -1) return parameters
  for (const part of url.slice(begin + 1).split('&')) {
    if (part === '') continue
    const equals = part.indexOf('=')
    const name = decode(equals === -1 ? part : part.slice(0, equals), invalid)
    const given = equals === -1 ? '' : decode(part.slice(equals + 1), invalid)
    const value = given === '' && flags.has(name) ? 'true' : given
    const present = parameters[name]
    if (present === undefined) parameters[name] = value
    else if (Array.isArray(present)) present.push(value)
    else parameters[name] = [present, value]
  }
  return parameters
}

function decode(text: string, invalid: Invalid): string {
  const spaced = text.replaceAll('+', ' ')
  if (!spaced.includes('%')) return spaced
  try {
    return decodeURIComponent(spaced)
  } catch {
    throw invalid(`querystring has an escape that is none: ${text.slice(0, 100)}`)
  }
}
