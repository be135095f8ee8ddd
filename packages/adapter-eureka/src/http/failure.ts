import { hasCode } from '@orrery/environment'
import { type RegistryErrorCode, registryErrorCodes } from '@orrery/registry'
import { type EurekaErrorCode, eurekaErrorCodes } from '../errors.ts'

/** How a failure is answered. */
export interface Failure {
  readonly statusCode: number
  /** For whoever made the request; empty: nothing that would help. */
  readonly text: string
  /** Somebody should know of it besides the client. */
  readonly isOurs: boolean
}

const registryStatus: Record<RegistryErrorCode, number> = {
  REGISTRY_INVALID: 400,
  // A client that is answered with 404 registers, and so on for ever. With this it says what is wrong.
  REGISTRY_NAMESPACE_NOT_FOUND: 400,
  REGISTRY_SERVICE_NOT_FOUND: 400,
  REGISTRY_INSTANCE_NOT_FOUND: 404,
  REGISTRY_NAMESPACE_EXISTS: 500,
  REGISTRY_SERVICE_EXISTS: 500,
  REGISTRY_NAMESPACE_IN_USE: 500,
  REGISTRY_SERVICE_IN_USE: 500,
  REGISTRY_ALIAS_INVALID: 400,
  REGISTRY_CONFLICT: 409,
  REGISTRY_OVERLOADED: 503,
  REGISTRY_UNAVAILABLE: 503,
  REGISTRY_NOT_READY: 503,
  REGISTRY_CLOSED: 503,
  REGISTRY_OPTION_INVALID: 500,
}

const eurekaStatus: Record<EurekaErrorCode, number> = {
  EUREKA_BODY_INVALID: 400,
  EUREKA_BODY_TOO_LARGE: 413,
  EUREKA_OPTION_INVALID: 500,
}

/** How to answer with a failure, whatever it is. */
export function failureOf(error: unknown): Failure {
  if (hasCode(error, ...registryErrorCodes)) return told(registryStatus[error.code], error)
  if (hasCode(error, ...eurekaErrorCodes)) return told(eurekaStatus[error.code], error)
  if (error instanceof Error) {
    // Fastify's own: a body that is too long, or does not come as announced.
    if ('statusCode' in error && typeof error.statusCode === 'number' && error.statusCode < 500) {
      return told(error.statusCode, error)
    }
    if ('code' in error && typeof error.code === 'string' && error.code.startsWith('STORE_')) {
      return { statusCode: 503, text: '', isOurs: true }
    }
  }
  return { statusCode: 500, text: '', isOurs: true }
}

function told(statusCode: number, { message }: Error): Failure {
  // A body of a 404 keeps Java clients from registering again.
  return { statusCode, text: statusCode === 404 ? '' : message, isOurs: statusCode === 500 }
}
