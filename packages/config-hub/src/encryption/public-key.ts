import { constants, createPublicKey, type KeyObject, publicEncrypt } from 'node:crypto'
import { ConfigError } from '../errors.ts'

/** Public keys that data keys are given out for. */
export const publicKeyLimits = {
  /** Unit: bits. */
  modulusMinBits: 2_048,
  /** Larger ones only cost time. Unit: bits. */
  modulusMaxBits: 16_384,
  /** Of the PEM text, which is some 3 kB for the largest of them. */
  pemMaxChars: 16_384,
} as const

/** One block, and nothing besides: no certificate, no private key, not several of which one would be picked. */
const spki = /^\s*-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\s]+-----END PUBLIC KEY-----\s*$/

/**
 * A data key that only the owner of the private key can use: RSA-OAEP with SHA-256, for the hash as well as for MGF1.
 *
 * @param publicKey RSA, PEM (SPKI)
 * @throws ConfigError `CONFIG_PUBLIC_KEY_INVALID`. There is no other way to get at the data key.
 */
export function sealForPublicKey(dataKey: Uint8Array, publicKey: string): Uint8Array {
  const key = readPublicKey(publicKey)
  try {
    return publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, dataKey)
  } catch (cause) {
    throw new ConfigError('CONFIG_PUBLIC_KEY_INVALID', 'nothing can be encrypted for it', { cause })
  }
}

/** @throws ConfigError `CONFIG_PUBLIC_KEY_INVALID` */
export function checkPublicKey(publicKey: string): void {
  readPublicKey(publicKey)
}

function readPublicKey(publicKey: unknown): KeyObject {
  const { modulusMinBits, modulusMaxBits, pemMaxChars } = publicKeyLimits
  if (typeof publicKey !== 'string') refuse(`must be a PEM text, got ${typeof publicKey}`)
  if (publicKey.length > pemMaxChars) refuse(`must have at most ${pemMaxChars} characters`)
  if (!spki.test(publicKey)) refuse('must be one PEM block of the type PUBLIC KEY')
  const key = parse(publicKey)
  if (key.asymmetricKeyType !== 'rsa') refuse(`must be an RSA key, got ${key.asymmetricKeyType ?? 'another'}`)
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {}
  if (modulusLength < modulusMinBits || modulusLength > modulusMaxBits) {
    refuse(`must have from ${modulusMinBits} to ${modulusMaxBits} bits, got ${modulusLength}`)
  }
  // With an exponent of 1, what is encrypted is readable for everybody.
  if (publicExponent < 3n || publicExponent % 2n === 0n) refuse('must have an odd exponent above 1')
  return key
}

function parse(publicKey: string): KeyObject {
  try {
    return createPublicKey({ key: publicKey, format: 'pem' })
  } catch (cause) {
    throw new ConfigError('CONFIG_PUBLIC_KEY_INVALID', 'must be a key that can be read', { cause })
  }
}

function refuse(reason: string): never {
  throw new ConfigError('CONFIG_PUBLIC_KEY_INVALID', reason)
}
