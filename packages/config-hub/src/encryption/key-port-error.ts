import { ConfigError } from '../errors.ts'

/**
 * A key port did not unwrap a data key, and did not say that it never will: it may be out of reach. For callers it is
 * `CONFIG_DECRYPTION_FAILED`, with what the port threw as its cause; whoever can wait asks again.
 */
export class KeyPortError extends ConfigError {
  /** @param keyId of the key that was to unwrap @param cause what the port threw */
  constructor(keyId: string, cause: unknown) {
    super('CONFIG_DECRYPTION_FAILED', `the key port did not unwrap a data key with the key ${keyId}`, {
      cause,
    })
  }
}
