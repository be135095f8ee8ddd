import { STATUS_CODES } from 'node:http'
import type { CodedError } from '@orrery/environment'
import { hasCode } from '@orrery/environment'
import type { RegistryErrorCode } from '@orrery/registry'
import { registryErrorCodes } from '@orrery/registry'
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

/** What the registry's refusals are in HTTP. A code that is missing here does not compile. */
export const statusOfRegistryError: Readonly<Record<RegistryErrorCode, number>> = {
  REGISTRY_INVALID: 400,
  REGISTRY_NAMESPACE_NOT_FOUND: 404,
  REGISTRY_SERVICE_NOT_FOUND: 404,
  REGISTRY_INSTANCE_NOT_FOUND: 404,
  REGISTRY_NAMESPACE_EXISTS: 409,
  REGISTRY_SERVICE_EXISTS: 409,
  REGISTRY_NAMESPACE_IN_USE: 409,
  REGISTRY_SERVICE_IN_USE: 409,
  REGISTRY_ALIAS_INVALID: 409,
  REGISTRY_CONFLICT: 412,
  REGISTRY_OVERLOADED: 503,
  REGISTRY_UNAVAILABLE: 503,
  REGISTRY_NOT_READY: 503,
  REGISTRY_CLOSED: 503,
  REGISTRY_OPTION_INVALID: 500,
}

/** The same of what this package refuses. */
export const statusOfHttpApiError: Readonly<Record<HttpApiErrorCode, number>> = {
  HTTP_API_CHANGES_GONE: 410,
  HTTP_API_CONNECTIONS_NOT_FOUND: 404,
  HTTP_API_BODY_TOO_LARGE: 413,
  HTTP_API_MEDIA_TYPE_UNSUPPORTED: 415,
  HTTP_API_TOO_MANY_SUBSCRIPTIONS: 503,
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

/** What a client is told of what was thrown. Nothing of an internal error reaches it. */
export function failureOf(error: unknown): Failure {
  if (hasCode(error, ...registryErrorCodes)) return coded(error, statusOfRegistryError[error.code])
  if (hasCode(error, ...httpApiErrorCodes)) return coded(error, statusOfHttpApiError[error.code])
  if (hasCode(error, ...storeUnavailable)) {
    return httpApi('HTTP_API_STORE_UNAVAILABLE', `the store cannot serve now (${error.code})`)
  }
  if (hasCode(error, 'FST_ERR_CTP_BODY_TOO_LARGE')) {
    return httpApi('HTTP_API_BODY_TOO_LARGE', 'the body is too large')
  }
  if (hasCode(error, 'FST_ERR_CTP_INVALID_MEDIA_TYPE')) {
    return httpApi('HTTP_API_MEDIA_TYPE_UNSUPPORTED', 'the body has to be application/json')
  }
  return refusalOf(error)
}

/** What Fastify says of a request, or a hook of the host: `statusCode` of the error. */
function refusalOf(error: unknown): Failure {
  if (!(error instanceof Error) || !('statusCode' in error) || typeof error.statusCode !== 'number')
    return internal
  const status = error.statusCode
  if ('validation' in error || (hasFastifyCode(error) && status === 400)) {
    return { status: 400, code: 'REGISTRY_INVALID', message: error.message, isInternal: false }
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

/** A coded error's message begins with its code, which the body has beside it. */
function coded(error: CodedError, status: number): Failure {
  if (status === 500) return { ...internal, code: 'HTTP_API_INTERNAL' }
  const prefix = `${error.code}: `
  const message = error.message.startsWith(prefix) ? error.message.slice(prefix.length) : error.message
  return { status, code: error.code, message, isInternal: false }
}
