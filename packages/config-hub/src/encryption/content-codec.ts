import type { KeyPort, WrappedKey } from '../ports.ts'
import { DataKeyCache, type DataKeyCacheDeps, type DataKeyCacheOptions } from './data-keys.ts'
import type { ContentCodec, ContentPlace } from './ports.ts'
import { checkPublicKey, sealForPublicKey } from './public-key.ts'
import { sealContent, unsealContent } from './sealing.ts'

/** A {@link ContentCodec} with what only the hub needs of it. */
export interface EncryptingCodec extends ContentCodec {
  /** Undefined: the hub has no keys. */
  readonly port: KeyPort | undefined
  /** Data keys that stand unwrapped in memory. */
  readonly cachedKeys: number
  /**
   * A data key that only the owner of a private key can use: RSA-OAEP with SHA-256.
   *
   * @param publicKey RSA of at least 2,048 bits, PEM (SPKI)
   * @throws ConfigError `CONFIG_PUBLIC_KEY_INVALID`, `CONFIG_KEYS_MISSING`, `CONFIG_DECRYPTION_FAILED`
   */
  dataKeyFor(publicKey: string, dataKey: WrappedKey): Promise<Uint8Array>
  /** Zeroes the data keys in memory. Safe to call twice. */
  close(): void
}

/** Creates what seals and opens contents: AES-256-GCM with data keys that a key port wraps. */
export function createContentCodec(
  deps: DataKeyCacheDeps,
  options: DataKeyCacheOptions = {},
): EncryptingCodec {
  return new AesContentCodec(deps, options)
}

class AesContentCodec implements EncryptingCodec {
  readonly port: KeyPort | undefined
  readonly #keys: DataKeyCache

  constructor(deps: DataKeyCacheDeps, options: DataKeyCacheOptions) {
    this.port = deps.port
    this.#keys = new DataKeyCache(deps, options)
  }

  get cachedKeys(): number {
    return this.#keys.size
  }

  newDataKey(): Promise<WrappedKey> {
    return this.#keys.create()
  }

  seal(plain: Uint8Array, place: ContentPlace, dataKey: WrappedKey): Promise<Uint8Array> {
    return this.#keys.use(dataKey, (key) => sealContent(key, place, plain))
  }

  open(sealed: Uint8Array, place: ContentPlace, dataKey: WrappedKey): Promise<Uint8Array> {
    return this.#keys.use(dataKey, (key) => unsealContent(key, place, sealed))
  }

  rewrap(dataKey: WrappedKey): Promise<WrappedKey | undefined> {
    return this.#keys.rewrap(dataKey)
  }

  async dataKeyFor(publicKey: string, dataKey: WrappedKey): Promise<Uint8Array> {
    checkPublicKey(publicKey) // before the port is asked for anything
    return this.#keys.use(dataKey, (key) => sealForPublicKey(key, publicKey))
  }

  close(): void {
    this.#keys.close()
  }
}
