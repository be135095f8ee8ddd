import { STATUS_CODES } from 'node:http'
import type { CodedError } from '@orrery/environment'
import { hasCode } from '@orrery/environment'
import type { HttpApiErrorCode } from './errors.ts'
import { httpApiErrorCodes } from './errors.ts'

/** What a client is told of a request that failed. */
export interface Failure {
  readonly status: number
  readonly code: string
  readonly message: string
  /** It is our bug: the log has to know. */
  readonly isInternal: boolean
}

/** What a client is told of what was thrown. Nothing of an internal error reaches it. */
export type FailureOf = (error: unknown) => Failure

/** How the refusals of what is served become answers. */
export interface FailureRules<Code extends string> {
  /** Status by code. A code that is missing does not compile. */
  readonly statuses: Readonly<Record<Code, number>>
  /** What is said of a request that is no such request. */
  readonly invalidCode: Code
}

/** The status of what this package refuses. */
const statusOfHttpApiError: Readonly<Record<HttpApiErrorCode, number>> = {
  HTTP_API_CHANGES_GONE: 410,
  HTTP_API_CONNECTIONS_NOT_FOUND: 404,
  HTTP_API_PLAIN_FORBIDDEN: 403,
  HTTP_API_BODY_TOO_LARGE: 413,
  HTTP_API_MEDIA_TYPE_UNSUPPORTED: 415,
  HTTP_API_TOO_MANY_SUBSCRIPTIONS: 503,
  HTTP_API_OVERLOADED: 503,
  HTTP_API_LAGGING: 503,
  HTTP_API_SNAPSHOT_TOO_LARGE: 507,
  HTTP_API_STORE_UNAVAILABLE: 503,
  HTTP_API_REFUSED: 400,
  HTTP_API_INTERNAL: 500,
  HTTP_API_OPTION_INVALID: 500,
  HTTP_API_PEER_INVALID: 500,
  HTTP_API_PEER_OVERLOADED: 500,
  HTTP_API_PEER_FAILED: 500,
  HTTP_API_PEERS_CLOSED: 500,
}

/**
 * Codes of a store that cannot serve now, but may soon, or through another member. Its other failures are for
 * its operator: what they are is in the log. The store is not a dependency of this package, hence the texts.
 */
const storeUnavailable = [
  'STORE_CLOSED',
  'STORE_FAILED',
  'STORE_NO_SPACE',
  'STORE_CORRUPT',
  'STORE_TOO_MANY_REQUESTS',
  'STORE_TIMED_OUT',
  'STORE_OUTCOME_UNKNOWN',
  'STORE_LEADER_CHANGED',
  'STORE_NO_LEADER',
  'STORE_NOT_LEADER',
  'STORE_REMOVED',
] as const

const internal: Failure = {
  status: 500,
  code: 'HTTP_API_INTERNAL',
  message: 'internal error',
  isInternal: true,
}

/** What clients of an API are told, by its rules. */
export function createFailureOf<Code extends string>({
  statuses,
  invalidCode,
}: FailureRules<Code>): FailureOf {
  const codes = Object.keys(statuses) as Code[]
  return (error) => {
    if (hasCode(error, ...codes)) return coded(error, statuses[error.code])
    if (hasCode(error, ...httpApiErrorCodes)) return coded(error, statusOfHttpApiError[error.code])
    if (hasCode(error, ...storeUnavailable)) {
      return httpApi('HTTP_API_STORE_UNAVAILABLE', `the store cannot serve now (${error.code})`)
    }
    if (hasCode(error, 'FST_ERR_CTP_BODY_TOO_LARGE')) {
      return httpApi('HTTP_API_BODY_TOO_LARGE', 'the body is too large')
    }
    if (hasCode(error, 'FST_ERR_CTP_INVALID_MEDIA_TYPE')) {
      return httpApi('HTTP_API_MEDIA_TYPE_UNSUPPORTED', 'the body is of another type than the route takes')
    }
    return refusalOf(error, invalidCode)
  }
}

/** What Fastify says of a request, or a hook of the host: `statusCode` of the error. */
function refusalOf(error: unknown, invalidCode: string): Failure {
  if (!(error instanceof Error) || !('statusCode' in error) || typeof error.statusCode !== 'number')
    return internal
  const status = error.statusCode
  if ('validation' in error || (hasFastifyCode(error) && status === 400)) {
    return { status: 400, code: invalidCode, message: error.message, isInternal: false }
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'HTTP_API_REFUSED'
  if (status >= 400 && status < 500) return { status, code, message: error.message, isInternal: false }
  if (status > 500 && status < 600) {
    return { status, code, message: STATUS_CODES[status] ?? 'unavailable', isInternal: false }
  }
  return internal
}

/** A body that is no JSON, is cut, or would poison a prototype. */
function hasFastifyCode(error: Error): boolean {
  return 'code' in error && typeof error.code === 'string' && error.code.startsWith('FST_')
}

function httpApi(code: HttpApiErrorCode, message: string): Failure {
  return { status: statusOfHttpApiError[code], code, message, isInternal: false }
}

function coded(error: CodedError, status: number): Failure {
  if (status === 500) return internal
  return { status, code: error.code, message: messageOf(error), isInternal: false }
}

/** A coded error's message begins with its code, which the body has beside it. */
export function messageOf(error: CodedError): string {
  const prefix = `${error.code}: `
  return error.message.startsWith(prefix) ? error.message.slice(prefix.length) : error.message
}
