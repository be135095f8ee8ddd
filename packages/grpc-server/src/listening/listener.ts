import { createServer, type ListenOptions, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import type { ServerCredentials } from '@grpc/grpc-js'
import type { Logger } from '@orrery/environment'
import { GrpcServerError } from '../errors.ts'

/** Connections that may wait to be accepted: as many as Linux lets wait. Node's 511 are too few for a fleet that comes back. */
const backlog = 4_096

/** Takes a connection, before anybody has read from it. */
export type ConnectionHandler = (
  socket: Socket,
  tls: { readonly protocol: string | false } | undefined,
) => void

/** What the listening sockets of a port share. */
export interface ListenerParts {
  readonly credentials: ServerCredentials
  readonly handshakeTimeoutMs: number
  readonly logger: Logger
  /** Whether there is room for a connection; closes it when there is none. */
  readonly admit: (socket: Socket) => boolean
  readonly onConnection: ConnectionHandler
  /** A TLS handshake came to nothing. */
  readonly onHandshakeFailed: () => void
}

/** A port that is listened on, at all addresses of its name. */
export class Listener {
  readonly #parts: ListenerParts
  readonly #servers: Server[] = []

  constructor(parts: ListenerParts) {
    this.#parts = parts
  }

  /**
   * Listens at each of `addresses`; at the same port, where the first one has got a free one.
   *
   * @returns the port; 1 for a path
   * @throws GrpcServerError `GRPC_SERVER_LISTEN_FAILED` when none of them can be listened on
   */
  async listen(addresses: readonly ListenOptions[]): Promise<number> {
    let port: number | undefined
    let failure: unknown
    for (const address of addresses) {
      try {
        const at = port === undefined || address.port !== 0 ? address : { ...address, port }
        const bound = await this.#listenAt(at)
        port ??= bound
      } catch (error) {
        failure = error
        this.#parts.logger.warn('an address cannot be listened on', { ...address, error })
      }
    }
    if (port !== undefined) return port
    throw new GrpcServerError('GRPC_SERVER_LISTEN_FAILED', 'no address could be listened on', {
      cause: failure,
    })
  }

  /** Takes no more connections; those that there are go on. */
  close(): void {
    for (const server of this.#servers) server.close()
  }

  async #listenAt(address: ListenOptions): Promise<number> {
    const server = this.#parts.credentials._isSecure() ? this.#createTls() : this.#createPlain()
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ backlog, ...address }, () => {
        server.off('error', reject)
        resolve()
      })
    })
    this.#servers.push(server)
    // A socket that cannot be accepted (too many open files) is no reason to end the process.
    server.on('error', (error) => {
      this.#parts.logger.warn('a connection could not be accepted', { error })
    })
    const bound = server.address()
    return typeof bound === 'object' && bound !== null ? bound.port : 1
  }

  #createPlain(): Server {
    return createServer({ noDelay: true }, (socket) => {
      if (this.#parts.admit(socket)) this.#parts.onConnection(socket, undefined)
    })
  }

  #createTls(): Server {
    const { credentials, handshakeTimeoutMs, admit, onConnection, onHandshakeFailed, logger } = this.#parts
    let context = credentials._getSecureContextOptions()
    const server = createTlsServer({
      ...credentials._getConstructorOptions(),
      ...context,
      noDelay: true,
      ALPNProtocols: ['h2', 'http/1.1'],
      handshakeTimeout: handshakeTimeoutMs,
    })
    // As long as there are no certificates, nobody is talked to.
    server.prependListener('connection', (socket: Socket) => {
      if (context === null) socket.destroy()
      else admit(socket)
    })
    server.on('secureConnection', (socket: TLSSocket) => {
      onConnection(socket, { protocol: socket.alpnProtocol ?? false })
    })
    server.on('tlsClientError', (error, socket) => {
      onHandshakeFailed()
      logger.debug('a TLS handshake failed', { error: error.message })
      socket.destroy()
    })
    const update: Parameters<ServerCredentials['_addWatcher']>[0] = (options) => {
      context = options
      if (options === null) return
      try {
        server.setSecureContext(options)
      } catch (error) {
        logger.error('certificates cannot be used; the earlier ones stay', { error })
      }
    }
    credentials._addWatcher(update)
    server.on('close', () => {
      credentials._removeWatcher(update)
    })
    return server
  }
}
