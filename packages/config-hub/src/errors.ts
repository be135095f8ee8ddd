import { CodedError, hasCode } from '@orrery/environment'

/**
 * Why the hub refuses or fails a call.
 *
 * - `CONFIG_INVALID`: something given is out of its range or form; the message begins with the field's name
 * - `CONFIG_CONTENT_INVALID`: a content is not of its format: a {@link ContentError}, which says where
 * - `CONFIG_GROUP_NOT_FOUND`, `CONFIG_FILE_NOT_FOUND`, `CONFIG_RELEASE_NOT_FOUND`, `CONFIG_TEMPLATE_NOT_FOUND`: there is none
 * - `CONFIG_NO_DRAFT`: there is nothing to release
 * - `CONFIG_GROUP_EXISTS`: there is one already
 * - `CONFIG_GROUP_IN_USE`: it still has files
 * - `CONFIG_GRAY_ACTIVE`: while a gray release is active, nothing else can be released
 * - `CONFIG_GRAY_NOT_FOUND`: no gray release is active
 * - `CONFIG_CONFLICT`: it is at another revision, or has another content, than the caller says
 * - `CONFIG_KEYS_MISSING`: a content is encrypted, or is to be, and the hub has no keys
 * - `CONFIG_DECRYPTION_FAILED`: a content or a key does not open: it was changed, or the key is another one
 * - `CONFIG_PUBLIC_KEY_INVALID`: it is no RSA key of at least 2,048 bits
 * - `CONFIG_ARCHIVE_INVALID`: an archive is not one, or holds what it may not; nothing of it was taken
 * - `CONFIG_CACHE_INVALID`: a local cache file is damaged, or too old
 * - `CONFIG_OVERLOADED`: too much waits already, or waited for too long; nothing was done, try again later
 * - `CONFIG_NOT_READY`: the hub has not started, or reads its state
 * - `CONFIG_CLOSED`: it is closing or closed
 * - `CONFIG_OPTION_INVALID`: an option is out of its range
 */
export const configErrorCodes = [
  'CONFIG_INVALID',
  'CONFIG_CONTENT_INVALID',
  'CONFIG_GROUP_NOT_FOUND',
  'CONFIG_FILE_NOT_FOUND',
  'CONFIG_RELEASE_NOT_FOUND',
  'CONFIG_TEMPLATE_NOT_FOUND',
  'CONFIG_NO_DRAFT',
  'CONFIG_GROUP_EXISTS',
  'CONFIG_GROUP_IN_USE',
  'CONFIG_GRAY_ACTIVE',
  'CONFIG_GRAY_NOT_FOUND',
  'CONFIG_CONFLICT',
  'CONFIG_KEYS_MISSING',
  'CONFIG_DECRYPTION_FAILED',
  'CONFIG_PUBLIC_KEY_INVALID',
  'CONFIG_ARCHIVE_INVALID',
  'CONFIG_CACHE_INVALID',
  'CONFIG_OVERLOADED',
  'CONFIG_NOT_READY',
  'CONFIG_CLOSED',
  'CONFIG_OPTION_INVALID',
] as const

/** One of {@link configErrorCodes}. */
export type ConfigErrorCode = (typeof configErrorCodes)[number]

/** A call that the hub refused or could not finish. Failures of the store come through as they are. */
export class ConfigError extends CodedError<ConfigErrorCode> {}

/** Whether the store refused a txn because it asks for too much at once: in parts, it may take it. */
export function isTooMuchAtOnce(error: unknown): boolean {
  return hasCode(error, 'STORE_REQUEST_TOO_LARGE', 'MVCC_TOO_MANY_OPS')
}

/** A content that is not of its format. */
export class ContentError extends ConfigError {
  /** From 1 on. */
  readonly line: number
  /** From 1 on, in UTF-16 code units. */
  readonly column: number

  constructor(message: string, { line, column }: { readonly line: number; readonly column: number }) {
    super('CONFIG_CONTENT_INVALID', `${message} (line ${line}, column ${column})`)
    this.line = line
    this.column = column
  }
}
