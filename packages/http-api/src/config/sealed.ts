import type { ConfigHub, FileKey, SealedRelease } from '@orrery/config-hub'
import { ConfigError } from '@orrery/config-hub'
import type { FastifyRequest } from 'fastify'

/** How a content that stands encrypted is asked for. */
export interface SealedQuery {
  readonly publicKey?: string
}

/** The parameter, or the header `X-Public-Key`. */
export function publicKeyOf({ headers }: FastifyRequest, { publicKey }: SealedQuery): string | undefined {
  const header = headers['x-public-key']
  return publicKey ?? (typeof header === 'string' ? header : undefined)
}

/** A release whose content is told as it stands in the store: what JSON becomes of it. */
export async function sealedRelease(
  hub: ConfigHub,
  { key, version }: { readonly key: FileKey; readonly version: number },
  { publicKey, signal }: { readonly publicKey: string | undefined; readonly signal: AbortSignal },
): Promise<object> {
  const pem = publicKey === undefined ? {} : { publicKey: pemOf(publicKey) }
  const { namespace, group, file } = key
  const { info, content, dataKey } = await hub.releases.sealed(key, version, { ...pem, signal })
  return { namespace, group, file, ...info, ...told(info.encrypted, { content, dataKey }) }
}

function told(
  isEncrypted: boolean,
  { content, dataKey }: Pick<SealedRelease, 'content' | 'dataKey'>,
): object {
  if (!isEncrypted) return { content: Buffer.from(content).toString() }
  return { sealed: { content: base64(content), dataKey: dataKey && base64(dataKey) } }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

/** @throws ConfigError `CONFIG_PUBLIC_KEY_INVALID` */
function pemOf(publicKey: string): string {
  if (!/^[\w\-+/]+={0,2}$/.test(publicKey)) {
    throw new ConfigError('CONFIG_PUBLIC_KEY_INVALID', 'publicKey has to be base64 of a key in DER')
  }
  const base64 = Buffer.from(publicKey, 'base64url').toString('base64')
  return `-----BEGIN PUBLIC KEY-----\n${base64}\n-----END PUBLIC KEY-----\n`
}
