import { createPrivateKey, generateKeyPairSync, type KeyObject, privateDecrypt } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { checkPublicKey, sealForPublicKey } from '../../src/encryption/public-key.ts'
import { keyOf } from './support.ts'

interface Pair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

function pem(
  { publicKey, privateKey }: Pair,
  types: { spki: 'spki' | 'pkcs1'; pkcs8: 'pkcs8' | 'pkcs1' } = usual,
) {
  return {
    publicKey: publicKey.export({ type: types.spki, format: 'pem' }).toString(),
    privateKey: privateKey.export({ type: types.pkcs8, format: 'pem' }).toString(),
  }
}

const usual = { spki: 'spki', pkcs8: 'pkcs8' } as const
const pair = generateKeyPairSync('rsa', { modulusLength: 2_048 })
const rsa = pem(pair)
const pkcs1 = pem(pair, { spki: 'pkcs1', pkcs8: 'pkcs1' })
const small = pem(generateKeyPairSync('rsa', { modulusLength: 1_024 }))
const ec = pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }))
const ed25519 = pem(generateKeyPairSync('ed25519'))
const pss = pem(generateKeyPairSync('rsa-pss', { modulusLength: 2_048 }))

/** The key with an exponent of 1: the last bytes of an SPKI of RSA are those of the exponent, 65537. */
function withExponentOne(publicKey: string): string {
  const der = Buffer.from(publicKey.replace(/-----[^-]+-----/g, ''), 'base64')
  der.set([0, 0, 1], der.length - 3)
  return `-----BEGIN PUBLIC KEY-----\n${der.toString('base64')}\n-----END PUBLIC KEY-----\n`
}

describe('a data key for a public key', () => {
  test('is readable for the owner of the private key, with SHA-256', () => {
    const sealed = sealForPublicKey(keyOf(7), rsa.publicKey)
    const key = createPrivateKey(rsa.privateKey)
    expect(privateDecrypt({ key, oaepHash: 'sha256' }, sealed)).toEqual(Buffer.from(keyOf(7)))
    expect(() => privateDecrypt({ key, oaepHash: 'sha1' }, sealed)).toThrow()
  })

  test('may have space around its PEM block, and lines that end as on Windows', () => {
    expect(() => checkPublicKey(`\n${rsa.publicKey.replaceAll('\n', '\r\n')}\n\n`)).not.toThrow()
  })

  test.each([
    ['nothing', ''],
    ['garbage', 'garbage'],
    ['garbage in a block', '-----BEGIN PUBLIC KEY-----\nZ2FyYmFnZQ==\n-----END PUBLIC KEY-----'],
    ['a block that is cut off', rsa.publicKey.slice(0, 200)],
    ['a block without its middle', rsa.publicKey.replace(/\n.{64}\n/, '\n')],
    ['a private key', rsa.privateKey],
    ['a private key of PKCS#1', pkcs1.privateKey],
    ['a public key of PKCS#1', pkcs1.publicKey],
    ['a key of 1,024 bits', small.publicKey],
    ['an elliptic curve', ec.publicKey],
    ['a key of Ed25519', ed25519.publicKey],
    ['a key that only signs', pss.publicKey],
    ['two keys', rsa.publicKey + small.publicKey],
    ['a private key beside a public one', rsa.publicKey + rsa.privateKey],
    ['an exponent of 1', withExponentOne(rsa.publicKey)],
    ['a text that is far too long', `${' '.repeat(20_000)}${rsa.publicKey}`],
  ])('is not given for %s', (_, publicKey) => {
    expect(() => sealForPublicKey(keyOf(7), publicKey)).toThrow(
      expect.objectContaining({ code: 'CONFIG_PUBLIC_KEY_INVALID' }) as Error,
    )
  })
})
