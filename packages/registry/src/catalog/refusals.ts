import { RegistryError } from '../errors.ts'
import type { ServiceKey } from '../model.ts'

/** There is no such namespace. */
export function noNamespace(name: string): RegistryError {
  return new RegistryError('REGISTRY_NAMESPACE_NOT_FOUND', `there is no namespace ${name}`)
}

/** There is no such service. */
export function noService({ namespace, service }: ServiceKey): RegistryError {
  return new RegistryError('REGISTRY_SERVICE_NOT_FOUND', `there is no service ${service} in ${namespace}`)
}

/** The service stays as long as it is needed. */
export function serviceInUse(reason: string): RegistryError {
  return new RegistryError('REGISTRY_SERVICE_IN_USE', reason)
}

/** It cannot be an alias of that. */
export function badAlias(reason: string): RegistryError {
  return new RegistryError('REGISTRY_ALIAS_INVALID', reason)
}
