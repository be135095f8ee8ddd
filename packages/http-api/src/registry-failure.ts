import type { RegistryErrorCode } from '@orrery/registry'
import { RegistryError } from '@orrery/registry'
import { createFailureOf } from './failure.ts'

/** What a client is told of what a registry, or this package, threw. */
export const failureOf = createFailureOf<RegistryErrorCode>({
  statuses: {
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
  },
  invalidCode: 'REGISTRY_INVALID',
})

/** A request that is no such request. */
export function invalidRequest(message: string): RegistryError {
  return new RegistryError('REGISTRY_INVALID', message)
}
