import { CodedError } from '@orrery/environment'

/**
 * Why the registry refuses or fails a call.
 *
 * - `REGISTRY_INVALID`: something given is out of its range or form; the message begins with the field's name
 * - `REGISTRY_NAMESPACE_NOT_FOUND`, `REGISTRY_SERVICE_NOT_FOUND`, `REGISTRY_INSTANCE_NOT_FOUND`: there is none
 * - `REGISTRY_NAMESPACE_EXISTS`, `REGISTRY_SERVICE_EXISTS`: there is one already
 * - `REGISTRY_NAMESPACE_IN_USE`: it still has services
 * - `REGISTRY_SERVICE_IN_USE`: it still has instances, or other services are aliases of it
 * - `REGISTRY_ALIAS_INVALID`: an alias of an alias, of itself, or instances of an alias
 * - `REGISTRY_CONFLICT`: it is at another revision than `ifRevision` says
 * - `REGISTRY_OVERLOADED`: too much waits already, or waited for too long; nothing was done, try again later
 * - `REGISTRY_UNAVAILABLE`: the member cannot vouch for heartbeats now; another member may
 * - `REGISTRY_NOT_READY`: it has not started, or reads its state
 * - `REGISTRY_CLOSED`: it is closing or closed
 * - `REGISTRY_OPTION_INVALID`: an option is out of its range
 */
export const registryErrorCodes = [
  'REGISTRY_INVALID',
  'REGISTRY_NAMESPACE_NOT_FOUND',
  'REGISTRY_SERVICE_NOT_FOUND',
  'REGISTRY_INSTANCE_NOT_FOUND',
  'REGISTRY_NAMESPACE_EXISTS',
  'REGISTRY_SERVICE_EXISTS',
  'REGISTRY_NAMESPACE_IN_USE',
  'REGISTRY_SERVICE_IN_USE',
  'REGISTRY_ALIAS_INVALID',
  'REGISTRY_CONFLICT',
  'REGISTRY_OVERLOADED',
  'REGISTRY_UNAVAILABLE',
  'REGISTRY_NOT_READY',
  'REGISTRY_CLOSED',
  'REGISTRY_OPTION_INVALID',
] as const

/** One of {@link registryErrorCodes}. */
export type RegistryErrorCode = (typeof registryErrorCodes)[number]

/** A call that the registry refused or could not finish. Failures of the store come through as they are. */
export class RegistryError extends CodedError<RegistryErrorCode> {}
