import { CodedError } from '@orrery/environment'

/**
 * Why the reference server does not run.
 *
 * - `SERVER_OPTION_INVALID`: an option is wrong; the message names it and where it stands
 * - `SERVER_STORE_UNAVAILABLE`: the store cannot be opened, for example because its directory is in use
 * - `SERVER_REGISTRY_UNAVAILABLE`: the registry cannot read its state from the store
 * - `SERVER_CONFIG_HUB_UNAVAILABLE`: the configuration hub cannot read its state from the store
 * - `SERVER_LISTEN_FAILED`: an address cannot be listened on
 * - `SERVER_CLOSED`: it was closed before it had started
 */
export const serverErrorCodes = [
  'SERVER_OPTION_INVALID',
  'SERVER_STORE_UNAVAILABLE',
  'SERVER_REGISTRY_UNAVAILABLE',
  'SERVER_CONFIG_HUB_UNAVAILABLE',
  'SERVER_LISTEN_FAILED',
  'SERVER_CLOSED',
] as const

/** One of {@link serverErrorCodes}. */
export type ServerErrorCode = (typeof serverErrorCodes)[number]

/** A failure that the operator can act on. `reason` is one line, without the code. */
export class ServerError extends CodedError<ServerErrorCode> {
  /** The message for the person who started the server. */
  readonly reason: string

  constructor(code: ServerErrorCode, reason: string, options?: ErrorOptions) {
    super(code, reason, options)
    this.reason = reason
  }
}
