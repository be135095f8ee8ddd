import { X509Certificate } from 'node:crypto'
import { connect as connectPlain, createServer as createPlainServer, isIP } from 'node:net'
import type { Server, Socket } from 'node:net'
import {
  checkServerIdentity,
  connect as connectTls,
  createSecureContext,
  createServer as createTlsServer,
} from 'node:tls'
import type { SecureContext, Server as TlsServer } from 'node:tls'
import { TransportError } from '@orrery/raft-node'
import type { HostAndPort } from './address.ts'
import { Refusal } from './refusal.ts'

/** What a member proves itself with, and what it asks others to. PEM, as text or bytes. */
export interface TlsCredentials {
  /** The authority of the cluster: signs the certificates of all members, and of nobody else. */
  readonly ca: string | Uint8Array
  /** This member's certificate, with intermediate ones behind it. It is used as client and as server. */
  readonly cert: string | Uint8Array
  readonly key: string | Uint8Array
  /**
   * A peer's certificate has to carry one of these DNS names or IP addresses (or the common name, if it
   * carries none), whether it dials or is dialled.
   * @defaultValue who dials compares the host that it dialled, who is dialled takes any certificate of `ca`
   */
  readonly allowedNames?: readonly string[]
}

/** Node's words for a network that does not get there, as opposed to a peer that is not trusted. */
const networkErrors = new Set([
  'EACCES',
  'EADDRNOTAVAIL',
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'EMFILE',
  'ENETDOWN',
  'ENETUNREACH',
  'ENFILE',
  'ENOBUFS',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
])

/** Makes sockets, plain or with mutual TLS. */
export class Sockets {
  readonly #handshakeTimeoutMs: number
  #tls: { readonly credentials: TlsCredentials; readonly context: SecureContext } | undefined
  #server: TlsServer | undefined

  /** @throws TransportError `TRANSPORT_INVALID_OPTION`: credentials that are none */
  constructor(credentials: TlsCredentials | undefined, handshakeTimeoutMs: number) {
    this.#handshakeTimeoutMs = handshakeTimeoutMs
    this.#tls = credentials === undefined ? undefined : { credentials, context: secureContext(credentials) }
  }

  /** @throws TransportError `TRANSPORT_INVALID_OPTION` */
  setCredentials(credentials: TlsCredentials): void {
    if (this.#tls === undefined) {
      throw new TransportError('TRANSPORT_INVALID_OPTION', 'a transport without TLS takes no certificates')
    }
    this.#tls = { credentials, context: secureContext(credentials) }
    this.#server?.setSecureContext(contextOptions(credentials))
  }

  /** @param onReady the other end is there, and is one of the cluster as far as TLS can tell */
  connect(target: HostAndPort, onReady: () => void): Socket {
    if (this.#tls === undefined) return connectPlain({ ...target, noDelay: true }, onReady)
    const { credentials, context } = this.#tls
    const { allowedNames } = credentials
    return connectTls(
      {
        ...target,
        secureContext: context,
        rejectUnauthorized: true,
        minVersion: 'TLSv1.3',
        checkServerIdentity: (host, certificate) => {
          if (allowedNames === undefined) return checkServerIdentity(host, certificate)
          return isNamed(new X509Certificate(certificate.raw), allowedNames)
            ? undefined
            : new Error(`the certificate of ${host} has none of the allowed names`)
        },
      },
      onReady,
    )
  }

  /**
   * @param onSocket somebody is there, who is one of the cluster as far as TLS can tell
   * @param onRefused somebody was there who is not
   */
  createServer(
    onSocket: (socket: Socket) => void,
    onRefused: (refusal: Refusal, remoteAddress: string) => void,
  ): Server {
    if (this.#tls === undefined) return createPlainServer({ noDelay: true }, onSocket)
    const server = createTlsServer({
      ...contextOptions(this.#tls.credentials),
      noDelay: true,
      requestCert: true,
      rejectUnauthorized: true,
      handshakeTimeout: this.#handshakeTimeoutMs,
    })
    server.on('secureConnection', (socket) => {
      const allowedNames = this.#tls?.credentials.allowedNames
      const certificate = socket.getPeerX509Certificate()
      if (allowedNames === undefined || (certificate !== undefined && isNamed(certificate, allowedNames))) {
        onSocket(socket)
        return
      }
      onRefused(
        notTrusted('its certificate has none of the allowed names'),
        socket.remoteAddress ?? 'unknown',
      )
      socket.destroy()
    })
    server.on('tlsClientError', (error, socket) => {
      onRefused(notTrusted(error.message, error), socket.remoteAddress ?? 'unknown')
      socket.destroy()
    })
    this.#server = server
    return server
  }

  /** Tells a peer that is not trusted, or does not trust this end, from one that is not reached. */
  classify(error: Error): TransportError {
    const code = 'code' in error ? error.code : undefined
    if (this.#tls === undefined || networkErrors.has(String(code))) {
      return new TransportError('TRANSPORT_UNREACHABLE', error.message, { cause: error })
    }
    return notTrusted(error.message, error)
  }
}

function notTrusted(reason: string, cause?: unknown): Refusal {
  return new Refusal('certificate', reason, cause === undefined ? {} : { cause })
}

function isNamed(certificate: X509Certificate, names: readonly string[]): boolean {
  return names.some((name) => {
    if (isIP(name) !== 0) return certificate.checkIP(name) !== undefined
    return certificate.checkHost(name, { wildcards: false }) !== undefined
  })
}

function contextOptions({ ca, cert, key }: TlsCredentials) {
  const pem = (value: string | Uint8Array): string | Buffer =>
    typeof value === 'string' ? value : Buffer.from(value)
  return { ca: pem(ca), cert: pem(cert), key: pem(key), minVersion: 'TLSv1.3' } as const
}

function secureContext(credentials: TlsCredentials): SecureContext {
  try {
    return createSecureContext(contextOptions(credentials))
  } catch (error) {
    throw new TransportError('TRANSPORT_INVALID_OPTION', 'the TLS credentials cannot be used', {
      cause: error,
    })
  }
}
