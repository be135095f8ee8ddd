/** A data key that only a key port can open. */
export interface WrappedKey {
  /** Which of the port's keys opens it. */
  readonly keyId: string
  readonly bytes: Uint8Array
}

/**
 * Who wraps the data keys of encrypted files: a key management service, or {@link createLocalKeyPort}. It never sees a content.
 */
export interface KeyPort {
  /** What {@link KeyPort.wrap} wraps with now. Another one than that of a wrapped key: it is to be wrapped anew. */
  readonly currentKeyId: string
  /** @param dataKey 32 bytes; the port keeps no reference to them */
  wrap(dataKey: Uint8Array): Promise<WrappedKey>
  /**
   * @throws an error with the code `CONFIG_DECRYPTION_FAILED` when there is no such key, or it does not open these bytes: nobody asks again
   * for that. Any other says that it cannot be done now: whoever watches asks again
   */
  unwrap(key: WrappedKey): Promise<Uint8Array>
  close(): Promise<void>
}
