import { isIP } from 'node:net'
import type { ConfigClient, Metadata } from '@orrery/config-hub'
import type { FastifyRequest } from 'fastify'
import { HttpApiError } from '../errors.ts'
import { labelsOf } from '../schemas/parameters.ts'
import { invalidRequest } from './failure.ts'
import { headerText } from './header-text.ts'
import type { ConfigApiOptions } from './options.ts'
import type { ClientParameters } from './schemas/parameters.ts'

type Hooks = Pick<ConfigApiOptions, 'mayReadPlain' | 'actorOf' | 'clientOf'>

/** Who asks, as far as the host or the request says. */
export class Caller {
  readonly #hooks: Hooks

  constructor(hooks: Hooks) {
    this.#hooks = hooks
  }

  /** For the audit trail. */
  actorOf(request: FastifyRequest): string | undefined {
    return this.#hooks.actorOf?.(request)
  }

  /** Whether he may read what stands encrypted. */
  async mayReadPlain(request: FastifyRequest): Promise<boolean> {
    // A host in JavaScript may give whatever: nothing but true is a yes.
    return (await this.#hooks.mayReadPlain?.(request)) === true
  }

  /** @throws HttpApiError `HTTP_API_PLAIN_FORBIDDEN` */
  async requirePlain(request: FastifyRequest): Promise<void> {
    if (!(await this.mayReadPlain(request))) throw plainForbidden()
  }

  /**
   * For gray releases: what the host says; otherwise what the body or the query string says, then what headers say, and
   * of the address, where the request comes from.
   *
   * @throws ConfigError `CONFIG_INVALID`
   */
  clientOf(request: FastifyRequest, said: ConfigClient): ConfigClient {
    const host = this.#hooks.clientOf?.(request)
    const { headers } = request
    return {
      id: host?.id ?? said.id ?? headerText(headers, 'x-client-id'),
      address: host?.address ?? said.address ?? headerText(headers, 'x-client-address') ?? addressOf(request),
      labels: host?.labels ?? said.labels ?? labelsInHeader(headerText(headers, 'x-client-labels')),
    }
  }
}

/** What is encrypted is not for whoever asks. */
export function plainForbidden(): HttpApiError {
  return new HttpApiError('HTTP_API_PLAIN_FORBIDDEN', 'the content is encrypted, and not for everybody')
}

/** What a query string says of a client. @throws ConfigError `CONFIG_INVALID` */
export function clientSaid({ clientId, clientAddress, label }: ClientParameters): ConfigClient {
  return {
    id: clientId,
    address: clientAddress,
    labels: label && labelsOf(label, 'label', invalidRequest),
  }
}

/** Behind a proxy that is trusted it is what the proxy says, which may be anything. */
function addressOf({ ip }: FastifyRequest): string | undefined {
  return isIP(ip) === 0 ? undefined : ip
}

/** `key:value`, several separated by commas, each escaped as in a URL. */
function labelsInHeader(header: string | undefined): Metadata | undefined {
  if (header === undefined) return undefined
  const labels = header.split(',').filter((label) => label.trim() !== '')
  if (labels.some((label) => !/^\s*[^:\s]+:/.test(label))) {
    throw invalidRequest('x-client-labels has to be key:value, separated by commas')
  }
  const decoded = labels.map((label) => {
    const colon = label.indexOf(':')
    return [decode(label.slice(0, colon).trim()), decode(label.slice(colon + 1).trim())] as const
  })
  if (new Set(decoded.map(([key]) => key)).size < decoded.length) {
    throw invalidRequest('x-client-labels has the same key twice')
  }
  return Object.fromEntries(decoded)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw invalidRequest(`x-client-labels has an escape that is none: ${text.slice(0, 100)}`)
  }
}
