import type { ReleaseInfo } from '../model.ts'
import type { WrappedKey } from '../ports.ts'

/** What a sealed content is bound to: moved to another file or version, it does not open. */
export interface ContentPlace {
  /** As `filePath` makes it. */
  readonly path: string
  /** The version that it was sealed for: see {@link sealedVersion}. */
  readonly at: number | 'draft'
}

/**
 * Seals contents, and opens them again. All of its calls fail with `CONFIG_KEYS_MISSING` where the hub has no keys: plain
 * contents never come here.
 */
export interface ContentCodec {
  /** A new data key, wrapped. */
  newDataKey(): Promise<WrappedKey>
  /**
   * @param plain the content; it is not written to
   * @returns 12 bytes of nonce, the cipher text, 16 bytes of tag
   */
  seal(plain: Uint8Array, place: ContentPlace, dataKey: WrappedKey): Promise<Uint8Array>
  /**
   * The reverse of {@link ContentCodec.seal}.
   *
   * What `KeyPort.unwrap` throws with a code of ours is thrown as it is: `CONFIG_DECRYPTION_FAILED` says that there is no such key, or that
   * it does not open these bytes, and asking again changes nothing. Whatever else it throws says only that the port did not do it now, as
   * when it is out of reach: that is a `KeyPortError`, which has the same code, and whoever waits for the content asks again.
   *
   * @throws ConfigError `CONFIG_DECRYPTION_FAILED`
   */
  open(sealed: Uint8Array, place: ContentPlace, dataKey: WrappedKey): Promise<Uint8Array>
  /**
   * Wraps a data key with the key that the port wraps with now.
   *
   * @returns undefined: that is what it is wrapped with already
   * @throws ConfigError as {@link ContentCodec.open} does; what `KeyPort.wrap` throws
   */
  rewrap(dataKey: WrappedKey): Promise<WrappedKey | undefined>
}

/**
 * The version that the content of a release was sealed for. A restated release has the very bytes of the one that it restates, so that
 * nobody who has them is given them again: they are bound to the version that they were first released as.
 */
export function sealedVersion({
  version,
  origin,
  from,
}: Pick<ReleaseInfo, 'version' | 'origin' | 'from'>): number {
  // What is rolled back to is sealed anew, with the data key that the file has now.
  return origin === 'rollback' ? version : (from ?? version)
}
