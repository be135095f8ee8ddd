import { hasCode } from '@orrery/environment'
import { ConfigError, type ConfigErrorCode, type ContentError } from '@orrery/config-hub'
import { createFailureOf, type Failure, messageOf } from '../failure.ts'

/** {@link Failure}, and where a content is not of its format. */
export interface ConfigFailure extends Failure {
  /** From 1 on. */
  readonly line?: number
  /** From 1 on, in UTF-16 code units. */
  readonly column?: number
}

const codedFailureOf = createFailureOf<ConfigErrorCode>({
  statuses: {
    CONFIG_INVALID: 400,
    CONFIG_CONTENT_INVALID: 400,
    CONFIG_PUBLIC_KEY_INVALID: 400,
    CONFIG_ARCHIVE_INVALID: 400,
    CONFIG_GROUP_NOT_FOUND: 404,
    CONFIG_FILE_NOT_FOUND: 404,
    CONFIG_RELEASE_NOT_FOUND: 404,
    CONFIG_TEMPLATE_NOT_FOUND: 404,
    CONFIG_GRAY_NOT_FOUND: 404,
    CONFIG_NO_DRAFT: 409,
    CONFIG_GROUP_EXISTS: 409,
    CONFIG_GROUP_IN_USE: 409,
    CONFIG_GRAY_ACTIVE: 409,
    CONFIG_KEYS_MISSING: 409,
    CONFIG_CONFLICT: 412,
    CONFIG_OVERLOADED: 503,
    CONFIG_NOT_READY: 503,
    CONFIG_CLOSED: 503,
    CONFIG_DECRYPTION_FAILED: 500,
    CONFIG_CACHE_INVALID: 500,
    CONFIG_OPTION_INVALID: 500,
  },
  invalidCode: 'CONFIG_INVALID',
})

/** What a client is told of what a hub, or this package, threw. */
export function configFailureOf(error: unknown): ConfigFailure {
  if (hasCode(error, 'CONFIG_DECRYPTION_FAILED')) {
    // The caller can do nothing about it, but should know that it is no bug; the operator hears of it.
    return { status: 500, code: error.code, message: messageOf(error), isInternal: true }
  }
  const failure = codedFailureOf(error)
  return isContentError(error) ? { ...failure, line: error.line, column: error.column } : failure
}

/** By its fields, not its class: two installed copies of the hub still understand each other. */
function isContentError(error: unknown): error is ContentError {
  return hasCode(error, 'CONFIG_CONTENT_INVALID') && 'line' in error && 'column' in error
}

/** A request that is no such request. */
export function invalidRequest(message: string): ConfigError {
  return new ConfigError('CONFIG_INVALID', message)
}
