/**
 * An expected failure. Switch on `code`; the message is for people and may change.
 *
 * Every package that can fail derives one class from this, with a closed set of codes that start with the
 * name of the package (`LEASE_NOT_FOUND`).
 */
export abstract class CodedError<Code extends string = string> extends Error {
  /** What went wrong, for programs. */
  readonly code: Code

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(`${code}: ${message}`, options)
    this.code = code
    this.name = new.target.name
  }
}

/**
 * Tells whether `error` carries one of `codes`. It compares codes, not classes, so that two installed
 * copies of one package still understand each other.
 */
export function hasCode<Code extends string>(
  error: unknown,
  ...codes: readonly Code[]
): error is CodedError<Code> {
  return error instanceof Error && 'code' in error && (codes as readonly unknown[]).includes(error.code)
}
