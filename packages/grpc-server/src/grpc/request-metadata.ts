import { Metadata } from '@grpc/grpc-js'
import type { RequestHead } from '../http2/request-head.ts'

type Values = Map<string, (string | Buffer)[]>

/** What is for the transport, and not for handlers: the fields that grpc-js keeps from them, too. */
const transportFields = new Set([
  'grpc-timeout',
  'grpc-encoding',
  'grpc-accept-encoding',
  'accept-encoding',
  'te',
  'content-type',
])

/** Fields of which HTTP has one, so that the first one counts; of the others values are joined, as Node joins them. */
const singleFields = new Set([
  'age',
  'authorization',
  'content-length',
  'etag',
  'expires',
  'from',
  'host',
  'if-modified-since',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'proxy-authorization',
  'referer',
  'retry-after',
  'user-agent',
])

/**
 * The metadata of a request as handlers know it. It is put together when it is first changed or listed; most
 * handlers look at one or two fields at the most, which are read where they came.
 */
export class RequestMetadata extends Metadata {
  readonly #head: RequestHead
  #values: Values | undefined

  constructor(head: RequestHead) {
    super()
    this.#head = head
  }

  override get(key: string): (string | Buffer)[] {
    if (this.#values !== undefined) return super.get(key)
    const name = key.toLowerCase()
    if (transportFields.has(name)) return []
    if (name.endsWith('-bin')) return super.get(key)
    const value = valueOf(this.#head, name)
    return value === undefined ? [] : [value]
  }

  /** Where grpc-js' own methods find the values, which makes them work here as they do there. */
  // @ts-expect-error the base class declares a field; it sets it once, in its constructor
  protected override get internalRepr(): Values {
    return (this.#values ??= collect(this.#head))
  }

  protected override set internalRepr(_empty: Values) {
    // The base class begins with an empty map, which is not needed.
  }
}

function collect(head: RequestHead): Values {
  const values: Values = new Map()
  const { fields } = head
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] ?? ''
    if (transportFields.has(name) || values.has(name)) continue
    const value = valueOf(head, name) ?? ''
    values.set(name, name.endsWith('-bin') ? decodeBinary(name, value) : [value])
  }
  return values
}

/** All values of a field in one, as `node:http2` gives them. */
function valueOf({ fields }: RequestHead, name: string): string | undefined {
  let found: string | undefined
  for (let at = 0; at < fields.length; at += 2) {
    if (fields[at] !== name) continue
    const value = fields[at + 1] ?? ''
    if (found === undefined) found = value
    else if (!singleFields.has(name)) found += (name === 'cookie' ? '; ' : ', ') + value
  }
  return found
}

/** gRPC over HTTP/2, "Custom-Metadata": several values may come in one field, separated by commas. */
function decodeBinary(name: string, value: string): Buffer[] {
  const parts = name.startsWith('grpc-') ? [value] : value.split(',')
  return parts.map((part) => Buffer.from(part.trim(), 'base64'))
}
