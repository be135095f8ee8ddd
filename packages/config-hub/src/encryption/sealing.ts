import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { invariant } from '@orrery/environment'
import { ConfigError } from '../errors.ts'
import type { ContentPlace } from './ports.ts'

/** How contents and data keys are sealed: a nonce, the cipher text, a tag. Unit: bytes. */
export const sealLayout = { keyBytes: 32, nonceBytes: 12, tagBytes: 16 } as const

const algorithm = 'aes-256-gcm'
const { keyBytes, nonceBytes, tagBytes } = sealLayout

/**
 * Bytes that only the key opens: 12 bytes of nonce, the cipher text, 16 bytes of tag (AES-256-GCM).
 *
 * The nonce comes from the entropy of the system, not from the environment: that one's stream is not for secrets, and a nonce that
 * comes twice gives two contents away. With random ones, a key is good for 2^32 contents, which no file ever has.
 *
 * @param key 32 bytes
 * @param boundTo has to be the same when it is opened; it is no secret, and not kept
 */
export function seal(key: Uint8Array, plain: Uint8Array, boundTo: Uint8Array): Uint8Array {
  invariant(key.length === keyBytes, 'a key has 32 bytes')
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes }).setAAD(boundTo)
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/**
 * The reverse of {@link seal}. The bytes have an allocation of their own, so that whoever zeroes them leaves none behind.
 *
 * @throws ConfigError `CONFIG_DECRYPTION_FAILED` when anything differs: the key, the bytes, or what they are bound to
 */
export function unseal(key: Uint8Array, sealed: Uint8Array, boundTo: Uint8Array): Uint8Array {
  invariant(key.length === keyBytes, 'a key has 32 bytes')
  const end = sealed.length - tagBytes
  if (end < nonceBytes) throw new ConfigError('CONFIG_DECRYPTION_FAILED', 'there are too few bytes')
  const decipher = createDecipheriv(algorithm, key, sealed.subarray(0, nonceBytes), {
    authTagLength: tagBytes,
  })
  decipher.setAAD(boundTo).setAuthTag(sealed.subarray(end))
  const plain = decipher.update(sealed.subarray(nonceBytes, end))
  try {
    decipher.final()
  } catch (cause) {
    plain.fill(0) // not proven, so nobody may have it
    throw new ConfigError('CONFIG_DECRYPTION_FAILED', 'the bytes, the key or the place is another one', {
      cause,
    })
  }
  return plain
}

/** A sealed content for a place. @param key 32 bytes */
export function sealContent(key: Uint8Array, place: ContentPlace, plain: Uint8Array): Uint8Array {
  return seal(key, plain, placeBytes(place))
}

/**
 * The content that was sealed for a place.
 *
 * @throws ConfigError `CONFIG_DECRYPTION_FAILED`
 */
export function unsealContent(key: Uint8Array, place: ContentPlace, sealed: Uint8Array): Uint8Array {
  return unseal(key, sealed, placeBytes(place))
}

/**
 * What a content is bound to, as additional authenticated data: its path, a line feed, and the version in decimal digits or
 * `draft`. Paths are escaped, so no two places look the same. Whoever opens a sealed release himself needs these bytes.
 */
export function placeBytes({ path, at }: ContentPlace): Uint8Array {
  return Buffer.from(`${path}\n${at}`)
}
