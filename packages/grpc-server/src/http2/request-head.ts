/** The fields of a request, checked. */
export class RequestHead {
  /** Name, value, name, value … without the pseudo fields. */
  readonly fields: readonly string[]
  readonly method: string
  readonly path: string
  /** Empty when there is none. */
  readonly authority: string
  readonly contentType: string
  /** `grpc-timeout`, as it came. */
  readonly timeout: string | undefined
  /** `grpc-encoding`, as it came. */
  readonly encoding: string | undefined
  /** Unit: bytes; -1: not given. */
  readonly contentLength: number

  constructor(parts: PseudoFields, fields: readonly string[]) {
    this.fields = fields
    this.method = parts.method ?? ''
    this.path = parts.path ?? ''
    this.authority = parts.authority ?? this.get('host') ?? ''
    this.contentType = this.get('content-type') ?? ''
    this.timeout = this.get('grpc-timeout')
    this.encoding = this.get('grpc-encoding')
    this.contentLength = Number(this.get('content-length') ?? -1)
  }

  /** The first value of a field, by its name in lower case. */
  get(name: string): string | undefined {
    const { fields } = this
    for (let at = 0; at < fields.length; at += 2) if (fields[at] === name) return fields[at + 1]
    return undefined
  }
}

interface PseudoFields {
  method?: string
  scheme?: string
  path?: string
  authority?: string
}

const pseudoNames: Readonly<Record<string, keyof PseudoFields | undefined>> = {
  ':method': 'method',
  ':scheme': 'scheme',
  ':path': 'path',
  ':authority': 'authority',
}

/** RFC 9110, section 5.1, in lower case as RFC 9113, section 8.2.1, demands. */
const nameForm = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/

/** What no value may have. RFC 9113, section 8.2.1. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const refusedInValue = /[\0\r\n]|^[ \t]|[ \t]$/

/** About one connection, which HTTP/2 says otherwise. RFC 9113, section 8.2.2. */
const connectionFields = new Set([
  'connection',
  'proxy-connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
])

const lengthForm = /^\d{1,15}$/

/**
 * Checks the fields of a request. RFC 9113, section 8.3.1.
 *
 * @param fields name, value, name, value …
 * @returns undefined when they are malformed
 */
export function parseRequestHead(fields: readonly string[]): RequestHead | undefined {
  const pseudo: PseudoFields = {}
  let at = 0
  for (; at < fields.length && fields[at]?.charCodeAt(0) === 0x3a; at += 2) {
    const part = pseudoNames[fields[at] ?? '']
    const value = fields[at + 1] ?? ''
    if (part === undefined || pseudo[part] !== undefined || refusedInValue.test(value)) return undefined
    pseudo[part] = value
  }
  const { method, scheme, path } = pseudo
  // CONNECT has none of these, and is of no use here. RFC 9113, section 8.5.
  if (!method || !path || !scheme || method === 'CONNECT') return undefined
  const regular = fields.slice(at)
  return areRegularFields(regular) ? new RequestHead(pseudo, regular) : undefined
}

/** Whether fields are such as trailers may have, and the rest of a head: names, values, nothing of one connection. */
export function areRegularFields(fields: readonly string[]): boolean {
  let length: string | undefined
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] ?? ''
    const value = fields[at + 1] ?? ''
    if (!nameForm.test(name) || refusedInValue.test(value) || connectionFields.has(name)) return false
    if (name === 'te' && value !== 'trailers') return false
    if (name === 'content-length') {
      if (!lengthForm.test(value) || (length ?? value) !== value) return false
      length = value
    }
  }
  return true
}
